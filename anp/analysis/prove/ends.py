"""Addresses that neither the kernel's rules nor the policies can tell apart, seen from one node.

They are cut where an element, a set, a rule, a policy, a pod or a node begins or ends, and put together again where
all of these say the same. So work is done for kinds of addresses, and not for addresses.
"""

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import TypeAlias

from anp.analysis.prove.language import DESTINATION, SOURCE, Key, Listed, Look, Match, Table
from compiler import intervals
from compiler.addresses import BITS, VERSIONS, IpVersion
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.intervals import Range, Ranges
from compiler.model import Direction, Pod
from compiler.programs import Program
from compiler.ruleset import Hook

Question: TypeAlias = tuple[Table, int]
"""A table, and which of its keys is an address."""


@dataclass(frozen=True, slots=True)
class Side:
    """What policies make of addresses on one node.

    The programs are those of a pod of this node; no program accepts everything. `governed` says that a governed pod has
    the address, wherever it runs, and `own` that this node has it.
    """

    membership: Membership = 0
    egress: Program | None = None
    ingress: Program | None = None
    governed: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Addresses of one family that are alike: what policies make of them, and what each of the questions answers."""

    version: IpVersion
    addresses: Ranges
    side: Side
    answers: tuple[object, ...]


def is_crossed(hook: Hook, role: str, side: Side) -> bool:
    """Say whether packets with such an end cross a hook: a node's own go in and out another way (2.12, 2.13)."""
    own = side.own and not side.governed
    if hook is Hook.FORWARD or role == SOURCE:
        return not own
    return not side.governed


class View:
    """What one node's pods are, and what their policies ask about addresses."""

    def __init__(self, compilation: Compilation, node: str) -> None:
        self._compilation = compilation
        self.node = node
        self._pods: dict[IpVersion, dict[int, Pod]] = {version: {} for version in VERSIONS}
        for pod in compilation.snapshot.pods:
            for address in pod.addresses if pod.governed else ():
                self._pods[address.version][int(address)] = pod
        self._own = {
            (address.version, int(address))
            for one in compilation.snapshot.nodes
            if one.name == node
            for address in one.addresses
        }
        self._programs: dict[tuple[str, str], tuple[Program | None, Program | None]] = {}
        self._mask: Membership = 0
        for pod in compilation.universe.pods_on.get(node, ()):
            groups = compilation.groups(pod)
            egress, ingress = (
                compilation.program(group) if (group := groups[direction]) is not None else None
                for direction in (Direction.EGRESS, Direction.INGRESS)
            )
            self._programs[pod.key] = (egress, ingress)
            for program in (egress, ingress):
                self._mask |= program.mask if program is not None else 0

    def ranges(self, version: IpVersion) -> Iterator[Range]:
        """Yield ranges, some of one address, inside and between which nothing changes for policies."""
        universe = self._compilation.universe
        singles = {*universe.hosts[version], *self._pods[version], *(n for of, n in self._own if of == version)}
        yield from ((number, number) for number in singles)
        yield from (segment.addresses for segment in universe.segments[version])

    def side(self, version: IpVersion, number: int) -> Side:
        """Return what policies make of one address."""
        universe = self._compilation.universe
        membership = universe.hosts[version].get(number)
        if membership is None:
            membership = universe.in_blocks(version, number)
        pod = self._pods[version].get(number)
        egress, ingress = self._programs.get(pod.key, (None, None)) if pod is not None else (None, None)
        return Side(membership & self._mask, egress, ingress, pod is not None, (version, number) in self._own)


class Questions:
    """What the kernel's rules ask about addresses of one family, each question once."""

    def __init__(self, listed: Listed, version: IpVersion) -> None:
        self.version = version
        self._places: dict[Question, int] = {}
        self._pieces: list[tuple[list[int], list[tuple[int, object]]]] = []
        for chain in listed.chains.values():
            for rule in chain.rules:
                for statement in rule.statements:
                    if isinstance(statement, Match | Look):
                        self._ask(statement.keys, statement.table)

    def place(self, table: Table, number: int = 0) -> int:
        """Return the place of a question among the answers of an end."""
        return self._places[table, number]

    def ranges(self) -> Iterator[Range]:
        """Yield every range that some question is about."""
        for starts, rest in self._pieces:
            yield from ((start, last) for start, (last, _value) in zip(starts, rest, strict=True))

    def answers(self, number: int) -> tuple[object, ...]:
        """Return what each question says of an address; None where it says nothing."""
        return tuple(_at(*pieces, number) for pieces in self._pieces)

    def _ask(self, keys: tuple[Key, ...], table: Table) -> None:
        for number, key in enumerate(keys):
            if key.field not in {SOURCE, DESTINATION} or key.version != self.version:
                continue
            if (table, number) in self._places:
                continue
            self._places[table, number] = len(self._pieces)
            pieces: Iterable[tuple[Range, object]]
            if len(keys) == 1:
                pieces = ((numbers, (value,)) for numbers, value in table.pieces)
            else:
                pieces = _overlaid([box[number] for box, _value in table.boxes])
            starts: list[int] = []
            rest: list[tuple[int, object]] = []
            for (first, last), value in pieces:
                starts.append(first)
                rest.append((last, value))
            self._pieces.append((starts, rest))


def _at(starts: list[int], rest: list[tuple[int, object]], number: int) -> object:
    place = bisect.bisect_right(starts, number) - 1
    if place < 0 or number > rest[place][0]:
        return None
    return rest[place][1]


def _overlaid(elements: list[Ranges]) -> Iterator[tuple[Range, object]]:
    """Yield the ranges between which other elements hold an address, with the numbers of those that do."""
    changes: dict[int, int] = {}
    for number, ranges in enumerate(elements):
        for first, last in ranges:
            changes[first] = changes.get(first, 0) ^ 1 << number
            changes[last + 1] = changes.get(last + 1, 0) ^ 1 << number
    here = 0
    cuts = sorted(changes)
    for cut, following in pairwise(cuts):
        here ^= changes[cut]
        if here:
            yield (cut, following - 1), here


def ends_of(view: View, questions: Questions) -> tuple[End, ...]:
    """Divide all addresses of one family; those of this node's pods come first, and those that are alike together."""
    version = questions.version
    ranges = {*view.ranges(version), *questions.ranges()}
    size = 1 << BITS[version]
    cuts = sorted({0, *(first for first, _ in ranges), *(last + 1 for _, last in ranges if last + 1 < size)})
    alike: dict[tuple[Side, tuple[object, ...]], list[Range]] = {}
    for first, after in zip(cuts, [*cuts[1:], size], strict=True):
        alike.setdefault((view.side(version, first), questions.answers(first)), []).append((first, after - 1))
    ends = (End(version, intervals.union(found), side, answers) for (side, answers), found in alike.items())
    return tuple(sorted(sorted(ends, key=attrgetter("addresses")), key=_kind))


def _kind(end: End) -> tuple[object, ...]:
    digests = [program.digest if program else "" for program in (end.side.egress, end.side.ingress)]
    return (not any(digests), *digests, end.side.membership)
