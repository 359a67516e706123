"""Outside sources, which only a NetworkPolicy can name: what first match permits, as a union without denies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.convert.drafts import Draft, address_texts
from anp.firewall.convert.lists import Entry
from anp.firewall.convert.packets import NAMED_PORTS, overlap, port_ranges
from anp.firewall.model import NO_ADDRESS, Action, common
from compiler.addresses import AddressSet
from compiler.packets import PacketSet


@dataclass(slots=True)
class Opening:
    """The rules of a NetworkPolicy; of `narrowed` statements some protocols without ports are denied besides."""

    drafts: list[Draft] = field(default_factory=list)
    narrowed: dict[int, None] = field(default_factory=dict)


def opening(entries: Sequence[Entry], everything: AddressSet, kept_out: AddressSet) -> Opening | None:
    """Return the rules for outside sources; None where all of them are permitted everything, so that none is needed.

    A permit that no earlier deny touches is written as it is. `kept_out` are addresses of pods, which are meant only by
    rules about any address.
    """
    if not any(entry.action is Action.DENY for entry in entries):
        return None
    found = Opening()
    permitted: list[tuple[PacketSet, AddressSet]] = []
    lost: list[tuple[Entry, AddressSet]] = []
    denies: list[Entry] = []
    for entry in entries:
        if entry.action is Action.DENY:
            denies.append(entry)
            continue
        spared = NO_ADDRESS if entry.networks == everything else common(entry.networks, kept_out)
        for packets, without in _pieces(entry, denies):
            blocks = list(_blocks(entry.networks, without | spared))
            where = entry.networks - (without | spared)
            permitted.append((packets, where))
            if packets.other and not _whole(packets):
                lost.append((entry, where))
                packets = PacketSet(packets.tcp, packets.udp, packets.sctp)  # noqa: PLW2901 - what can be said of it
            if blocks and packets:
                found.drafts.append(Draft(_rule(blocks, packets), entry.statements))
    _made_up_for(found, lost, permitted)
    return found


def _made_up_for(
    found: Opening, lost: Sequence[tuple[Entry, AddressSet]], permitted: Sequence[tuple[PacketSet, AddressSet]]
) -> None:
    """Permit everything to sources that several rules together permit all of it; of others something is lost."""
    for entry, where in lost:
        totals: dict[PacketSet, AddressSet] = {PacketSet(): where}
        for packets, networks in permitted:
            after: dict[PacketSet, AddressSet] = {}
            for total, there in totals.items():
                for some, those in ((total | packets, common(there, networks)), (total, there - networks)):
                    if those:
                        after[some] = after.get(some, NO_ADDRESS) | those
            totals = after
        for total, there in totals.items():
            if _whole(total):
                blocks: list[dict[str, Any]] = [{"cidr": str(network)} for network in there.networks()]
                found.drafts.append(Draft(_rule(blocks, total), entry.statements))
            else:
                found.narrowed |= dict.fromkeys(entry.statements)


def _whole(packets: PacketSet) -> bool:
    return packets.tcp == packets.udp == packets.sctp == NAMED_PORTS


def _pieces(entry: Entry, denies: Sequence[Entry]) -> Iterator[tuple[PacketSet, AddressSet]]:
    """Yield what is left of a permit after earlier denies: packets, each with the addresses that lack them."""
    pieces: dict[PacketSet, AddressSet] = {entry.packets: entry.networks}
    for deny in denies:
        if not overlap(entry.packets, deny.packets) or not common(entry.networks, deny.networks):
            continue
        after: dict[PacketSet, AddressSet] = {}
        for packets, networks in pieces.items():
            hit = common(networks, deny.networks)
            left = packets - deny.packets
            for some, where in ((packets, networks - deny.networks if hit else networks), (left, hit)):
                if some and where:
                    after[some] = after.get(some, NO_ADDRESS) | where
        pieces = after
    for packets, networks in pieces.items():
        yield packets, entry.networks - networks


def _blocks(networks: AddressSet, without: AddressSet) -> Iterator[dict[str, Any]]:
    """Yield blocks that hold some networks without some addresses: with exceptions, or cut where that is shorter."""
    for network in networks.networks():
        whole = AddressSet.of(network)
        excepted = common(whole, without)
        if not excepted:
            yield {"cidr": str(network)}
            continue
        rest, exceptions = address_texts(whole - excepted), address_texts(excepted)
        if not rest:
            continue
        if len(rest) <= len(exceptions):
            yield from ({"cidr": cidr} for cidr in rest)
        else:
            yield {"cidr": str(network), "except": list(exceptions)}


def _rule(blocks: list[dict[str, Any]], packets: PacketSet) -> dict[str, Any]:
    rule: dict[str, Any] = {"from": [{"ipBlock": block} for block in blocks]}
    if not packets.other:
        rule["ports"] = [_port(*found) for found in port_ranges(packets)]
    return rule


def _port(protocol: str, ports: tuple[int, int]) -> dict[str, Any]:
    first, last = ports
    if ports == NAMED_PORTS[0]:
        return {"protocol": protocol.upper()}
    one = {"protocol": protocol.upper(), "port": first}
    return one if first == last else {**one, "endPort": last}
