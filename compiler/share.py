"""One node's share of a compilation: the programs its pods run and the classes those programs tell apart."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler.addresses import VERSIONS, IpVersion
from compiler.classes import Membership, Segment, Universe
from compiler.compilation import Compilation
from compiler.marks import MarkLayout, number_classes
from compiler.model import Direction, Pod
from compiler.programs import Program


@dataclass(frozen=True, slots=True)
class Subject:
    """The programs of some local pods; at least one is there."""

    egress: Program | None
    ingress: Program | None

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs that are there."""
        return tuple(program for program in (self.egress, self.ingress) if program is not None)


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

    @classmethod
    def of(cls, compilation: Compilation, node: str, layout: MarkLayout) -> "Share":
        """Work out the share of `node`.

        Raises:
            TooManyClassesError: the mark has not enough bits for the node's classes.

        """
        subjects = tuple(_subjects(compilation, node))
        programs = {program.digest: program for _pod, subject in subjects for program in subject.programs}
        mask: Membership = 0
        for program in programs.values():
            mask |= program.mask
        universe = compilation.universe
        segments = {version: tuple(_merged(universe.segments[version], mask)) for version in VERSIONS}
        hosts = {version: dict(_hosts(universe, version, mask)) for version in VERSIONS}
        present = {membership for version in VERSIONS for membership in hosts[version].values()}
        present.update(segment.membership for version in VERSIONS for segment in segments[version])
        return cls(subjects, programs, hosts, segments, number_classes(present, universe.digest, layout.capacity))


def _subjects(compilation: Compilation, node: str) -> Iterator[tuple[Pod, Subject]]:
    for pod in compilation.snapshot.pods:
        if pod.node != node or not pod.addresses:
            continue
        groups = compilation.groups(pod)
        programs = {direction: compilation.program(group) for direction, group in groups.items() if group}
        if programs:
            yield pod, Subject(programs.get(Direction.EGRESS), programs.get(Direction.INGRESS))


def _hosts(universe: Universe, version: IpVersion, mask: Membership) -> Iterator[tuple[int, Membership]]:
    """Restrict single addresses to the atoms in `mask`, leaving out those of which their segment says as much."""
    for number, membership in universe.hosts[version].items():
        if membership & mask and (membership ^ universe.in_blocks(version, number)) & mask:
            yield number, membership & mask


def _merged(segments: Iterable[Segment], mask: Membership) -> Iterator[Segment]:
    """Restrict segments to the atoms in `mask`, joining neighbours that only other atoms told apart."""
    current: Segment | None = None
    for segment in segments:
        membership = segment.membership & mask
        if current and membership == current.membership and segment.addresses[0] == current.addresses[1] + 1:
            current = Segment((current.addresses[0], segment.addresses[1]), membership)
            continue
        if current:
            yield current
        current = Segment(segment.addresses, membership) if membership else None
    if current:
        yield current
