"""Profiles as diagrams: functions of protocol and destination port."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from compiler import intervals
from compiler.diagram.queries import boxes
from compiler.diagram.space import Box, Field, Node, Space
from compiler.intervals import Ranges
from compiler.model import MAX_PORT, Protocol
from compiler.packets import PacketSet
from compiler.profiles import Outcome, Profile

V = TypeVar("V", bound=Hashable)

PROTOCOLS = tuple(Protocol)
"""The number of a protocol is its place here."""

PROTOCOL = Field("protocol", len(PROTOCOLS) - 1)
PORT = Field("port", MAX_PORT, preferred=(80, 443, 22, 53, 8080, 1))


class TrafficSpace(Space):
    """The space of protocols and ports, after other fields where some are given; without a port, all ports are one."""

    def __init__(self, *before: Field) -> None:
        super().__init__((*before, PROTOCOL, PORT))
        self._outcomes: dict[int, tuple[Profile, Node[Outcome]]] = {}

    def outcomes(self, profile: Profile) -> Node[Outcome]:
        """Return what a profile says, as a diagram."""
        # To hash a profile is to hash all of it. What is kept by identity keeps the profile, so no other can get that
        # identity.
        known = self._outcomes.get(id(profile))
        if known is None:
            known = self._outcomes[id(profile)] = (profile, self._outcomes_of(profile))
        return known[1]

    def _outcomes_of(self, profile: Profile) -> Node[Outcome]:
        port, protocol = self.level(PORT.name), self.level(PROTOCOL.name)
        pieces: list[tuple[int, Node[Outcome]]] = []
        for number, name in enumerate(PROTOCOLS):
            if name is Protocol.OTHER:
                pieces.append((number, self.constant(profile.other)))
            else:
                ranges = ((last, self.constant(outcome)) for (_first, last), outcome in profile.ports(name))
                pieces.append((number, self.decision(port, ranges)))
        return self.decision(protocol, pieces)

    def packets(self, node: Node[V]) -> Mapping[V, PacketSet]:
        """Return the packets that have each value of a diagram which asks about nothing but protocol and port."""
        found: dict[V, PacketSet] = {}
        for box, value in boxes(self, node):
            found[value] = found.get(value, PacketSet()) | _packets(box)
        return found


def example(packets: PacketSet) -> tuple[Protocol, int]:
    """Return a packet of a set that is not empty, always the same one, and a well-known one if there is one."""
    protocol = next(protocol for protocol in PROTOCOLS if packets.ports(protocol))
    ports = packets.ports(protocol)
    return protocol, next((port for port in PORT.preferred if intervals.contains(ports, port)), ports[0][0])


def _packets(box: Box) -> PacketSet:
    numbers, ports = box[-2:]
    chosen: dict[Protocol, Ranges] = {
        PROTOCOLS[number]: ports for first, last in numbers for number in range(first, last + 1)
    }
    return PacketSet(
        chosen.get(Protocol.TCP, ()),
        chosen.get(Protocol.UDP, ()),
        chosen.get(Protocol.SCTP, ()),
        other=Protocol.OTHER in chosen,
    )
