"""Sets of packets by protocol and destination port, which is all that a rule's traffic can tell apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler import intervals
from compiler.intervals import Ranges
from compiler.model import MAX_PORT, PORT_PROTOCOLS, AnyTraffic, NamedPort, PortRange, Protocol, Traffic

ALL_PORTS: Ranges = ((0, MAX_PORT),)


@dataclass(frozen=True, slots=True)
class PacketSet:
    """An immutable set of (protocol, destination port) pairs; `other` is the one packet without a port.

    Canonical: two sets are ``==`` exactly when they hold the same packets.
    """

    tcp: Ranges = ()
    udp: Ranges = ()
    sctp: Ranges = ()
    other: bool = False

    @classmethod
    def of(cls, traffic: Iterable[Traffic]) -> "PacketSet":
        """Make the set that any of `traffic` matches; a named port must have been resolved before.

        Raises:
            ValueError: `traffic` has a named port.

        """
        ranges: dict[Protocol, list[intervals.Range]] = {protocol: [] for protocol in PORT_PROTOCOLS}
        for item in traffic:
            match item:
                case AnyTraffic():
                    return EVERY_PACKET
                case PortRange(protocol, first, last):
                    ranges[protocol].append((first, last))
                case NamedPort():
                    raise ValueError(f"{item} has no number of its own")
        tcp, udp, sctp = (intervals.union(ranges[protocol]) for protocol in PORT_PROTOCOLS)
        return cls(tcp, udp, sctp)

    def ports(self, protocol: Protocol) -> Ranges:
        """Return the ports of one protocol; `OTHER` has the single port 0, or none."""
        match protocol:
            case Protocol.TCP:
                return self.tcp
            case Protocol.UDP:
                return self.udp
            case Protocol.SCTP:
                return self.sctp
            case Protocol.OTHER:
                return ((0, 0),) if self.other else ()

    def __or__(self, more: "PacketSet") -> "PacketSet":
        return PacketSet(
            intervals.union([*self.tcp, *more.tcp]),
            intervals.union([*self.udp, *more.udp]),
            intervals.union([*self.sctp, *more.sctp]),
            self.other or more.other,
        )

    def __and__(self, more: "PacketSet") -> "PacketSet":
        # Most rules are about one protocol: what has none of another need not be looked at.
        return PacketSet(
            intervals.intersection(self.tcp, more.tcp) if self.tcp and more.tcp else (),
            intervals.intersection(self.udp, more.udp) if self.udp and more.udp else (),
            intervals.intersection(self.sctp, more.sctp) if self.sctp and more.sctp else (),
            self.other and more.other,
        )

    def __sub__(self, less: "PacketSet") -> "PacketSet":
        return PacketSet(
            intervals.difference(self.tcp, less.tcp),
            intervals.difference(self.udp, less.udp),
            intervals.difference(self.sctp, less.sctp),
            self.other and not less.other,
        )

    def __bool__(self) -> bool:
        return bool(self.tcp or self.udp or self.sctp or self.other)

    def __iter__(self) -> Iterator[tuple[Protocol, intervals.Range]]:
        """Yield the set's (protocol, port range) pieces."""
        for protocol in Protocol:
            for ports in self.ports(protocol):
                yield protocol, ports


EVERY_PACKET = PacketSet(ALL_PORTS, ALL_PORTS, ALL_PORTS, other=True)
NO_PACKET = PacketSet()
