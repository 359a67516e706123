"""Generations, read for one node: the agent's side."""

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler.addresses import VERSIONS, IpVersion
from compiler.classes import Membership, Segment, class_digest, numbers_in
from compiler.generation import (
    AtomDigest,
    Generation,
    Member,
    PortableProgram,
    Span,
)
from compiler.marks import MarkLayout, number_classes
from compiler.model import Pod
from compiler.programs import Program, ReadyRule, ReadyTier
from compiler.segments import joined
from compiler.share import Share, Subject


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
    reader = Reader({atom: 1 << number for number, atom in enumerate(atoms)})
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
            (pod_of(owner, member), subjects[member.shape]) for owner, member in local if member.shape in subjects
        ),
        programs=programs,
        hosts=hosts,
        segments=segments,
        numbers=number_classes(
            present, lambda membership: class_digest(atoms[n] for n in numbers_in(membership)), layout.capacity
        ),
    )


def pod_of(owner: str, member: Member) -> Pod:
    """Return the pod that a member is, as far as a generation knows it."""
    namespace, _slash, name = owner.removeprefix("pod ").partition("/")
    return Pod(namespace, name, node=member.node, addresses=member.addresses)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads with the atoms that a node asks about; the others are as if they were not there."""

    bits: Mapping[AtomDigest, Membership]

    def membership(self, atoms: Iterable[AtomDigest]) -> Membership:
        """Return the bits of those atoms that are asked about."""
        found: Membership = 0
        for atom in atoms:
            found |= self.bits.get(atom, 0)
        return found

    def program(self, digest: str, portable: PortableProgram) -> Program:
        """Make a program of these bits again."""
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
        return joined((span.addresses, self.membership(span.atoms)) for span in spans)

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
