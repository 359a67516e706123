"""What the policies want of the packets of a region on one node, as a diagram: made of programs, never of their rules.

First packets are judged for egress at a local source and for ingress at a local destination. What connection tracking
calls established or related is let through, and so is IPv6's neighbour discovery, which has no connections.
"""

from collections.abc import Iterator

from anp.analysis.prove.ends import Side
from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMPV6,
    PROTOCOL,
    SCTP,
    SOURCE,
    STATE,
    STATES,
    TCP,
    UDP,
)
from anp.analysis.prove.space import PacketSpace
from compiler.classes import Membership
from compiler.diagram.algebra import Combination
from compiler.diagram.space import Node
from compiler.model import Direction, Protocol
from compiler.packets import PacketSet
from compiler.profiles import Profile
from compiler.programs import Program
from compiler.ruleset import Hook

NUMBERS = {Protocol.TCP: TCP, Protocol.UDP: UDP, Protocol.SCTP: SCTP}
_DISCOVERY = (133, 137)
_REPLIES = (STATES.index("established"), STATES.index("related"))


class Meant:
    """The wishes of one node's policies."""

    def __init__(self, space: PacketSpace) -> None:
        self._space = space
        self._yes: Node[bool] = space.constant(True)  # noqa: FBT003
        self._both: Combination[bool, bool, bool] = Combination(space, lambda one, other: one and other)
        self._profiles: dict[int, tuple[Profile, Node[bool]]] = {}
        self._says: dict[tuple[Program, Membership], Node[bool]] = {}

    def let_through(self) -> Node[bool]:
        """Return which packets should get through the hook."""
        space = self._space
        judged: Node[bool] = space.decision(
            space.level(SOURCE), ((number, self._row(end.side)) for number, end in enumerate(space.sources))
        )
        if space.region.icmpv6:
            judged = space.decision(
                space.level(ICMPV6),
                ((_DISCOVERY[0] - 1, judged), (_DISCOVERY[1], self._yes), (255, judged)),
            )
        states = (self._yes if number in _REPLIES else judged for number in range(len(STATES)))
        return space.decision(space.level(STATE), enumerate(states))

    def outcomes(self, source: Side, destination: Side) -> Iterator[tuple[Direction, Profile]]:
        """Yield what this node's policies say of first packets between two ends, at each end that they judge."""
        if source.egress is not None:
            yield Direction.EGRESS, source.egress.profile(destination.membership)
        if destination.ingress is not None and self._space.region.hook is Hook.FORWARD and not source.own:
            yield Direction.INGRESS, destination.ingress.profile(source.membership)

    def _row(self, source: Side) -> Node[bool]:
        """Return what becomes of packets from one end."""
        into: dict[Program, Node[bool]] = {}
        pieces: list[tuple[int, Node[bool]]] = []
        for number, end in enumerate(self._space.destinations):
            destination = end.side
            node = self._yes
            if source.egress is not None:
                node = self._said(source.egress, destination.membership)
            if destination.ingress is not None and self._space.region.hook is Hook.FORWARD and not source.own:
                ingress = into.get(destination.ingress)
                if ingress is None:
                    ingress = into[destination.ingress] = self._said(destination.ingress, source.membership)
                node = self._both(node, ingress)
            elif source.egress is None and pieces and pieces[-1][1] is node:
                pieces[-1] = (number, node)
                continue
            pieces.append((number, node))
        return self._space.decision(self._space.level(DESTINATION), pieces)

    def _said(self, program: Program, membership: Membership) -> Node[bool]:
        key = (program, membership & program.mask)
        node = self._says.get(key)
        if node is None:
            node = self._says[key] = self._of_profile(program.profile(membership))
        return node

    def _of_profile(self, profile: Profile) -> Node[bool]:
        # To hash a profile is to hash all of it; what is kept by identity keeps the profile.
        known = self._profiles.get(id(profile))
        if known is None:
            known = self._profiles[id(profile)] = (profile, self._profile(profile))
        return known[1]

    def _profile(self, profile: Profile) -> Node[bool]:
        space = self._space
        other: Node[bool] = space.constant(profile.other.accept)
        if space.region.icmpv6:
            return other
        pieces: list[tuple[int, Node[bool]]] = []
        for protocol, number in sorted(NUMBERS.items(), key=lambda item: item[1]):
            ((place, _place),) = space.of_protocols(((number, number),))
            ports = ((last, space.constant(outcome.accept)) for (_first, last), outcome in profile.ports(protocol))
            pieces += [(place - 1, other), (place, space.decision(space.level(DPORT), ports))]
        level = space.level(PROTOCOL)
        return space.decision(level, [*pieces, (space.fields[level].last, other)])


def packets_of(protocol: int, ports: tuple[tuple[int, int], ...]) -> PacketSet:
    """Return packets of a protocol by its number, as policies can tell them apart."""
    match protocol:
        case 6:
            return PacketSet(tcp=ports)
        case 17:
            return PacketSet(udp=ports)
        case 132:
            return PacketSet(sctp=ports)
    return PacketSet(other=True)
