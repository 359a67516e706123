"""The meaning of one compiled cluster as diagrams: what becomes of packets between two ends, and who says so."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass

from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.diagram.algebra import Combination
from compiler.diagram.ends import End, Owners, Side, ends_of
from compiler.diagram.space import Field, Node, Space
from compiler.diagram.traffic import TrafficSpace
from compiler.model import DefaultOrigin, Direction
from compiler.profiles import Outcome
from compiler.programs import Program


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a flow: it goes through where both of its ends accept it (2.3)."""

    egress: Outcome
    ingress: Outcome

    @property
    def accept(self) -> bool:
        """Whether it goes through."""
        return self.egress.accept and self.ingress.accept


class Judge:
    """What programs say at each end, as diagrams over protocol and port."""

    def __init__(self, space: TrafficSpace) -> None:
        self._space = space
        self._known: dict[tuple[Program, Membership], Node[Outcome]] = {}
        self.default: Mapping[Direction, Node[Outcome]] = {
            direction: space.constant(Outcome(accept=True, origin=DefaultOrigin(direction))) for direction in Direction
        }

    def says(self, direction: Direction, program: Program | None, membership: Membership) -> Node[Outcome]:
        """Return what a program makes of packets to or from addresses of a class; no program accepts them all."""
        if program is None:
            return self.default[direction]
        key = (program, membership & program.mask)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = self._space.outcomes(program.profile(membership))
        return node

    def egress(self, source: Side, destination: Side) -> Node[Outcome]:
        """Return what the source's pod, if there is one, says of what it sends."""
        return self.says(Direction.EGRESS, source.egress, destination.membership)

    def ingress(self, source: Side, destination: Side) -> Node[Outcome]:
        """Return what the destination's pod says of what it gets; what comes from its own node is not judged (2.12)."""
        if destination.node in source.nodes:
            return self.default[Direction.INGRESS]
        return self.says(Direction.INGRESS, destination.ingress, source.membership)


class Meaning:
    """What becomes of every flow through a cluster.

    Between two ends this is one diagram. It speaks of traffic between different pods, and of a pod's traffic to itself
    that a Service sent back; other traffic of a pod to itself is judged by nobody (2.14).
    """

    def __init__(self, compilation: Compilation) -> None:
        self.space = TrafficSpace()
        self._owners = {version: Owners(compilation, version) for version in VERSIONS}
        self._ends: dict[IpVersion, tuple[End, ...]] = {}
        self._starts: dict[IpVersion, tuple[list[int], list[End]]] = {}
        self._judge = Judge(self.space)
        self._both = Combination(self.space, Verdict)

    def ends(self, version: IpVersion) -> tuple[End, ...]:
        """Return the ends of one family, which together hold each of its addresses once."""
        ends = self._ends.get(version)
        if ends is None:
            ends = self._ends[version] = ends_of([self._owners[version]], version)
        return ends

    def end(self, address: Address) -> End:
        """Return the end that an address is in."""
        starts, ends = self._places(address.version)
        return ends[bisect.bisect_right(starts, int(address)) - 1]

    def _places(self, version: IpVersion) -> tuple[list[int], list[End]]:
        """Return where each range of an end begins, ascending, and whose it is; between them no address is left out."""
        places = self._starts.get(version)
        if places is None:
            found = sorted((first, end.number) for end in self.ends(version) for first, _last in end.addresses)
            ends = self.ends(version)
            places = self._starts[version] = ([first for first, _ in found], [ends[number] for _, number in found])
        return places

    def between(self, source: End, destination: End) -> Node[Verdict]:
        """Return what becomes of packets between two ends of this meaning."""
        (sender,), (receiver,) = source.sides, destination.sides
        return self._both(self._judge.egress(sender, receiver), self._judge.ingress(sender, receiver))

    def diagram(self, version: IpVersion) -> tuple[Space, Node[Verdict]]:
        """Return all of one family as one diagram, over the numbers of the ends and then protocol and port.

        It takes time for each pair of ends, so it is for clusters of hundreds of ends.
        """
        ends = self.ends(version)
        last = len(ends) - 1
        space = TrafficSpace(Field("source", last), Field("destination", last))
        judge = Judge(space)
        both = Combination(space, Verdict)

        def row(source: Side) -> Node[Verdict]:
            pieces = (
                (to.number, both(judge.egress(source, to.sides[0]), judge.ingress(source, to.sides[0]))) for to in ends
            )
            return space.decision(1, pieces)

        return space, space.decision(0, ((end.number, row(end.sides[0])) for end in ends))
