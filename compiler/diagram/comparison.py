"""Do two clusters mean the same, and where do they not: exact, for every flow, without trying flows.

Addresses are divided into ends that neither cluster tells apart. What becomes of a flow depends on what the program at
its source makes of its destination, and the other way round. So work is done for each pair of programs, one at either
end, and for the few blocks of ends that each of them tells apart, on bit sets of ends. Pairs at which nothing turns are
passed over; a change of one policy costs what its own pods cost.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from compiler import intervals
from compiler.addresses import VERSIONS, AddressSet, IpVersion, address_of
from compiler.classes import Membership, numbers_in
from compiler.compilation import Compilation
from compiler.diagram.ends import Owners, ends_of
from compiler.diagram.meaning import Judge
from compiler.diagram.space import Node
from compiler.diagram.traffic import TrafficSpace, example
from compiler.diagram.turns import EndChange, Turn, Turns
from compiler.model import Direction, Flow
from compiler.packets import PacketSet
from compiler.programs import Program

KeyT = TypeVar("KeyT", bound=Hashable)

Bits: TypeAlias = int
"""A set of ends by their numbers."""

Programs: TypeAlias = tuple[Program | None, Program | None]
"""What judges an end in one direction, before and after."""

Rectangle: TypeAlias = tuple[Bits, Bits]
"""Every pair of one of these sources and one of these destinations."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Flows that go through in one of two clusters only: every one from a source to a destination with such a packet.

    The reason given is the turn of one end. Where both ends turn, as where both are opened, the flow is in a difference
    for each. What is a pod's traffic to itself in one of the clusters is meant only where a Service sent it back
    (2.14), or, if `direct`, only where none did. `witness` is one of the flows, not of a pod to itself if there is
    another.
    """

    sources: AddressSet
    destinations: AddressSet
    packets: PacketSet
    turn: Turn
    witness: Flow
    direct: bool = False


def differences(old: Compilation, new: Compilation) -> tuple[Difference, ...]:
    """Return all flows whose fate is not the same in two clusters, none twice with the same end as the reason."""
    return tuple(found for version in VERSIONS for found in _Comparison(old, new, version).differences())


def same_meaning(old: Compilation, new: Compilation) -> bool:
    """Say whether every flow has the same fate in two clusters, whoever decides it."""
    return not any(True for version in VERSIONS for _found in _Comparison(old, new, version).differences())


@dataclass(frozen=True, slots=True)
class _Sources:
    """Ends with the same egress programs; `own_before` and `own_after` are ends of pods whose own node they are."""

    programs: Programs
    ends: Bits
    own_before: Bits
    own_after: Bits


class _Comparison:
    """Two clusters, as far as one address family is concerned."""

    def __init__(self, old: Compilation, new: Compilation, version: IpVersion) -> None:
        self._version = version
        self._owners = (Owners(old, version), Owners(new, version))
        self._ends = ends_of(self._owners, version)
        self._space = TrafficSpace()
        self._judge = Judge(self._space)
        self._turns = Turns(self._space)
        self._sets: dict[Bits, AddressSet] = {}
        self._classes: dict[tuple[Membership, Membership], Bits] = {}
        self._receivers: dict[Programs, Bits] = {}
        self._on_node: tuple[dict[str, Bits], dict[str, Bits]] = ({}, {})
        for end in self._ends:
            before, after = end.sides
            bit = 1 << end.number
            _add(self._classes, (before.membership, after.membership), bit)
            _add(self._receivers, (before.ingress, after.ingress), bit)
            for on_node, side in zip(self._on_node, end.sides, strict=True):
                _add(on_node, side.node, bit)

    def differences(self) -> Iterator[Difference]:
        found: dict[Node[Turn | None], list[Rectangle]] = {}
        for node, rectangle in self._changed():
            found.setdefault(node, []).append(rectangle)
        sets: dict[tuple[Turn, PacketSet], list[Rectangle]] = {}
        for node, rectangles in found.items():
            for turn, packets in self._space.packets(node).items():
                if turn is not None:
                    sets.setdefault((turn, packets), []).extend(rectangles)
        for (turn, packets), rectangles in sets.items():
            for sources, destinations in _joined(rectangles):
                yield self._difference(sources, destinations, packets, turn)
        yield from self._of_split_pods()

    # Which ends: everything but a pod's traffic to itself that no Service sent back.

    def _changed(self) -> Iterator[tuple[Node[Turn | None], Rectangle]]:
        into = [(pair, ends, self._blocks(Direction.INGRESS, pair)) for pair, ends in self._receivers.items()]
        outof: dict[Programs, _Blocks] = {}
        for sources in self._sources():
            leaving = outof.get(sources.programs)
            if leaving is None:
                leaving = outof[sources.programs] = self._blocks(Direction.EGRESS, sources.programs)
            own = sources.own_before | sources.own_after
            for programs, receivers, arriving in into:
                ends = receivers & ~own if own else receivers
                if ends & leaving.turning or sources.ends & arriving.turning:
                    here = [(node, some) for node, bits in arriving.parts.items() if (some := bits & sources.ends)]
                    yield from self._crossed(leaving, ends, here)
                if own & receivers:
                    for node, source, ends in self._to_own_pods(sources, programs, own & receivers):
                        yield from self._crossed(leaving, ends, [(node, source)])

    def _crossed(
        self, leaving: "_Blocks", destinations: Bits, arriving: list[tuple[Node[EndChange], Bits]]
    ) -> Iterator[tuple[Node[Turn | None], Rectangle]]:
        for egress, some in leaving.parts.items():
            ends = some & destinations
            if not ends:
                continue
            for ingress, sources in arriving:
                for turned in (self._turns.of_flow(egress, ingress), self._turns.of_flow(ingress, egress)):
                    if turned is not self._turns.nothing:
                        yield turned, (sources, ends)

    def _sources(self) -> Iterator[_Sources]:
        found: dict[tuple[Programs, Bits, Bits], Bits] = {}
        for end in self._ends:
            before, after = end.sides
            own_before, own_after = (
                _any(on_node.get(node, 0) for node in side.nodes)
                for on_node, side in zip(self._on_node, end.sides, strict=True)
            )
            _add(found, ((before.egress, after.egress), own_before, own_after), 1 << end.number)
        for (programs, own_before, own_after), ends in found.items():
            yield _Sources(programs, ends, own_before, own_after)

    def _to_own_pods(
        self, sources: _Sources, programs: Programs, ends: Bits
    ) -> Iterator[tuple[Node[EndChange], Bits, Bits]]:
        """Yield what pods say to each address of their own node: nothing in at least one of the clusters (2.12)."""
        default = self._judge.default[Direction.INGRESS]
        always = sources.own_before & sources.own_after
        for number in numbers_in(sources.ends):
            before, after = (
                self._judge.says(Direction.INGRESS, program, side.membership)
                for program, side in zip(programs, self._ends[number].sides, strict=True)
            )
            for node, some in (
                (self._turns.open, always),
                (self._turns.at_end(default, after), sources.own_before & ~always),
                (self._turns.at_end(before, default), sources.own_after & ~always),
            ):
                if some & ends:
                    yield node, 1 << number, some & ends

    def _blocks(self, direction: Direction, programs: Programs) -> "_Blocks":
        """Divide all ends, as peers of ends with these programs, by what changes."""
        old, new = (0 if program is None else program.mask for program in programs)
        alike: dict[tuple[Membership, Membership], Bits] = {}
        for (before, after), ends in self._classes.items():
            _add(alike, (before & old, after & new), ends)
        parts: dict[Node[EndChange], Bits] = {}
        for memberships, ends in alike.items():
            said = [
                self._judge.says(direction, program, membership)
                for program, membership in zip(programs, memberships, strict=True)
            ]
            _add(parts, self._turns.at_end(*said), ends)
        return _Blocks(parts, _any(ends for node, ends in parts.items() if self._turns.any_in(node)))

    def _of_split_pods(self) -> Iterator[Difference]:
        """Yield what no Service sent back between addresses that are one pod's in one of the clusters (2.14)."""
        for source, destination in sorted({pair for of in self._owners for pair in of.pairs()}):
            before, after = (
                (self._judge.default[Direction.EGRESS], self._judge.default[Direction.INGRESS])
                if of.one_pod(source, destination)
                else (self._judge.egress(*ends), self._judge.ingress(*ends))
                for of in self._owners
                for ends in [(of.side(source), of.side(destination))]
            )
            egress, ingress = (self._turns.at_end(*said) for said in zip(before, after, strict=True))
            pair = (address_of(self._version, source), address_of(self._version, destination))
            sender, receiver = map(AddressSet.of, pair)
            for turned in (self._turns.of_flow(egress, ingress), self._turns.of_flow(ingress, egress)):
                for turn, packets in self._space.packets(turned).items():
                    if turn is not None:
                        witness = Flow(*pair, *example(packets))
                        yield Difference(sender, receiver, packets, turn, witness, direct=True)

    def _difference(self, sources: Bits, destinations: Bits, packets: PacketSet, turn: Turn) -> Difference:
        senders, receivers = ([self._ends[number] for number in numbers_in(ends)] for ends in (sources, destinations))
        apart = next(
            (
                (source, destination)
                for sender in senders
                for receiver in receivers
                for source in sender.examples()
                for destination in receiver.examples()
                if not any(of.one_pod(int(source), int(destination)) for of in self._owners)
            ),
            None,
        )
        pair = apart or (next(senders[0].examples()), next(receivers[0].examples()))
        return Difference(
            self._addresses(sources),
            self._addresses(destinations),
            packets,
            turn,
            Flow(*pair, *example(packets), hairpin=apart is None),
        )

    def _addresses(self, ends: Bits) -> AddressSet:
        # The same thousands of ends are in many differences where much has changed.
        known = self._sets.get(ends)
        if known is None:
            ranges = intervals.union(numbers for end in numbers_in(ends) for numbers in self._ends[end].addresses)
            known = AddressSet(v4=ranges) if self._version == 4 else AddressSet(v6=ranges)
            self._sets[ends] = known
        return known


@dataclass(frozen=True, slots=True)
class _Blocks:
    """All ends, divided by what changes with them as peers; `turning` are those with which something does."""

    parts: Mapping[Node[EndChange], Bits]
    turning: Bits


def _joined(rectangles: list[Rectangle]) -> Iterator[Rectangle]:
    """Join disjoint rectangles that have all of their sources in common, then those with the same destinations."""
    by_sources: dict[Bits, Bits] = {}
    for sources, destinations in rectangles:
        _add(by_sources, sources, destinations)
    by_destinations: dict[Bits, Bits] = {}
    for sources, destinations in by_sources.items():
        _add(by_destinations, destinations, sources)
    for destinations, sources in by_destinations.items():
        yield sources, destinations


def _add(sets: dict[KeyT, Bits], key: KeyT, more: Bits) -> None:
    sets[key] = sets.get(key, 0) | more


def _any(sets: Iterable[Bits]) -> Bits:
    found = 0
    for bits in sets:
        found |= bits
    return found
