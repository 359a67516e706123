"""What a firewall rule says of protocol and destination port, in canonical form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

from compiler import intervals
from compiler.intervals import Range, Ranges

ICMP, IGMP, IPIP, TCP, UDP, GRE, ESP, AH, ICMPV6, OSPF, SCTP = 1, 2, 4, 6, 17, 47, 50, 51, 58, 89, 132
"""Protocol numbers (IANA)."""

WITH_PORTS = (TCP, UDP, SCTP)
"""The protocols whose ports a policy can name (semantics.md 2.6)."""

MAX_PROTOCOL = 255
MAX_PORT = 65_535

EVERY_PORT: Ranges = ((0, MAX_PORT),)
EVERY_PROTOCOL: Ranges = ((0, MAX_PROTOCOL),)

ServiceBox: TypeAlias = tuple[Ranges, Ranges]
"""Some protocols, each with the same destination ports."""


@dataclass(frozen=True, slots=True, repr=False)
class Services:
    """An immutable set of (protocol number, destination port) pairs; build one with `of`.

    A protocol without ports, as ICMP, has all of them or none. `by_protocol` ascends and has no empty ports, so equal
    sets are ``==``.
    """

    by_protocol: tuple[tuple[int, Ranges], ...] = ()

    @classmethod
    def of(cls, *parts: tuple[int, Iterable[Range]]) -> Self:
        """Make the set of these protocols with these ports; ports of what has none mean all of it.

        Raises:
            ValueError: a number is no protocol's or no port's.

        """
        found: dict[int, list[Range]] = {}
        for protocol, given in parts:
            ports = list(given)
            if not 0 <= protocol <= MAX_PROTOCOL:
                raise ValueError(f"{protocol} is no protocol number")
            if any(first < 0 or last > MAX_PORT for first, last in ports):
                raise ValueError(f"ports go from 0 to {MAX_PORT}")
            if protocol not in WITH_PORTS and ports:
                ports = [EVERY_PORT[0]]
            found.setdefault(protocol, []).extend(ports)
        canonical = ((protocol, intervals.union(ports)) for protocol, ports in sorted(found.items()))
        return cls(tuple((protocol, ports) for protocol, ports in canonical if ports))

    @classmethod
    def every_port(cls, *protocols: int) -> Self:
        """Make the set of all packets of some protocols."""
        return cls.of(*((protocol, EVERY_PORT) for protocol in protocols))

    def ports(self, protocol: int) -> Ranges:
        """Return the ports of one protocol."""
        return next((ports for number, ports in self.by_protocol if number == protocol), ())

    def boxes(self) -> Iterator[ServiceBox]:
        """Yield disjoint boxes that make up the set: protocols that have the same ports together."""
        alike: dict[Ranges, list[Range]] = {}
        for protocol, ports in self.by_protocol:
            alike.setdefault(ports, []).append((protocol, protocol))
        for ports, protocols in alike.items():
            yield intervals.union(protocols), ports

    def __bool__(self) -> bool:
        return bool(self.by_protocol)

    def __or__(self, other: "Services") -> "Services":
        return Services.of(*self.by_protocol, *other.by_protocol)

    def __and__(self, other: "Services") -> "Services":
        theirs = dict(other.by_protocol)
        common = (
            (protocol, intervals.intersection(ports, theirs.get(protocol, ()))) for protocol, ports in self.by_protocol
        )
        return Services(tuple((protocol, ports) for protocol, ports in common if ports))

    def __sub__(self, other: "Services") -> "Services":
        theirs = dict(other.by_protocol)
        left = (
            (protocol, intervals.difference(ports, theirs.get(protocol, ()))) for protocol, ports in self.by_protocol
        )
        return Services(tuple((protocol, ports) for protocol, ports in left if ports))

    def __str__(self) -> str:
        return wording(self)

    def __repr__(self) -> str:
        return f"Services({self})"


EVERY_SERVICE = Services.every_port(*range(MAX_PROTOCOL + 1))
"""Every packet, of whatever protocol."""

PROTOCOL_NAMES = {
    ICMP: "icmp",
    IGMP: "igmp",
    IPIP: "ipip",
    TCP: "tcp",
    UDP: "udp",
    GRE: "gre",
    ESP: "esp",
    AH: "ah",
    ICMPV6: "icmpv6",
    OSPF: "ospf",
    SCTP: "sctp",
}


def protocol_name(number: int) -> str:
    """Return what people call a protocol, or ``protocol 99``."""
    return PROTOCOL_NAMES.get(number, f"protocol {number}")


def ports_text(ports: Ranges) -> str:
    """Write ports as ``80,443,8000-8100``."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def wording(services: Services) -> str:
    """Write a set in words: ``tcp/80,443, udp, all but tcp``."""
    if services == EVERY_SERVICE:
        return "any protocol"
    if not services:
        return "nothing"
    rest = [number for number in range(MAX_PROTOCOL + 1) if number not in WITH_PORTS]
    others = [number for number, _ports in services.by_protocol if number not in WITH_PORTS]
    words = [
        protocol_name(number) if ports == EVERY_PORT else f"{protocol_name(number)}/{ports_text(ports)}"
        for number, ports in services.by_protocol
        if number in WITH_PORTS
    ]
    if others == rest:
        words.append("every protocol without ports")
    elif len(others) > len(rest) // 2:
        missing = [protocol_name(number) for number in rest if number not in others]
        words.append(f"every protocol without ports but {', '.join(missing)}")
    else:
        words += [protocol_name(number) for number in others]
    return ", ".join(words)
