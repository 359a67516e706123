"""Situations: every group of pods that are judged alike, with all peers that are alike to them, and the rules between.

They are taken from the programs that are enforced, and together they hold all that is judged in one direction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.classes import Membership, numbers_in
from compiler.compilation import Compilation
from compiler.diagram.ends import End, Owners, ends_of
from compiler.diagram.tiles import Atoms
from compiler.model import (
    Action,
    Direction,
    Flow,
    IsolationOrigin,
    Origin,
    Policy,
    PortRange,
    Protocol,
    Rule,
    RuleOrigin,
    Tier,
)
from compiler.packets import EVERY_PACKET, NO_PACKET, PacketSet
from compiler.programs import Program, ReadyRule


class Ground:
    """A compiled cluster and the ends in it: addresses that are alike, whichever end of a flow they are."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        self._owners: dict[IpVersion, Owners] = {version: Owners(compilation, version) for version in VERSIONS}
        self.ends: tuple[End, ...] = tuple(
            end for version in VERSIONS for end in ends_of([self._owners[version]], version)
        )

    def one_pod(self, one: Address, other: Address) -> bool:
        """Say whether two addresses of one family are one governed pod's."""
        return self._owners[one.version].one_pod(int(one), int(other))


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A rule where it stands: `rank` counts the rules of one direction in order of precedence, over all tiers."""

    rank: int
    policy: Policy
    rule: Rule
    direction: Direction

    @property
    def origin(self) -> RuleOrigin:
        """Name the rule as decisions do."""
        return RuleOrigin.of(self.policy, self.direction, self.rule)

    @property
    def action(self) -> Action:
        """What the rule says."""
        return self.rule.action


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of a course, with what the compiler made of it."""

    ranked: Ranked
    ready: tuple[ReadyRule, ...]

    def matched(self, membership: Membership) -> PacketSet:
        """Return the packets that the rule is about, where the other end is of that class."""
        packets = NO_PACKET
        for ready in self.ready:
            if ready.anyone or ready.peers & membership:
                found = ready.matched(membership)
                packets = packets | found if packets else found
        return packets


@dataclass(frozen=True, slots=True)
class Stretch:
    """One tier of a course; `isolation` is who denies what none of its rules settles."""

    tier: Tier
    steps: tuple[Step, ...]
    isolation: Origin | None


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One group of pods that are judged alike, and peers that are alike to them; `matched` are the rules that match.

    Where `likeness` is the same, the same rules of the same tiers match the same packets, and the same policies isolate
    the pods: what becomes of packets is the same.
    """

    likeness: int
    program: Program
    course: tuple[Stretch, ...]
    subjects: tuple[End, ...]
    peers: tuple[End, ...]
    matched: tuple[tuple[tuple[Ranked, PacketSet], ...], ...]

    def after(self, ranked: Ranked, packets: PacketSet, gone: frozenset[Ranked] | set[Ranked]) -> PacketSet:
        """Return which of some packets are accepted by what comes after a rule, without rules that are gone."""
        tier = next(place for place, stretch in enumerate(self.course) if stretch.tier is ranked.policy.tier)
        return self.accepted(packets, gone, tier, ranked.rank)

    def accepted(
        self, pending: PacketSet, gone: frozenset[Ranked] | set[Ranked] = frozenset(), tier: int = 0, above: int = -1
    ) -> PacketSet:
        """Return which of some packets are accepted, from a tier on and there by rules after the rank `above`."""
        accepted = NO_PACKET
        for stretch, matched in zip(self.course[tier:], self.matched[tier:], strict=True):
            passed = NO_PACKET
            for ranked, packets in matched:
                if ranked.rank <= above or ranked in gone:
                    continue
                hit = pending & packets
                if hit:
                    pending -= hit
                    if ranked.action is Action.ACCEPT:
                        accepted |= hit
                    elif ranked.action is Action.PASS:
                        passed |= hit
            if stretch.isolation is not None:
                pending = NO_PACKET
            pending |= passed
        return accepted | pending

    def reaching(self, tier: int) -> PacketSet:
        """Return the packets that are still undecided when a tier is asked."""
        pending = EVERY_PACKET
        for stretch, matched in zip(self.course[:tier], self.matched[:tier], strict=True):
            passed = NO_PACKET
            for ranked, packets in matched:
                if ranked.action is Action.PASS:
                    passed |= pending & packets
                pending -= packets
            pending = passed if stretch.isolation is not None else pending | passed
        return pending

    def beyond(self, tier: Tier) -> int:
        """Return the place of the first tier after that one."""
        return sum(stretch.tier <= tier for stretch in self.course)


def just(flow: Flow) -> PacketSet:
    """Return the set of one flow's packet."""
    if flow.protocol is Protocol.OTHER:
        return PacketSet(other=True)
    return PacketSet.of([PortRange(flow.protocol, flow.port, flow.port)])


def judged(direction: Direction, subject: End, peer: End) -> bool:
    """Say whether what comes from some peers to some pods is judged: not what is from their own node (2.12)."""
    return direction is Direction.EGRESS or subject.sides[0].node not in peer.sides[0].nodes


def situations(ground: Ground, rules: Sequence[Ranked], direction: Direction) -> Iterator[Situation]:
    """Yield every situation in which there is anything to judge."""
    egress = direction is Direction.EGRESS
    of_origin: dict[Origin, Ranked] = {ranked.origin: ranked for ranked in rules}
    ends = ground.ends
    subjects: dict[Program, list[End]] = {}
    for end in ends:
        program = end.sides[0].egress if egress else end.sides[0].ingress
        if program is not None:
            subjects.setdefault(program, []).append(end)
    classes: dict[tuple[IpVersion, Membership], list[End]] = {}
    for end in ends:
        classes.setdefault((end.version, end.sides[0].membership), []).append(end)
    atoms = Atoms(membership for _version, membership in classes)
    members_of = list(classes.values())
    of_version: dict[IpVersion, int] = {}
    for number, (version, _membership) in enumerate(classes):
        of_version[version] = of_version.get(version, 0) | 1 << number
    likenesses: dict[object, int] = {}
    for program, members in subjects.items():
        course = _course(program, of_origin)
        tiers = tuple((stretch.tier, stretch.isolation) for stretch in course)
        asked = 0
        for version in {member.version for member in members}:
            asked |= of_version[version]
        for membership, alike in atoms.split(asked, program.mask):
            peers = [end for number in numbers_in(alike) for end in members_of[number]]
            matched = tuple(tuple(_matched(stretch, membership)) for stretch in course)
            likeness = likenesses.setdefault((tiers, matched), len(likenesses))
            for some, others in _pairs(direction, members, peers):
                yield Situation(likeness, program, course, some, others, matched)


def _pairs(
    direction: Direction, members: list[End], peers: list[End]
) -> Iterator[tuple[tuple[End, ...], tuple[End, ...]]]:
    """Yield the subjects and peers of one family between whom something is judged."""
    for version in VERSIONS:
        some = tuple(end for end in members if end.version == version)
        others = tuple(end for end in peers if end.version == version)
        if some and others and any(judged(direction, one, other) for other in others for one in some):
            yield some, others


def _matched(stretch: Stretch, membership: Membership) -> Iterator[tuple[Ranked, PacketSet]]:
    for step in stretch.steps:
        packets = step.matched(membership)
        if packets:
            yield step.ranked, packets


def _course(program: Program, of_origin: Mapping[Origin, Ranked]) -> tuple[Stretch, ...]:
    """Return a program's rules by tier, those that were split for their port names as one again."""
    stretches: list[Stretch] = []
    for tier in program.tiers:
        steps: dict[Ranked, list[ReadyRule]] = {}
        for ready in tier.rules:
            steps.setdefault(of_origin[ready.origin], []).append(ready)
        isolation = tier.isolation.origin if tier.isolation is not None else None
        if steps:
            which = next(iter(steps)).policy.tier
        elif isinstance(isolation, IsolationOrigin):
            which = Tier.NETWORK_POLICY
        else:
            continue
        stretches.append(Stretch(which, tuple(Step(ranked, tuple(made)) for ranked, made in steps.items()), isolation))
    return tuple(stretches)
