"""One complete compiled state of a cluster, as the controller publishes it and every node reads it.

Here selectors have been resolved, once for the whole cluster: what is left are atoms, named by digest, and who they
are true of. Nothing depends on the node, and nothing on the order in which the state was reached, so a controller that
takes over arrives at the same values. A node makes its share of it (`share_of`) and needs no API object for that.

Pods come and go faster than policies change. So a pod is no more than a member of a shape, which all pods that no
policy could ever tell apart have in common, and what the policies in force make of a shape is written down once.
"""

import bisect
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias, TypeVar

from compiler.addresses import VERSIONS, Address, IpVersion, address_of
from compiler.classes import Membership, Segment, Universe, class_digest, numbers_in
from compiler.compilation import Compilation
from compiler.differences import changed_members
from compiler.intervals import Range
from compiler.marks import MarkLayout, number_classes
from compiler.model import Action, Direction, Origin, Pod
from compiler.packets import PacketSet
from compiler.profiles import Outcome
from compiler.programs import Program, ReadyRule, ReadyTier
from compiler.share import Share, Subject

Something = TypeVar("Something")

AtomDigest: TypeAlias = str
"""A question that policies ask about an address, in 16 hex digits (`Universe.atom_digests`)."""

Atoms: TypeAlias = tuple[AtomDigest, ...]
"""Some of them, ascending, each once."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the policies in force make of pods, nodes or learned addresses that look alike.

    `atoms` are true of all of their addresses, wherever these lie. `egress` and `ingress` are the digests of the
    programs that such pods run, empty where no policy concerns the direction.
    """

    atoms: Atoms = ()
    egress: str = ""
    ingress: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """The addresses of one pod or node, or a learned one, and their shape; `node` is where a pod runs, else empty."""

    shape: str
    addresses: tuple[Address, ...]
    node: str = ""


@dataclass(frozen=True, slots=True)
class PortableRule:
    """A rule of a program, with atoms instead of peers; `named` are ports that only some peers have."""

    action: Action
    anyone: bool
    peers: Atoms
    packets: PacketSet
    named: tuple[tuple[AtomDigest, PacketSet], ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class PortableTier:
    """The rules of one tier in order, and what becomes of what none of them settles, where the tier isolates."""

    rules: tuple[PortableRule, ...]
    isolation: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PortableProgram:
    """A program that means the same wherever it is read."""

    direction: Direction
    tiers: tuple[PortableTier, ...]

    @property
    def atoms(self) -> frozenset[AtomDigest]:
        """All that the program asks."""
        rules = [rule for tier in self.tiers for rule in tier.rules]
        return frozenset(atom for rule in rules for atom in (*rule.peers, *(atom for atom, _packets in rule.named)))


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive addresses of one family of which the same atoms are true for where they lie; one at least."""

    addresses: Range
    atoms: Atoms


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete compiled state.

    Attributes:
        members: By owner: ``pod namespace/name``, ``node name``, or ``learned address`` of an address that a domain
            name has. Who has no address is not there.
        shapes: Those that members have, by digest.
        programs: Those that shapes name, by digest.
        spans: Per family, ascending and disjoint.

    """

    members: Mapping[str, Member] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    programs: Mapping[str, PortableProgram] = field(default_factory=dict)
    spans: Mapping[IpVersion, tuple[Span, ...]] = field(default_factory=lambda: {4: (), 6: ()})


# Making one: the controller's side.


def generation_of(compilation: Compilation) -> Generation:
    """Write down a compilation as a generation."""
    return GenerationWriter().generation(compilation)


class GenerationWriter:
    """Writes down one compilation after the other, and remembers the last one: what has not changed stays as it was.

    It says the same as `generation_of`.
    """

    def __init__(self) -> None:
        self._before: Compilation | None = None
        self._generation = Generation()
        self._pods: dict[str, Member] = {}
        self._counts: Counter[str] = Counter()
        self._samples: dict[str, Pod] = {}
        """A pod of each shape that pods have: all that look like it have the same atoms and programs."""
        self._pod_shapes: dict[str, Shape] = {}
        self._others: tuple[dict[str, Member], dict[str, Shape]] = ({}, {})
        self._portables: dict[str, tuple[Program, PortableProgram]] = {}

    def generation(self, compilation: Compilation) -> Generation:
        """Write down a compilation; the quicker the less it differs from the last one."""
        before = self._before
        # An attempt that fails must not leave half of it behind.
        self._before = None
        if before is None:
            self.__init__()  # type: ignore[misc]
        snapshot, universe = compilation.snapshot, compilation.universe
        kept = before if before and before.universe.questions is universe.questions else None
        steady = (
            kept is not None
            and kept.universe.declarations == universe.declarations
            and kept.snapshot.namespaces == snapshot.namespaces
        )
        others = self._others[0]
        gone, come = changed_members(before.snapshot.pods if before else (), snapshot.pods, attrgetter("key"))
        self._follow_pods(gone, come)
        # All or none: a compilation only remembers the programs that it was asked for.
        steady = steady and self._samples.keys() <= self._pod_shapes.keys()
        self._pod_shapes = {
            digest: self._pod_shapes[digest] if steady else self._pod_shape(compilation, pod)
            for digest, pod in self._samples.items()
        }
        if not (kept and kept.snapshot.nodes == snapshot.nodes and kept.snapshot.learned == snapshot.learned):
            self._others = self._write_others(compilation)
        shapes = _same(self._generation.shapes, self._pod_shapes | self._others[1])
        known = {digest for shape in shapes.values() for digest in (shape.egress, shape.ingress) if digest}
        self._portables = {digest: self._portables[digest] for digest in sorted(known)}
        programs = {digest: portable for digest, (_program, portable) in self._portables.items()}
        spans = self._generation.spans
        if not (kept and kept.universe.segments is universe.segments):
            spans = {version: tuple(self._spans(compilation, version)) for version in VERSIONS}
        members = self._generation.members
        if gone or come or self._others[0] != others:
            members = self._pods | self._others[0]
        self._generation = Generation(members, shapes, _same(self._generation.programs, programs), spans)
        self._before = compilation
        return self._generation

    def _follow_pods(self, gone: Iterable[Pod], come: Iterable[Pod]) -> None:
        for pod in gone:
            member = self._pods.pop(f"pod {pod}", None)
            if member is not None:
                self._counts[member.shape] -= 1
        for pod in come:
            if pod.governed and pod.addresses:
                shape = _digest("pod", pod.namespace, pod.labels, pod.ports)
                self._pods[f"pod {pod}"] = Member(shape, pod.addresses, pod.node)
                self._counts[shape] += 1
                self._samples.setdefault(shape, pod)
        for shape in [shape for shape, count in self._counts.items() if not count]:
            del self._counts[shape], self._samples[shape]

    def _write_others(self, compilation: Compilation) -> tuple[dict[str, Member], dict[str, Shape]]:
        """Write down nodes and learned addresses."""
        universe = compilation.universe
        members: dict[str, Member] = {}
        shapes: dict[str, Shape] = {}
        for node in compilation.snapshot.nodes:
            if node.addresses:
                shape = _digest("node", node.labels)
                if shape not in shapes:
                    shapes[shape] = Shape(_atoms(universe, universe.of_node(node)))
                members[f"node {node.name}"] = Member(shape, node.addresses)
        for version in VERSIONS:
            for number, membership in universe.learned[version].items():
                address = address_of(version, number)
                atoms = _atoms(universe, membership)
                shape = _digest("learned", atoms)
                shapes[shape] = Shape(atoms)
                members[f"learned {address}"] = Member(shape, (address,))
        return members, shapes

    def _pod_shape(self, compilation: Compilation, pod: Pod) -> Shape:
        programs = {}
        for direction, group in compilation.groups(pod).items():
            if group is not None:
                program = compilation.program(group)
                programs[direction.value] = program.digest
                known = self._portables.get(program.digest)
                if known is None or known[0] is not program:
                    self._portables[program.digest] = (program, _portable(compilation.universe, program))
        universe = compilation.universe
        return Shape(_atoms(universe, universe.of_pod(pod)), **programs)

    @staticmethod
    def _spans(compilation: Compilation, version: IpVersion) -> Iterator[Span]:
        universe = compilation.universe
        for segment in universe.segments[version]:
            yield Span(segment.addresses, _atoms(universe, segment.membership))


def _portable(universe: Universe, program: Program) -> PortableProgram:
    digests = universe.atom_digests
    return PortableProgram(
        program.direction,
        tuple(
            PortableTier(
                tuple(
                    PortableRule(
                        rule.action,
                        rule.anyone,
                        _atoms(universe, rule.peers),
                        rule.packets,
                        tuple(sorted((digests[bit.bit_length() - 1], packets) for bit, packets in rule.named)),
                        rule.origin,
                    )
                    for rule in tier.rules
                ),
                tier.isolation,
            )
            for tier in program.tiers
        ),
    )


def _atoms(universe: Universe, membership: Membership) -> Atoms:
    return tuple(sorted(universe.atom_digests[number] for number in numbers_in(membership)))


def _same(before: Mapping[str, Something], after: Mapping[str, Something]) -> Mapping[str, Something]:
    """Return `before` if `after` is equal."""
    return before if before == after else after


def _digest(*what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


# Reading one: a node's side.


def share_of(generation: Generation, node: str, layout: MarkLayout) -> Share:
    """Work out what `node` needs of a generation; the same as `Share.of` makes of what it was written from.

    Raises:
        TooManyClassesError: the mark has not enough bits for the node's classes.
        KeyError: the generation is not complete: a shape or a program that it names is not there.

    """
    local = [(owner, member) for owner, member in generation.members.items() if member.node == node]
    shapes = {member.shape: generation.shapes[member.shape] for _owner, member in local}
    digests = {digest for shape in shapes.values() for digest in (shape.egress, shape.ingress) if digest}
    atoms = sorted({atom for digest in digests for atom in generation.programs[digest].atoms})
    reader = _Reader({atom: 1 << number for number, atom in enumerate(atoms)})
    programs = {digest: reader.program(digest, generation.programs[digest]) for digest in sorted(digests)}
    subjects = {
        name: Subject(programs.get(shape.egress), programs.get(shape.ingress))
        for name, shape in shapes.items()
        if shape.egress or shape.ingress
    }
    segments = {version: tuple(reader.segments(generation.spans[version])) for version in VERSIONS}
    hosts = reader.hosts(generation, segments)
    present = {membership for version in VERSIONS for membership in hosts[version].values()}
    present.update(segment.membership for version in VERSIONS for segment in segments[version])
    return Share(
        subjects=tuple(
            (_pod(owner, member), subjects[member.shape]) for owner, member in local if member.shape in subjects
        ),
        programs=programs,
        hosts=hosts,
        segments=segments,
        numbers=number_classes(
            present, lambda membership: class_digest(atoms[n] for n in numbers_in(membership)), layout.capacity
        ),
    )


def _pod(owner: str, member: Member) -> Pod:
    namespace, _slash, name = owner.removeprefix("pod ").partition("/")
    return Pod(namespace, name, node=member.node, addresses=member.addresses)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads with the atoms that a node asks about; the others are as if they were not there."""

    bits: Mapping[AtomDigest, Membership]

    def membership(self, atoms: Iterable[AtomDigest]) -> Membership:
        found: Membership = 0
        for atom in atoms:
            found |= self.bits.get(atom, 0)
        return found

    def program(self, digest: str, portable: PortableProgram) -> Program:
        number = 0
        tiers: list[ReadyTier] = []
        for tier in portable.tiers:
            rules: list[ReadyRule] = []
            for rule in tier.rules:
                named = tuple((self.bits[atom], packets) for atom, packets in rule.named)
                peers = self.membership(rule.peers)
                rules.append(ReadyRule(number, rule.action, rule.anyone, peers, rule.packets, named, rule.origin))
                number += 1
            tiers.append(ReadyTier(tuple(rules), tier.isolation))
        return Program(digest, portable.direction, tuple(tiers))

    def segments(self, spans: Iterable[Span]) -> Iterator[Segment]:
        """Yield what is left of spans, neighbours that only other atoms told apart as one."""
        current: Segment | None = None
        for span in spans:
            membership = self.membership(span.atoms)
            if current and membership == current.membership and span.addresses[0] == current.addresses[1] + 1:
                current = Segment((current.addresses[0], span.addresses[1]), membership)
                continue
            if current:
                yield current
            current = Segment(span.addresses, membership) if membership else None
        if current:
            yield current

    def hosts(
        self, generation: Generation, segments: Mapping[IpVersion, tuple[Segment, ...]]
    ) -> dict[IpVersion, dict[int, Membership]]:
        """Return the single addresses of which more is true than of where they lie."""
        memberships = {name: self.membership(shape.atoms) for name, shape in generation.shapes.items()}
        more: dict[IpVersion, dict[int, Membership]] = {4: {}, 6: {}}
        for member in generation.members.values():
            membership = memberships[member.shape]
            if membership:
                for address in member.addresses:
                    known = more[address.version]
                    known[int(address)] = known.get(int(address), 0) | membership
        starts = {version: [segment.addresses[0] for segment in segments[version]] for version in VERSIONS}
        hosts: dict[IpVersion, dict[int, Membership]] = {4: {}, 6: {}}
        for version in VERSIONS:
            for number, membership in more[version].items():
                place = bisect.bisect_right(starts[version], number) - 1
                lies = 0
                if place >= 0 and number <= segments[version][place].addresses[1]:
                    lies = segments[version][place].membership
                if membership | lies != lies:
                    hosts[version][number] = membership | lies
        return hosts
