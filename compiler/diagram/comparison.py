"""Do two clusters mean the same, and where do they not: exact, for every flow, without trying flows.

Addresses are divided into ends that neither cluster tells apart. What becomes of a flow depends on what the program at
its source makes of its destination, and the other way round. So work is done for each pair of programs, one at either
end, and for the few blocks of ends that each of them tells apart, on bit sets of ends. Pairs at which nothing turns are
passed over; a change of one policy costs what its own pods cost.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion, address_of
from compiler.classes import numbers_in
from compiler.compilation import Compilation
from compiler.diagram.ends import Owners, ends_of
from compiler.diagram.meaning import Judge
from compiler.diagram.rectangles import Bits, Rectangle, add, joined
from compiler.diagram.space import Node
from compiler.diagram.tiles import Atoms, Tiles
from compiler.diagram.traffic import TrafficSpace, example
from compiler.diagram.turns import EndChange, OtherEnd, Turn, Turns
from compiler.model import Direction, Flow
from compiler.packets import PacketSet
from compiler.programs import Program

Programs: TypeAlias = tuple[Program | None, Program | None]
"""What judges an end in one direction, before and after."""


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
        self._tiles = Tiles(self._ends)
        self._atoms = tuple(Atoms(end.sides[cluster].membership for end in self._ends) for cluster in (0, 1))
        self._everyone: Bits = (1 << len(self._ends)) - 1
        self._receivers: dict[Programs, Bits] = {}
        self._on_node: tuple[dict[str, Bits], dict[str, Bits]] = ({}, {})
        for end in self._ends:
            before, after = end.sides
            bit = 1 << end.number
            add(self._receivers, (before.ingress, after.ingress), bit)
            for on_node, side in zip(self._on_node, end.sides, strict=True):
                add(on_node, side.node, bit)

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
            for sources, destinations in joined(rectangles):
                yield self._difference(sources, destinations, packets, turn)
        yield from self._of_split_pods()

    # Which ends: everything but a pod's traffic to itself that no Service sent back.

    def _changed(self) -> Iterator[tuple[Node[Turn | None], Rectangle]]:
        into = [(pair, _Group(ends, self._blocks(Direction.INGRESS, pair))) for pair, ends in self._receivers.items()]
        receivers = [group for _pair, group in into]
        outof: dict[Programs, _Blocks] = {}
        senders: list[_Group] = []
        for sources in self._sources():
            leaving = outof.get(sources.programs)
            if leaving is None:
                leaving = outof[sources.programs] = self._blocks(Direction.EGRESS, sources.programs)
            own = sources.own_before | sources.own_after
            if not own:
                senders.append(_Group(sources.ends, leaving))
                continue
            alone = [_Group(sources.ends, leaving)]
            others = [_Group(group.ends & ~own, group.blocks) for group in receivers]
            yield from self._turned(alone, others)
            yield from ((turned, pair[::-1]) for turned, pair in self._turned(others, alone))
            for programs, group in into:
                if own & group.ends:
                    for node, source, ends in self._to_own_pods(sources, programs, own & group.ends):
                        yield from self._crossed(leaving, ends, [(node, source)])
        yield from self._turned(senders, receivers)
        yield from ((turned, pair[::-1]) for turned, pair in self._turned(receivers, senders))

    def _turned(
        self, ends: Iterable["_Group"], others: Sequence["_Group"]
    ) -> Iterator[tuple[Node[Turn | None], tuple[Bits, Bits]]]:
        """Yield what turns at some ends, with these ends and those at the other side of the flows."""
        for group in ends:
            for (seen, here), there in _seen_by(group, others).items():
                for node, bits in group.blocks.turned.items():
                    if bits & there:
                        turned = self._turns.of_seen(node, seen)
                        if turned is not self._turns.nothing:
                            yield turned, (here, bits & there)

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
            add(found, ((before.egress, after.egress), own_before, own_after), 1 << end.number)
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
        parts: dict[Node[EndChange], Bits] = {}
        for before, some in self._atoms[0].split(self._everyone, old):
            for after, ends in self._atoms[1].split(some, new):
                said = [
                    self._judge.says(direction, program, membership)
                    for program, membership in zip(programs, (before, after), strict=True)
                ]
                add(parts, self._turns.at_end(*said), ends)
        turned = {node: ends for node, ends in parts.items() if self._turns.any_in(node)}
        seen: dict[Node[OtherEnd], Bits] = {}
        for node, ends in parts.items():
            add(seen, self._turns.seen(node), ends)
        return _Blocks(parts, turned, seen, _any(turned.values()))

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
        pair = next(self._pairs(sources, destinations))
        apart = next((pair for pair in self._pairs(sources, destinations) if not self._one_pod(*pair)), None)
        return Difference(
            self._tiles.addresses(sources),
            self._tiles.addresses(destinations),
            packets,
            turn,
            Flow(*(apart or pair), *example(packets), hairpin=apart is None),
        )

    def _pairs(self, sources: Bits, destinations: Bits) -> Iterator[tuple[Address, Address]]:
        for sender in numbers_in(sources):
            for receiver in numbers_in(destinations):
                for source in self._ends[sender].examples():
                    for destination in self._ends[receiver].examples():
                        yield source, destination

    def _one_pod(self, source: Address, destination: Address) -> bool:
        return any(of.one_pod(int(source), int(destination)) for of in self._owners)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """All ends as peers of some others: divided by what becomes of these, in whole and as far as it turns.

    `seen` is the same as the other end of a flow sees it; `turning` are the ends with which anything turns.
    """

    parts: Mapping[Node[EndChange], Bits]
    turned: Mapping[Node[EndChange], Bits]
    seen: Mapping[Node[OtherEnd], Bits]
    turning: Bits


@dataclass(frozen=True, slots=True)
class _Group:
    """Ends that have the same programs in one direction, and what these say about all ends."""

    ends: Bits
    blocks: _Blocks


def _seen_by(group: _Group, others: Sequence[_Group]) -> dict[tuple[Node[OtherEnd], Bits], Bits]:
    """Return what ends of a group see at the other end of flows, and at which ends, as far as anything turns there.

    It does not matter to them who says it, so most of the other groups are alike.
    """
    found: dict[tuple[Node[OtherEnd], Bits], Bits] = {}
    if group.blocks.turning:
        for other in others:
            if other.ends & group.blocks.turning:
                for seen, bits in other.blocks.seen.items():
                    if bits & group.ends:
                        add(found, (seen, bits & group.ends), other.ends)
    return found


def _any(sets: Iterable[Bits]) -> Bits:
    found = 0
    for bits in sets:
        found |= bits
    return found
