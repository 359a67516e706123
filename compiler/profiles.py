"""Profiles: what becomes of every packet between one pair of ends, and which rule decided it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from compiler.intervals import Range
from compiler.model import Origin, Protocol
from compiler.packets import PacketSet


@dataclass(frozen=True)
class Outcome:
    """A final verdict and where it comes from."""

    accept: bool
    origin: Origin

    @cached_property
    def digest(self) -> str:
        """Say the outcome in 16 hex digits."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Profile:
    """A total function from (protocol, destination port) to an outcome.

    Ports of a protocol are ascending ranges without gaps or overlaps, neighbours differ in outcome, so
    equal functions are ``==``. Build one with `of`.
    """

    tcp: tuple[tuple[Range, Outcome], ...]
    udp: tuple[tuple[Range, Outcome], ...]
    sctp: tuple[tuple[Range, Outcome], ...]
    other: Outcome

    @classmethod
    def of(cls, pieces: Iterable[tuple[PacketSet, Outcome]]) -> "Profile":
        """Make a profile of disjoint pieces that together hold every packet."""
        found: dict[Protocol, list[tuple[Range, Outcome]]] = {protocol: [] for protocol in Protocol}
        for packets, outcome in pieces:
            for protocol, ports in packets:
                found[protocol].append((ports, outcome))
        tcp, udp, sctp, other = (tuple(_joined(found[protocol])) for protocol in Protocol)
        return cls(tcp, udp, sctp, other[0][1])

    def ports(self, protocol: Protocol) -> tuple[tuple[Range, Outcome], ...]:
        """Return the outcomes by port of one protocol that has ports."""
        match protocol:
            case Protocol.TCP:
                return self.tcp
            case Protocol.UDP:
                return self.udp
            case Protocol.SCTP:
                return self.sctp
            case Protocol.OTHER:
                return (((0, 0), self.other),)

    def outcome(self, protocol: Protocol, port: int) -> Outcome:
        """Return what becomes of one packet."""
        if protocol is Protocol.OTHER:
            return self.other
        return next(outcome for (first, last), outcome in self.ports(protocol) if first <= port <= last)

    @cached_property
    def outcomes(self) -> frozenset[Outcome]:
        """Every outcome that some packet has."""
        return frozenset(outcome for protocol in Protocol for _ports, outcome in self.ports(protocol))

    @cached_property
    def digest(self) -> str:
        """Say the profile's content in 16 hex digits."""
        return hashlib.sha256(repr((self.tcp, self.udp, self.sctp, self.other)).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.digest)


def _joined(pieces: list[tuple[Range, Outcome]]) -> Iterator[tuple[Range, Outcome]]:
    pieces.sort(key=lambda piece: piece[0])
    current: tuple[Range, Outcome] | None = None
    for (first, last), outcome in pieces:
        if current and current[1] == outcome:
            current = ((current[0][0], last), outcome)
        else:
            if current:
                yield current
            current = ((first, last), outcome)
    if current:
        yield current
