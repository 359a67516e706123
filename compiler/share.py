"""One node's share of a compilation: the programs its pods run and the classes those programs tell apart."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from compiler.addresses import VERSIONS, IpVersion
from compiler.atoms import Numbering
from compiler.classes import Hosts, Membership, Segment, Universe
from compiler.compilation import Compilation
from compiler.differences import changed_keys, patched
from compiler.marks import MarkLayout, number_classes
from compiler.model import Direction, Pod
from compiler.programs import Program
from compiler.segments import joined


@dataclass(frozen=True, slots=True)
class Subject:
    """The programs of some local pods; at least one is there."""

    egress: Program | None
    ingress: Program | None

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs that are there."""
        return tuple(program for program in (self.egress, self.ingress) if program is not None)


Changed: TypeAlias = Mapping[IpVersion, Collection[int]]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a share was made from and how, as far as the next one can save work by knowing it.

    Attributes:
        numbering: What says which atoms memberships are about.
        mask: The atoms that the programs ask about.
        hosts: Those of the universe.
        segments: Those of the universe.
        counts: How many of the share's hosts are in each class.
        digests: Those of the share's classes.
        capacity: How many of these there may be.
        changed: The hosts that may be in another class than in the share before, or are new, or gone.

    """

    numbering: Numbering
    mask: Membership
    hosts: Hosts
    segments: Mapping[IpVersion, tuple[Segment, ...]]
    counts: Mapping[Membership, int]
    digests: Mapping[Membership, int]
    capacity: int
    changed: Changed


@dataclass(frozen=True, slots=True)
class Share:
    """What one node needs of a compilation.

    `subjects` are the node's pods that some policy concerns. `programs` are theirs, by digest. `segments` has ranges
    of addresses and `hosts` the single ones that differ from theirs, each with its membership restricted to what the
    programs ask about; what neither has is of class 0. `numbers` gives every class its number.
    """

    subjects: tuple[tuple[Pod, Subject], ...]
    programs: Mapping[str, Program]
    hosts: Mapping[IpVersion, Mapping[int, Membership]]
    segments: Mapping[IpVersion, tuple[Segment, ...]]
    numbers: Mapping[Membership, int]
    basis: Basis | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, compilation: Compilation, node: str, layout: MarkLayout, previous: "Share | None" = None) -> "Share":
        """Work out the share of `node`; what is the same in a `previous` share is the same object.

        Raises:
            TooManyClassesError: the mark has not enough bits for the node's classes.

        """
        subjects = tuple(_subjects(compilation, node))
        programs = {program.digest: program for _pod, subject in subjects for program in subject.programs}
        mask: Membership = 0
        for program in programs.values():
            mask |= program.mask
        universe = compilation.universe
        segments: Mapping[IpVersion, tuple[Segment, ...]]
        segments = {version: tuple(_merged(universe.segments[version], mask)) for version in VERSIONS}
        before = previous.basis if previous else None
        if previous is None or before is None or before.numbering is not universe.numbering:
            # Memberships of another numbering mean something else.
            hosts: Hosts = {version: _hosts(universe, mask, version) for version in VERSIONS}
            changed: Changed = {version: hosts[version].keys() for version in VERSIONS}
            counts: Mapping[Membership, int] = Counter(
                membership for version in VERSIONS for membership in hosts[version].values()
            )
            digests, numbers = _numbered(universe, counts, segments, layout, {})
        else:
            hosts, changed = _hosts_after(universe, mask, previous.hosts, before)
            counts, steady = _recounted(before.counts, changed, previous.hosts, hosts)
            if steady and segments == previous.segments and before.capacity == layout.capacity:
                segments, digests, numbers = previous.segments, before.digests, previous.numbers
            else:
                digests, numbers = _numbered(universe, counts, segments, layout, before.digests)
        basis = Basis(
            universe.numbering, mask, universe.hosts, universe.segments, counts, digests, layout.capacity, changed
        )
        return cls(subjects, programs, hosts, segments, numbers, basis)

    def is_comparable(self, other: "Share") -> bool:
        """Say whether memberships mean the same in both."""
        return self.basis is not None and other.basis is not None and self.basis.numbering is other.basis.numbering


def _subjects(compilation: Compilation, node: str) -> Iterator[tuple[Pod, Subject]]:
    for pod in compilation.universe.pods_on.get(node, ()):
        if not pod.addresses:
            continue
        groups = compilation.groups(pod)
        programs = {direction: compilation.program(group) for direction, group in groups.items() if group}
        if programs:
            yield pod, Subject(programs.get(Direction.EGRESS), programs.get(Direction.INGRESS))


def _host(universe: Universe, mask: Membership, version: IpVersion, number: int) -> Membership | None:
    """Restrict a single address to the atoms in `mask`; None if its segment says as much, or it is not there."""
    membership = universe.hosts[version].get(number, 0)
    if membership & mask and (membership ^ universe.in_blocks(version, number)) & mask:
        return membership & mask
    return None


def _hosts(universe: Universe, mask: Membership, version: IpVersion) -> Mapping[int, Membership]:
    host = partial(_host, universe, mask, version)
    return {number: found for number in universe.hosts[version] if (found := host(number)) is not None}


def _hosts_after(universe: Universe, mask: Membership, was: Hosts, before: Basis) -> tuple[Hosts, Changed]:
    """Follow the hosts of another share."""
    hosts: dict[IpVersion, Mapping[int, Membership]] = {}
    changed: dict[IpVersion, Collection[int]] = {}
    for version in VERSIONS:
        if before.mask == mask and before.segments == universe.segments:
            changed[version] = changed_keys(before.hosts[version], universe.hosts[version])
            hosts[version] = patched(was[version], changed[version], partial(_host, universe, mask, version))
        else:
            found = _hosts(universe, mask, version)
            changed[version] = changed_keys(was[version], found)
            hosts[version] = patched(was[version], changed[version], found.get)
    return hosts, changed


def _recounted(
    before: Mapping[Membership, int], changed: Changed, was: Hosts, hosts: Hosts
) -> tuple[Mapping[Membership, int], bool]:
    """Follow the number of hosts in each class, and say whether the classes are still the same."""
    counts = Counter(before)
    touched: set[Membership] = set()
    for version in VERSIONS:
        for number in changed[version]:
            for there, by in ((was, -1), (hosts, 1)):
                membership = there[version].get(number)
                if membership is not None:
                    counts[membership] += by
                    touched.add(membership)
    for membership in touched:
        if not counts[membership]:
            del counts[membership]
    return counts, all((membership in counts) == (membership in before) for membership in touched)


def _numbered(
    universe: Universe,
    counts: Mapping[Membership, int],
    segments: Mapping[IpVersion, tuple[Segment, ...]],
    layout: MarkLayout,
    known: Mapping[Membership, int],
) -> tuple[Mapping[Membership, int], Mapping[Membership, int]]:
    """Return the digests of the classes and their numbers."""
    present = {*counts, *(segment.membership for version in VERSIONS for segment in segments[version])}
    digests = {each: known[each] if each in known else universe.digest(each) for each in present}
    return digests, number_classes(present, digests.__getitem__, layout.capacity)


def _merged(segments: Iterable[Segment], mask: Membership) -> Iterator[Segment]:
    """Restrict segments to the atoms in `mask`, joining neighbours that only other atoms told apart."""
    return joined((segment.addresses, segment.membership & mask) for segment in segments)
