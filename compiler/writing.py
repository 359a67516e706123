"""Generations, written down from compilations: the controller's side."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from compiler.addresses import VERSIONS, IpVersion, address_of
from compiler.classes import Membership, Universe, numbers_in
from compiler.compilation import Compilation
from compiler.differences import changed_members
from compiler.generation import Atoms, Generation, Member, PortableProgram, PortableRule, PortableTier, Shape, Span
from compiler.model import Pod
from compiler.programs import Program

Something = TypeVar("Something")


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
