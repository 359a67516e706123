"""What an ASA configuration gives names to: addresses, services, protocols and kinds of ICMP.

Objects and object groups share one space of names, so one table has both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_groups import Groups, ends_groups, traffic_groups
from anp.firewall.providers.cisco_literals import address, address_range, masked, ports, prefix, protocols, service
from anp.firewall.providers.cisco_parts import Ends, Traffic
from anp.firewall.providers.cisco_text import Line, UnreadableError, Words
from anp.firewall.providers.provider import Options
from anp.firewall.services import SCTP, TCP, UDP
from compiler.addresses import AddressSet

T = TypeVar("T")

PORT_GROUPS = {"tcp": (TCP,), "udp": (UDP,), "tcp-udp": (TCP, UDP), "sctp": (SCTP,)}
"""What may stand behind the name of a service group, which then holds ports alone."""

CHILDREN = frozenset(
    {
        "description",
        "fqdn",
        "group-object",
        "host",
        "icmp-object",
        "network-object",
        "port-object",
        "protocol-object",
        "range",
        "security-group",
        "service",
        "service-object",
        "subnet",
        "user",
        "user-group",
    }
)
"""What lines inside a definition begin with, even where a paste has lost the indentation."""


@dataclass(slots=True)
class Objects:
    """Everything with a name, and the words that `name` makes for addresses."""

    notes: Notes
    options: Options
    aliases: dict[str, str] = field(default_factory=dict)
    networks: Groups[Ends] = field(init=False)
    services: Groups[Traffic] = field(init=False)
    protocols: Groups[Traffic] = field(init=False)
    port_groups: set[str] = field(default_factory=set)
    """Service groups that hold ports, and take the protocol from the rule."""
    icmp_groups: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.networks = ends_groups(self.notes, self.options)
        self.services = traffic_groups(self.notes)
        self.protocols = traffic_groups(self.notes)

    @property
    def groups(self) -> dict[str, AddressSet]:
        """The addresses of all names, as far as they are known."""
        found = {name: self.networks.get(name, 0).exact for name in self.networks.named}
        for name, text in self.aliases.items():
            try:
                found.setdefault(name, AddressSet.of(address(text)))
            except UnreadableError:
                continue
        return {name: addresses for name, addresses in found.items() if addresses}

    def plain(self, word: str) -> str:
        """Return the address that a word stands for, or the word."""
        return self.aliases.get(word, word)


def define(objects: Objects, line: Line) -> Callable[[Line], None] | None:
    """Begin a definition, and return what takes its further lines; None where it is not about traffic."""
    if len(line.words) < 3:
        objects.notes.error("FW150", line.number, f"{line.text}: the name is missing")
        return None
    keyword, kind, name = line.words[:3]
    alone = keyword == "object"
    of = PORT_GROUPS.get(line.words[3]) if len(line.words) > 3 else None
    match kind:
        case "network":
            return _Filling(objects, objects.networks, name, line.number, _network, Ends.unknown, alone=alone).take
        case "service" if of and not alone:
            objects.port_groups.add(name)
            read = _reader_of_ports(of)
            return _Filling(objects, objects.services, name, line.number, read, Traffic.unknown).take
        case "service":
            return _Filling(objects, objects.services, name, line.number, _service, Traffic.unknown, alone=alone).take
        case "protocol":
            return _Filling(objects, objects.protocols, name, line.number, _protocol, Traffic.unknown).take
        case "icmp-type":
            objects.icmp_groups.add(name)
            return _pass_by
    return None


class _Filling:
    """A definition whose lines are being read; an object that is `alone` holds one thing, the last."""

    def __init__(  # noqa: PLR0913, PLR0917 - a kind of definition is told by all of these
        self,
        objects: Objects,
        groups: Groups[T],
        name: str,
        line: int,
        read: Callable[[Objects, Words], T | str | None],
        unknown: Callable[[str, str], T],
        *,
        alone: bool = False,
    ) -> None:
        group = groups.define(name, line)

        def take(line: Line) -> None:
            if line.first == "description":
                return
            try:
                words = Words(line.words)
                found = _inner(words) if words.peek() == "group-object" else read(objects, words)
                words.end()
            except UnreadableError as error:
                objects.notes.error("FW150", line.number, f"{line.text}: {error}")
                group.things.append(unknown("FW150", f"in {name}, whose line {line.number} cannot be read"))
                return
            if isinstance(found, str):
                group.inner.append((found, line.number))
            elif found is not None:
                if alone:
                    group.things.clear()
                group.things.append(found)

        self.take = take


def _inner(words: Words) -> str:
    words.take()
    return words.take("a name")


def _pass_by(_line: Line) -> None:
    """Take a line that means nothing to policies."""


def _network(objects: Objects, words: Words) -> Ends | str | None:
    keyword = words.take()
    if keyword == "network-object":
        if words.took("object"):
            return words.take("a name")
        if words.took("host"):
            return Ends.known(AddressSet.of(address(objects.plain(words.take("an address")))))
        return network(objects, words)
    match keyword:
        case "host":
            return Ends.known(AddressSet.of(address(objects.plain(words.take("an address")))))
        case "subnet":
            return network(objects, words)
        case "range":
            first = objects.plain(words.take("an address"))
            return Ends.known(address_range(first, objects.plain(words.take("an address"))))
        case "fqdn":
            words.took("v4", "v6")
            return Ends.unknown("FW161", f"an address of {words.take('a domain name')}")
    raise UnreadableError(f"{keyword} is nothing that a network has")


def network(objects: Objects, words: Words) -> Ends:
    """Take an address with its mask, or an IPv6 network.

    Raises:
        UnreadableError: there is none.

    """
    base = objects.plain(words.take("an address"))
    if "/" in base:
        return Ends.known(prefix(base))
    return masked(base, words.take("a mask"), wildcard=False)


def _reader_of_ports(of: tuple[int, ...]) -> Callable[[Objects, Words], Traffic]:
    def read(_objects: Objects, words: Words) -> Traffic:
        if not words.took("port-object"):
            raise UnreadableError(f"{words.peek()} is nothing that a group of ports has")
        return Traffic.of(of, ports(words, of))

    return read


def _service(_objects: Objects, words: Words) -> Traffic | str:
    if not words.took("service-object", "service"):
        raise UnreadableError(f"{words.peek()} is nothing that a service has")
    if words.took("object"):
        return words.take("a name")
    return service(words)


def _protocol(_objects: Objects, words: Words) -> Traffic:
    if not words.took("protocol-object"):
        raise UnreadableError(f"{words.peek()} is nothing that a group of protocols has")
    return Traffic.of(protocols(words.take("a protocol")))
