"""A node's rulesets for one generation after the other, at the cost of what changed.

They are what `compiler.generation.share_of` and `compiler.lower.lower_share` make, which have the plain way to it. Here
atoms keep their bits from one generation to the next, so that memberships of before and after can be compared, and
addresses know whose they are, so that a member that comes or goes touches its own addresses only.
"""

import bisect
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from compiler.addresses import VERSIONS, IpVersion
from compiler.atoms import Numbering
from compiler.classes import Hosts, Membership, Segment, class_digest, numbers_in
from compiler.differences import changed_keys, patched
from compiler.generation import AtomDigest, Generation, Member, PortableProgram
from compiler.lowering import Lowering
from compiler.marks import MarkLayout, number_classes
from compiler.programs import Program
from compiler.reading import Reader, pod_of
from compiler.ruleset import Ruleset
from compiler.share import Basis, Share, Subject

SPARE = 256
"""So many atoms that nobody asks any more may keep their bits, and as many as are asked."""

Segments: TypeAlias = Mapping[IpVersion, tuple[Segment, ...]]
Touched: TypeAlias = Mapping[IpVersion, set[int]]


class Sharing:
    """Lowers generations for one node, one after the other; not for several threads at a time."""

    def __init__(self, node: str, layout: MarkLayout) -> None:
        self._node = node
        self._layout = layout
        self._lowering = Lowering(node, layout)
        self._memory = _Memory(node, layout)

    def lower(self, generation: Generation) -> Ruleset:
        """Return what the kernel of the node should hold.

        Raises:
            TooManyClassesError: the mark has not enough bits for the node's classes.
            KeyError: the generation is not complete: a shape or a program that it names is not there.

        """
        memory = self._memory if not self._memory.worn else _Memory(self._node, self._layout)
        # Whatever ends it in the middle: the next time begins from nothing.
        self._memory = _Memory(self._node, self._layout)
        ruleset = self._lowering.lower_share(memory.share(generation))
        self._memory = memory
        return ruleset


class _Memory:
    """What is known of the last generation; of no use any more after `share` has raised."""

    def __init__(self, node: str, layout: MarkLayout) -> None:
        self._node = node
        self._layout = layout
        self._numbering = Numbering()
        self._generation = Generation()
        self._local: Mapping[str, Member] = {}
        self._portable: Mapping[str, PortableProgram] = {}
        self._programs: Mapping[str, Program] = {}
        self._bits: dict[AtomDigest, Membership] = {}
        self._atoms: list[AtomDigest] = []
        self._asked: frozenset[AtomDigest] = frozenset()
        self._reader = Reader({})
        self._memberships: Mapping[str, Membership] = {}
        self._owners: dict[IpVersion, dict[int, tuple[str, ...]]] = {version: {} for version in VERSIONS}
        self._segments: Segments = dict.fromkeys(VERSIONS, ())
        self._hosts: Hosts = {version: {} for version in VERSIONS}
        self._numbers: Mapping[Membership, int] = {0: 0}
        self._digests: Mapping[Membership, int] = {}

    @property
    def worn(self) -> bool:
        """Whether most bits are those of atoms that nobody asks any more: it is time to begin anew."""
        return len(self._atoms) > 2 * len(self._asked) + SPARE

    def share(self, generation: Generation) -> Share:
        """Work out the share of a generation, which knows what has changed since the one before."""
        before, self._generation = self._generation, generation
        changed = changed_keys(before.members, generation.members)
        self._local = patched(self._local, changed, self._local_member)
        shapes = {name: generation.shapes[name] for name in {member.shape for member in self._local.values()}}
        digests = {digest for shape in shapes.values() for digest in (shape.egress, shape.ingress) if digest}
        other_questions = self._ask({digest: generation.programs[digest] for digest in sorted(digests)})
        moved = self._weigh(before, all_of_them=other_questions)
        touched = self._settle(before, changed, moved)
        if other_questions or generation.spans != before.spans:
            segments = {version: tuple(self._reader.segments(generation.spans[version])) for version in VERSIONS}
            if segments != self._segments:
                self._segments = segments
                touched = {version: {*self._owners[version], *self._hosts[version]} for version in VERSIONS}
        lies = self._lies()
        self._hosts = {
            version: patched(self._hosts[version], touched[version], self._host(version, lies)) for version in VERSIONS
        }
        self._number()
        subjects = {
            name: Subject(self._programs.get(shape.egress), self._programs.get(shape.ingress))
            for name, shape in shapes.items()
            if shape.egress or shape.ingress
        }
        pods = sorted(
            (
                (pod_of(owner, member), member.shape)
                for owner, member in self._local.items()
                if member.shape in subjects
            ),
            key=lambda each: each[0].key,
        )
        return Share(
            subjects=tuple((pod, subjects[shape]) for pod, shape in pods),
            programs=self._programs,
            hosts=self._hosts,
            segments=self._segments,
            numbers=self._numbers,
            basis=self._basis(touched),
        )

    def _local_member(self, owner: str) -> Member | None:
        member = self._generation.members.get(owner)
        return member if member is not None and member.node == self._node else None

    def _ask(self, portable: Mapping[str, PortableProgram]) -> bool:
        """Read the programs that the node runs, and say whether they ask other questions than before."""
        if portable == self._portable:
            return False
        asked = frozenset(atom for program in portable.values() for atom in program.atoms)
        for atom in sorted(asked - self._bits.keys()):
            self._bits[atom] = 1 << len(self._atoms)
            self._atoms.append(atom)
        other = asked != self._asked
        if other:
            self._asked, self._reader = asked, Reader({atom: self._bits[atom] for atom in asked})
        self._programs = {
            digest: self._programs[digest]
            if self._portable.get(digest) == program
            else self._reader.program(digest, program)
            for digest, program in portable.items()
        }
        self._portable = portable
        return other

    def _weigh(self, before: Generation, *, all_of_them: bool) -> set[str]:
        """Work out what is true of shapes, and return those of which something else is true than before."""
        known, shapes = self._memberships, self._generation.shapes
        changed = {*known, *shapes} if all_of_them else changed_keys(before.shapes, shapes)

        def membership(name: str) -> Membership | None:
            return self._reader.membership(shapes[name].atoms) if name in shapes else None

        self._memberships = patched(known, changed, membership)
        return {name for name in changed if name in known and known[name] != self._memberships.get(name)}

    def _settle(self, before: Generation, changed: Iterable[str], moved: set[str]) -> Touched:
        """Follow who has which address, and return the addresses of whom something has changed."""
        touched: dict[IpVersion, set[int]] = {version: set() for version in VERSIONS}
        members = self._generation.members
        for owner in changed:
            was, now = (there.get(owner) for there in (before.members, members))
            for address in was.addresses if was else ():
                known = self._owners[address.version]
                left = tuple(each for each in known[int(address)] if each != owner)
                if left:
                    known[int(address)] = left
                else:
                    del known[int(address)]
                touched[address.version].add(int(address))
            for address in dict.fromkeys(now.addresses) if now else ():
                known = self._owners[address.version]
                known[int(address)] = (*known.get(int(address), ()), owner)
                touched[address.version].add(int(address))
        if moved:
            for member in members.values():
                if member.shape in moved:
                    for address in member.addresses:
                        touched[address.version].add(int(address))
        return touched

    def _host(
        self, version: IpVersion, lies: Callable[[IpVersion, int], Membership]
    ) -> Callable[[int], Membership | None]:
        """Return what tells the membership of single addresses; None if where they lie says as much."""
        owners, members, memberships = self._owners[version], self._generation.members, self._memberships

        def host(number: int) -> Membership | None:
            found: Membership = 0
            for owner in owners.get(number, ()):
                found |= memberships[members[owner].shape]
            there = lies(version, number)
            return found | there if found & ~there else None

        return host

    def _lies(self) -> Callable[[IpVersion, int], Membership]:
        """Return what tells what is true of addresses for where they lie."""
        starts = {version: [segment.addresses[0] for segment in self._segments[version]] for version in VERSIONS}

        def lies(version: IpVersion, number: int) -> Membership:
            place = bisect.bisect_right(starts[version], number) - 1
            if place < 0:
                return 0
            segment = self._segments[version][place]
            return segment.membership if number <= segment.addresses[1] else 0

        return lies

    def _number(self) -> None:
        """Number the classes, if they are not those of before."""
        present = {membership for version in VERSIONS for membership in self._hosts[version].values()}
        present.update(segment.membership for version in VERSIONS for segment in self._segments[version])
        if present | {0} == self._numbers.keys():
            return
        known = self._digests
        self._digests = {each: known[each] if each in known else self._digest(each) for each in present}
        self._numbers = number_classes(present, self._digests.__getitem__, self._layout.capacity)

    def _digest(self, membership: Membership) -> int:
        return class_digest(self._atoms[number] for number in numbers_in(membership))

    def _basis(self, touched: Touched) -> Basis:
        asked = sum(self._bits[atom] for atom in self._asked)
        return Basis(
            self._numbering,
            asked,
            self._hosts,
            self._segments,
            counts={},
            digests=self._digests,
            capacity=self._layout.capacity,
            changed=touched,
        )
