"""Object groups of IOS and NX-OS."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_groups import Group, Groups, ends_groups, traffic_groups
from anp.firewall.providers.cisco_literals import OPERATORS, address, address_range, masked, ports, prefix, service
from anp.firewall.providers.cisco_parts import ANYWHERE, Ends, Traffic
from anp.firewall.providers.cisco_text import Line, UnreadableError, Words
from anp.firewall.providers.provider import Options
from anp.firewall.services import WITH_PORTS
from compiler.addresses import AddressSet


@dataclass(slots=True)
class Objects:
    """The groups of one configuration."""

    notes: Notes
    options: Options
    networks: Groups[Ends] = field(init=False)
    services: Groups[Traffic] = field(init=False)
    port_groups: Groups[Traffic] = field(init=False)

    def __post_init__(self) -> None:
        self.networks = ends_groups(self.notes, self.options)
        self.services = traffic_groups(self.notes)
        self.port_groups = traffic_groups(self.notes)

    @property
    def groups(self) -> dict[str, AddressSet]:
        """The addresses of all names, as far as they are known."""
        found = {name: self.networks.get(name, 0).exact for name in self.networks.named}
        return {name: addresses for name, addresses in found.items() if addresses}


def define(objects: Objects, line: Line) -> Callable[[Line], None] | None:
    """Begin an object group, and return what takes its further lines; None where it is not about traffic."""
    kinds, name = line.words[1:-1], line.words[-1]
    match kinds:
        case ("network",) | ("network", "ipv4" | "ipv6"):
            return _filling(objects.networks, name, line, lambda words: _network(words, wildcard=False), Ends.unknown)
        case ("ip" | "ipv6", "address"):
            return _filling(objects.networks, name, line, lambda words: _network(words, wildcard=True), Ends.unknown)
        case ("service",):
            return _filling(objects.services, name, line, service, Traffic.unknown)
        case ("ip", "port") | ("port",):
            return _filling(objects.port_groups, name, line, _ports, Traffic.unknown)
    return None


def _filling(
    groups: Groups[Ends] | Groups[Traffic],
    name: str,
    line: Line,
    read: Callable[[Words], Ends] | Callable[[Words], Traffic],
    unknown: Callable[[str, str], Ends] | Callable[[str, str], Traffic],
) -> Callable[[Line], None]:
    # Both kinds of groups are filled alike; the pairs fit where this is called.
    group: Group[Ends | Traffic] = groups.define(name, line.number)  # type: ignore[assignment]

    def take(line: Line) -> None:
        words = Words(line.words)
        if words.took("description", "statistics", "fragments"):
            return
        try:
            if words.peek().isdigit() and "/" not in words.peek():
                words.take()
            if words.took("group-object", "object-group"):
                group.inner.append((words.take("a name"), line.number))
                return
            found = read(words)
            words.end()
        except UnreadableError as error:
            groups.notes.error("FW150", line.number, f"{line.text}: {error}")
            found = unknown("FW150", f"in {name}, whose line {line.number} cannot be read")
        group.things.append(found)

    return take


def _network(words: Words, *, wildcard: bool) -> Ends:
    if words.took("any"):
        return ANYWHERE
    if words.took("host"):
        return Ends.known(AddressSet.of(address(words.take("an address"))))
    if words.took("range"):
        first = words.take("an address")
        return Ends.known(address_range(first, words.take("an address")))
    return network(words, wildcard=wildcard)


def network(words: Words, *, wildcard: bool) -> Ends:
    """Take a network: with a length, or with a mask of either kind.

    Raises:
        UnreadableError: there is none.

    """
    base = words.take("an address")
    if "/" in base:
        return Ends.known(prefix(base))
    return masked(base, words.take("a mask"), wildcard=wildcard)


def _ports(words: Words) -> Traffic:
    if words.peek() not in OPERATORS:
        raise UnreadableError(f"{words.peek()} is nothing that a group of ports has")
    return Traffic.of(WITH_PORTS, ports(words, WITH_PORTS))
