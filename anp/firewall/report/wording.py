"""Parts of a report in words that fit in a sentence: who, what traffic, which packet, which rule.

Nothing here is escaped; names are as the source has them. Each form of a report does that for itself.
"""

from collections.abc import Iterable, Mapping, Sequence

from anp.firewall.inventory.addressing import texts_of
from anp.firewall.model import NO_ADDRESS, Statement, common
from anp.firewall.proof.model import Equality, Gap, Packet, Party, Wanted
from anp.firewall.report.model import Report
from anp.firewall.services import EVERY_SERVICE, WITH_PORTS, Services, protocol_name
from compiler.addresses import VERSIONS, AddressSet, IpVersion

MOST_NAMES = 6
"""So many entities or networks are told of one party; more are counted."""

VERDICTS: Mapping[Equality, str] = {
    Equality.EQUAL: "EQUAL",
    Equality.EXPLAINED: "EQUAL EXCEPT WHAT IS EXPLAINED",
    Equality.DIFFERENT: "DIFFERENT",
}

_FIREWALL: Mapping[Wanted, str] = {
    Wanted.PERMIT: "permits",
    Wanted.DENY: "denies",
    Wanted.EITHER: "permits or denies",
    Wanted.UNFILTERED: "is not between them",
    Wanted.NEIGHBOUR: "is not between them",
    Wanted.TIGHTENED: "is not between them",
    Wanted.UNMAPPED: "knows nothing of the pod",
    Wanted.NO_WAY_IN: "knows nothing of the port",
    Wanted.NOT_OURS: "is not asked",
}


def firewall_does(wanted: Wanted) -> str:
    """Say what the firewall does: ``permits``."""
    return _FIREWALL[wanted]


def cluster_does(*, permitted: bool) -> str:
    """Say what the policies do: ``permit``."""
    return "permit" if permitted else "deny"


def joined(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """Write the first of some names, and count the others."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write ``1 rule`` or ``1,234 rules``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


class Namer:
    """Names the ends of packets, each set of addresses once."""

    def __init__(self, report: Report) -> None:
        everything = report.proof.outside if report.proof else NO_ADDRESS
        self._everything = {version: _family(everything, version) for version in VERSIONS}
        self._places = {
            version: [(name, some) for name, found in report.places.items() if (some := _family(found, version))]
            for version in VERSIONS
        }
        self._known: dict[tuple[AddressSet, IpVersion], str] = {}

    def gap(self, gap: Gap) -> str:
        """Say which packets differ: ``web → db, tcp/5432``."""
        sources, destinations = (self.party(party, gap.version) for party in (gap.sources, gap.destinations))
        return f"{sources} → {destinations}, {services_text(gap.services)}"

    def party(self, party: Party, version: IpVersion) -> str:
        """Say who is at one end: workloads by name, and addresses as short as they can be said."""
        words = [joined(party.entities)] if party.entities else []
        if party.other_pods:
            words.append("pods that are not mapped")
        if party.outside:
            words.append(self._outside(party.outside, version))
        return " and ".join(words)

    def _outside(self, addresses: AddressSet, version: IpVersion) -> str:
        key = (addresses, version)
        if key not in self._known:
            self._known[key] = outside_text(
                _family(addresses, version), self._everything[version], self._places[version]
            )
        return self._known[key]


def outside_text(addresses: AddressSet, everything: AddressSet, places: Sequence[tuple[str, AddressSet]]) -> str:
    """Say which addresses are meant, of one family: by names, by networks, or by what is missing from everything."""
    if addresses == everything:
        return "everything outside"
    missing = everything - addresses
    if _size(missing) < _size(addresses):
        return f"everything outside but {_spelled(missing, places)}"
    return _spelled(addresses, places)


def services_text(services: Services) -> str:
    """Say which packets of all protocols are meant, or which are not where that is shorter."""
    # Nothing listens on port 0 and no policy names it, so it is as good as there where the others are.
    first = (protocol for protocol, ports in services.by_protocol if protocol in WITH_PORTS and (ports[0][0] == 1))
    whole = services | Services.of(*((protocol, ((0, 0),)) for protocol in first))
    missing = EVERY_SERVICE - whole
    direct, inverse = str(whole), f"everything but {missing}"
    return inverse if missing and len(inverse) < len(direct) else direct


def packet_text(packet: Packet) -> str:
    """Write one packet: ``web 10.0.1.1 → db 10.0.3.9 tcp/80 (8080 in the pod)``."""
    ends = [
        f"{name} {address}" if name else str(address)
        for name, address in ((packet.source_name, packet.source), (packet.destination_name, packet.destination))
    ]
    traffic = protocol_name(packet.protocol)
    if packet.protocol in WITH_PORTS:
        traffic += f"/{packet.port}"
        if packet.container_port != packet.port:
            traffic += f" ({packet.container_port} in the pod)"
    return f"{ends[0]} → {ends[1]} {traffic}"


def statement_text(statement: Statement) -> str:
    """Name a statement as its source does: ``FORWARD 12``."""
    if statement.name and statement.list and statement.name != statement.list:
        return f"{statement.list} {statement.name}"
    return statement.name or statement.list or statement.role.value


def place_text(statement: Statement) -> str:
    """Say where a statement stands: ``dc.rules:17``."""
    return f"{statement.at.file}:{statement.at.line}" if statement.at.line else statement.at.file


def family_text(versions: Iterable[IpVersion]) -> str:
    """Write ``IPv4 and IPv6``."""
    return " and ".join(f"IPv{version}" for version in sorted(versions))


def _family(addresses: AddressSet, version: IpVersion) -> AddressSet:
    return AddressSet(v4=addresses.v4) if version == 4 else AddressSet(v6=addresses.v6)


def _spelled(addresses: AddressSet, places: Iterable[tuple[str, AddressSet]]) -> str:
    """Write a set by the names of all places that are wholly in it, and by networks for what is left."""
    words: list[str] = []
    left = addresses
    for name, place in places:
        if not place - addresses and common(place, left):
            words.append(name)
            left -= place
    return joined([*words, *texts_of(left)], max(3, len(words)))


def _size(addresses: AddressSet) -> int:
    return sum(last - first + 1 for version in VERSIONS for first, last in addresses.ranges(version))
