"""Who can talk to whom, for all pairs of namespaces, workloads or pods at once: exact, for every port.

Addresses that the compiler cannot tell apart are one class. A program says the same about all classes that its own
questions do not tell apart, so work is done for pairs of programs and blocks of classes, on bit sets; pairs of pods
are never looked at one by one.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anp.analysis.parties import workload_of
from anp.analysis.reach_classes import classes_of
from compiler.addresses import VERSIONS, IpVersion
from compiler.atoms import numbers_in
from compiler.compilation import Compilation
from compiler.diagram.algebra import Combination, relabel
from compiler.diagram.meaning import Judge
from compiler.diagram.space import Node
from compiler.diagram.traffic import TrafficSpace
from compiler.model import Direction, Pod
from compiler.packets import EVERY_PACKET, NO_PACKET, PacketSet
from compiler.profiles import Outcome
from compiler.programs import Program

Bits: TypeAlias = int
"""A set of classes by their numbers."""

_Says: TypeAlias = list[tuple[Node[bool], Bits]]
"""What a program says, with the classes of peers about which it says so."""

_Part: TypeAlias = tuple[Bits, _Says]
"""Classes of a group that have one program, with what it says."""


class By(enum.Enum):
    """Into what pods are put together."""

    NAMESPACE = "namespace"
    WORKLOAD = "workload"
    POD = "pod"


OUTSIDE, NODES = "(outside)", "(nodes)"
"""Groups that are no pods: everybody who is not in the cluster, and the nodes with the pods on their network."""


class Reachability(enum.Enum):
    """How much of all traffic gets through."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """What gets through from a group to a group: `any_pair` between some of their members, `every_pair` between all."""

    any_pair: PacketSet
    every_pair: PacketSet

    @property
    def reach(self) -> Reachability:
        """How much that is."""
        if not self.any_pair:
            return Reachability.NONE
        return Reachability.ALL if self.every_pair == EVERY_PACKET else Reachability.SOME

    @property
    def uniform(self) -> bool:
        """Whether it is the same between all of their members."""
        return self.any_pair == self.every_pair

    def within(self, asked: PacketSet) -> "Cell":
        """Return the same as if there were only these packets: all that is asked counts as everything."""
        through, always = self.any_pair & asked, self.every_pair & asked
        return Cell(EVERY_PACKET, EVERY_PACKET) if always == asked else Cell(through, always)


@dataclass(frozen=True, slots=True)
class Group:
    """Those who share a row or a column; `pods` is empty for those who are none."""

    name: str
    pods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """What gets through between groups; a pair that nobody judges, such as a lone pod and itself, has no cell."""

    by: By
    sources: tuple[Group, ...]
    destinations: tuple[Group, ...]
    cells: Mapping[tuple[str, str], Cell]


def reach(
    compilation: Compilation,
    by: By,
    source: Callable[[Pod], bool] = lambda _pod: True,
    destination: Callable[[Pod], bool] = lambda _pod: True,
    *,
    others: bool = True,
) -> Matrix:
    """Return what gets through from pods that `source` chooses to those that `destination` does, group by group.

    With `others`, nodes and the world outside are groups too.
    """
    pods = [pod for pod in compilation.snapshot.pods if pod.governed and pod.addresses]
    sources, destinations = (_groups(pods, by, chosen, others=others) for chosen in (source, destination))
    space = TrafficSpace()
    found = _Found()
    for version in VERSIONS:
        _Family(compilation, version, space).fill(sources, destinations, found)
    cells = _Cells(space)
    told = {pair: cells.of(nodes) for pair, nodes in found.pairs.items()}
    return Matrix(by, tuple(sources), tuple(destinations), told)


def group_name(pod: Pod, by: By) -> str:
    """Return the name of the group that a pod is in."""
    match by:
        case By.NAMESPACE:
            return pod.namespace
        case By.WORKLOAD:
            return f"{pod.namespace}/{workload_of(pod)}"
        case By.POD:
            return str(pod)


def _groups(pods: Iterable[Pod], by: By, chosen: Callable[[Pod], bool], *, others: bool) -> list[Group]:
    members: dict[str, list[str]] = {}
    for pod in pods:
        if chosen(pod):
            members.setdefault(group_name(pod, by), []).append(str(pod))
    groups = [Group(name, tuple(sorted(found))) for name, found in sorted(members.items())]
    return [*groups, *([Group(NODES), Group(OUTSIDE)] if others else [])]


class _Found:
    """What gets through between groups, as sets of diagrams, of which equal ones are one object."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], frozenset[Node[bool]]] = {}
        self._equal: dict[frozenset[Node[bool]], frozenset[Node[bool]]] = {}

    def add(self, pair: tuple[str, str], nodes: frozenset[Node[bool]]) -> None:
        """Add what gets through in one more family."""
        known = self.pairs.get(pair)
        if known is not None:
            nodes = known | nodes
        self.pairs[pair] = self._equal.setdefault(nodes, nodes)


class _Cells:
    """Folds what gets through between pairs into cells; most sets of diagrams come many times."""

    def __init__(self, space: TrafficSpace) -> None:
        self._space = space
        self._known: dict[frozenset[Node[bool]], Cell] = {}
        self._packets: dict[Node[bool], PacketSet] = {}

    def of(self, key: frozenset[Node[bool]]) -> Cell:
        """Return what all of these together let through, and what each of them does."""
        cell = self._known.get(key)
        if cell is None:
            through, always = NO_PACKET, EVERY_PACKET
            for node in key:
                packets = self._accepted(node)
                through, always = through | packets, always & packets
            cell = self._known[key] = Cell(through, always)
        return cell

    def _accepted(self, node: Node[bool]) -> PacketSet:
        packets = self._packets.get(node)
        if packets is None:
            packets = self._packets[node] = self._space.packets(node).get(True, NO_PACKET)
        return packets


class _Family:
    """All classes of one address family, and what programs say about them."""

    def __init__(self, compilation: Compilation, version: IpVersion, space: TrafficSpace) -> None:
        self._space = space
        self._judge = Judge(space)
        self._both = Combination(space, _and)
        self._accepts: dict[Node[Outcome], Node[bool]] = {}
        self._classes = list(classes_of(compilation, version))
        self._of_pod: dict[str, Bits] = {}
        self._outside: Bits = 0
        self._machines: Bits = 0
        for number, one in enumerate(self._classes):
            for pod in one.pods:
                self._of_pod[pod] = self._of_pod.get(pod, 0) | 1 << number
            if any(one.machines):
                self._machines |= 1 << number
            elif not one.side.governed:
                self._outside |= 1 << number
        self._known: dict[tuple[Direction, Program | None], _Says] = {}

    def fill(self, sources: Sequence[Group], destinations: Sequence[Group], found: _Found) -> None:
        """Add what gets through in this family between each two groups."""
        leaving = [(group, bits, list(self._split(Direction.EGRESS, bits))) for group, bits in self._bits(sources)]
        arriving = [
            (group, bits, list(self._split(Direction.INGRESS, bits))) for group, bits in self._bits(destinations)
        ]
        for group, bits, outof in leaving:
            for other, there, into in arriving:
                if not group.pods and not other.pods:
                    continue  # neither of them is judged
                if group.name == other.name or bits & self._machines:
                    nodes = self._one_by_one((group, bits), (other, there))
                else:
                    nodes = self._crossed(outof, into)
                if nodes:
                    found.add((group.name, other.name), nodes)

    def _bits(self, groups: Sequence[Group]) -> Iterator[tuple[Group, Bits]]:
        others = {OUTSIDE: self._outside, NODES: self._machines}
        for group in groups:
            bits = 0 if group.pods else others.get(group.name, 0)
            for pod in group.pods:
                bits |= self._of_pod.get(pod, 0)
            if bits:
                yield group, bits

    def _split(self, direction: Direction, bits: Bits) -> Iterator[_Part]:
        """Yield the classes of a group that have the same program, with what it says about the classes of the peers."""
        by_program: dict[Program | None, Bits] = {}
        for number in numbers_in(bits):
            side = self._classes[number].side
            program = side.egress if direction is Direction.EGRESS else side.ingress
            by_program[program] = by_program.get(program, 0) | 1 << number
        for program, some in by_program.items():
            yield some, self._says(direction, program)

    def _says(self, direction: Direction, program: Program | None) -> _Says:
        known = self._known.get((direction, program))
        if known is None:
            parts: dict[Node[bool], Bits] = {}
            for number, one in enumerate(self._classes):
                node = self._accepted(self._judge.says(direction, program, one.side.membership))
                parts[node] = parts.get(node, 0) | 1 << number
            known = self._known[direction, program] = list(parts.items())
        return known

    def _accepted(self, node: Node[Outcome]) -> Node[bool]:
        known = self._accepts.get(node)
        if known is None:
            known = self._accepts[node] = relabel(self._space, node, _accepts)
        return known

    def _crossed(self, outof: list[_Part], into: list[_Part]) -> frozenset[Node[bool]]:
        """Return what gets through; what a sender's end says depends on the receiver alone, and the other way round."""
        nodes: set[Node[bool]] = set()
        for senders, leaving in outof:
            for receivers, arriving in into:
                here = [node for node, bits in arriving if bits & senders]
                nodes.update(self._both(node, other) for node, bits in leaving if bits & receivers for other in here)
        return frozenset(nodes)

    def _one_by_one(self, source: tuple[Group, Bits], destination: tuple[Group, Bits]) -> frozenset[Node[bool]]:
        """Return the same where a pod may meet itself, or its own node."""
        (group, bits), (other, there) = source, destination
        mine, theirs = frozenset(group.pods), frozenset(other.pods)
        nodes: set[Node[bool]] = set()
        receivers = [(one, one.pods.keys() & theirs) for one in map(self._classes.__getitem__, numbers_in(there))]
        for sender in map(self._classes.__getitem__, numbers_in(bits)):
            senders = sender.pods.keys() & mine
            for receiver, pods in receivers:
                if len(pods) == 1 and senders == pods:
                    continue
                egress = self._judge.egress(sender.side, receiver.side)
                homes = {receiver.pods[pod] for pod in pods}
                own = {home in machines for home in homes for machines in sender.machines}
                for exempt in own or {False}:
                    program = None if exempt else receiver.side.ingress
                    ingress = self._judge.says(Direction.INGRESS, program, sender.side.membership)
                    nodes.add(self._both(self._accepted(egress), self._accepted(ingress)))
        return frozenset(nodes)


def _accepts(outcome: Outcome) -> bool:
    return outcome.accept


def _and(left: bool, right: bool) -> bool:  # noqa: FBT001 - values of diagrams
    return left and right
