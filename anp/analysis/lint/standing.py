"""What part every rule has in what becomes of packets, exactly, in one cluster.

Programs of pods are walked as they are enforced, once for each class of peers that a program can tell apart. Of every
rule we see what it matches, what of that it is the first to match, and what would become of that without it. Rules that
can go are taken out one by one, the last first, each with those after it gone or still there: so any of them can go.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.diagram.ends import End, Owners, ends_of
from compiler.diagram.traffic import example
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

_TRIED = 3
"""How many addresses of an end are tried for a witness that is no pod's traffic to itself."""


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
    """One group of pods that are judged alike, and peers that are alike to them; `matched` are the rules that match."""

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


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule is the first to match in one situation."""

    situation: Situation
    packets: PacketSet


@dataclass(frozen=True, slots=True)
class Loss:
    """How a rule that matches packets does not get to see them: `by` took them first, a rule or an isolation."""

    situation: Situation
    by: Ranked | Origin
    packets: PacketSet


@dataclass(slots=True)
class Meeting:
    """Two rules of one tier with different actions that match a packet in common, the earlier one first."""

    earlier: Ranked
    later: Ranked
    hit: Hit
    inside: int = 0
    """In how many situations all that the earlier one matches is matched by the later one."""


@dataclass(slots=True)
class Standing:
    """The rules of one direction, with all that the situations of a cluster say about them.

    `hits` are what a rule decides, `losses` what it does not get to see. A rule with neither matches nothing. `spare`
    rules decide something, and nothing changes if they go, together with all `dead` ones; of those with the value True
    other rules of the same tier say the same.
    """

    direction: Direction
    rules: tuple[Ranked, ...]
    ground: Ground
    situations: list[Situation] = field(default_factory=list)
    hits: dict[Ranked, list[Hit]] = field(default_factory=dict)
    losses: dict[Ranked, list[Loss]] = field(default_factory=dict)
    meetings: dict[tuple[int, int], Meeting] = field(default_factory=dict)
    matching: dict[Ranked, int] = field(default_factory=dict)
    spare: dict[Ranked, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, ground: Ground, direction: Direction) -> "Standing":
        """Work out the standing of all rules of one direction."""
        placed = ((policy, rule) for policy in ground.compilation.snapshot.policies for rule in policy.rules(direction))
        rules = tuple(Ranked(rank, policy, rule, direction) for rank, (policy, rule) in enumerate(placed))
        standing = cls(direction, rules, ground)
        for situation in _situations(standing):
            standing.situations.append(situation)
            standing._walk(situation)
        standing._spare()
        return standing

    @property
    def dead(self) -> list[Ranked]:
        """Rules that match something, all of which others take first."""
        return [ranked for ranked in self.rules if ranked in self.losses and ranked not in self.hits]

    @property
    def idle(self) -> list[Ranked]:
        """Rules that match nothing which is judged."""
        return [ranked for ranked in self.rules if ranked not in self.losses and ranked not in self.hits]

    def generalised(self, meeting: Meeting) -> bool:
        """Say whether the later of two rules matches all that the earlier one does, and says something else."""
        return meeting.inside == self.matching[meeting.earlier]

    def flow(self, situation: Situation, packets: PacketSet) -> Flow:
        """Return a flow of that situation with one of these packets, not of a pod to itself if there is another."""
        protocol, port = example(packets)
        fallback: Flow | None = None
        for subject in situation.subjects:
            for peer in situation.peers:
                if not _judged(self.direction, subject, peer):
                    continue
                for one in islice(subject.examples(), _TRIED):
                    for other in islice(peer.examples(), _TRIED):
                        pair = (one, other) if self.direction is Direction.EGRESS else (other, one)
                        if not self.ground.one_pod(one, other):
                            return Flow(*pair, protocol, port)
                        fallback = fallback or Flow(*pair, protocol, port, hairpin=True)
        assert fallback is not None  # noqa: S101 - a situation is judged between some subject and some peer
        return fallback

    def _walk(self, situation: Situation) -> None:
        """Note what every rule matches, takes first, and loses."""
        pending = EVERY_PACKET
        taken: list[tuple[Ranked | Origin, PacketSet]] = []
        for stretch, matched in zip(situation.course, situation.matched, strict=True):
            passed = NO_PACKET
            passes: list[tuple[Ranked | Origin, PacketSet]] = []
            for ranked, packets in matched:
                self.matching[ranked] = self.matching.get(ranked, 0) + 1
                hit = pending & packets
                if hit:
                    self.hits.setdefault(ranked, []).append(Hit(situation, hit))
                    pending -= hit
                    if ranked.action is Action.PASS:
                        passed |= hit
                        passes.append((ranked, hit))
                    else:
                        taken.append((ranked, hit))
                elif ranked not in self.hits:
                    self._lose(situation, ranked, packets, [*taken, *passes])
            if stretch.tier is not Tier.NETWORK_POLICY:
                self._meet(situation, matched)
            if stretch.isolation is not None:
                taken.append((stretch.isolation, pending))
                pending = NO_PACKET
            pending |= passed

    def _lose(
        self,
        situation: Situation,
        ranked: Ranked,
        packets: PacketSet,
        taken: list[tuple[Ranked | Origin, PacketSet]],
    ) -> None:
        losses = self.losses.setdefault(ranked, [])
        known = {loss.by for loss in losses}
        for by, hit in taken:
            if by not in known and (lost := packets & hit):
                losses.append(Loss(situation, by, lost))
                known.add(by)

    def _meet(self, situation: Situation, matched: tuple[tuple[Ranked, PacketSet], ...]) -> None:
        for place, (later, packets) in enumerate(matched):
            for earlier, others in matched[:place]:
                if earlier.action is later.action or not (common := packets & others):
                    continue
                key = (earlier.rank, later.rank)
                meeting = self.meetings.get(key)
                if meeting is None:
                    meeting = self.meetings[key] = Meeting(earlier, later, Hit(situation, common))
                meeting.inside += common == others

    def _spare(self) -> None:
        gone = set(self.dead)
        for ranked in reversed(self.rules):
            # What failed closed is told by those who read it, and is not to be tidied away.
            if ranked in gone or ranked not in self.hits or ranked.rule.failed_closed:
                continue
            alike = True
            for hit in self.hits[ranked]:
                if not _same_without(ranked, hit, gone):
                    break
                alike = alike and _said_again(ranked, hit, gone)
            else:
                gone.add(ranked)
                self.spare[ranked] = alike


def _same_without(ranked: Ranked, hit: Hit, gone: set[Ranked]) -> bool:
    """Say whether all packets of a hit go the same way without the rule, with those that are gone or not."""
    situation = hit.situation
    match ranked.action:
        case Action.ACCEPT:
            now = hit.packets
        case Action.DENY:
            now = NO_PACKET
        case Action.PASS:
            now = situation.accepted(hit.packets, gone, situation.beyond(ranked.policy.tier))
    return situation.after(ranked, hit.packets, gone) == now and _agreed(ranked, hit, gone, now)


def _agreed(ranked: Ranked, hit: Hit, gone: set[Ranked], now: PacketSet) -> bool:
    """Say whether each rule that is gone, and would be next if it were there, says what the rule itself does."""
    situation = hit.situation
    first = situation.beyond(ranked.policy.tier) - 1
    pending = hit.packets
    for stretch, matched in zip(situation.course[first:], situation.matched[first:], strict=True):
        passed = NO_PACKET
        for other, packets in matched:
            met = pending & packets if other.rank > ranked.rank else NO_PACKET
            if not met:
                continue
            if other not in gone:
                pending -= met
                if other.action is Action.PASS:
                    passed |= met
            elif other.action is Action.PASS:
                if other.policy.tier is not ranked.policy.tier or ranked.action is not Action.PASS:
                    return False
            elif (met if other.action is Action.ACCEPT else NO_PACKET) != met & now:
                return False
        pending = passed if stretch.isolation is not None else pending | passed
    return True


def _said_again(ranked: Ranked, hit: Hit, gone: set[Ranked]) -> bool:
    """Say whether the same tier has the same answer for all packets of a hit without the rule."""
    pending = hit.packets
    situation = hit.situation
    for stretch, matched in zip(situation.course, situation.matched, strict=True):
        if stretch.tier is ranked.policy.tier:
            for other, packets in matched:
                if other.rank > ranked.rank and other not in gone and (again := pending & packets):
                    if other.action is not ranked.action:
                        return False
                    pending -= again
    return not pending


def just(flow: Flow) -> PacketSet:
    """Return the set of one flow's packet."""
    if flow.protocol is Protocol.OTHER:
        return PacketSet(other=True)
    return PacketSet.of([PortRange(flow.protocol, flow.port, flow.port)])


def _judged(direction: Direction, subject: End, peer: End) -> bool:
    """Say whether what comes from some peers to some pods is judged: not what is from their own node (2.12)."""
    return direction is Direction.EGRESS or subject.sides[0].node not in peer.sides[0].nodes


def _situations(standing: Standing) -> Iterator[Situation]:
    """Yield every situation in which there is anything to judge."""
    egress = standing.direction is Direction.EGRESS
    of_origin: dict[Origin, Ranked] = {ranked.origin: ranked for ranked in standing.rules}
    ends = standing.ground.ends
    subjects: dict[Program, list[End]] = {}
    for end in ends:
        program = end.sides[0].egress if egress else end.sides[0].ingress
        if program is not None:
            subjects.setdefault(program, []).append(end)
    classes: dict[tuple[int, Membership], list[End]] = {}
    for end in ends:
        classes.setdefault((end.version, end.sides[0].membership), []).append(end)
    for program, members in subjects.items():
        course = _course(program, of_origin)
        versions = {member.version for member in members}
        alike: dict[Membership, list[End]] = {}
        for (version, membership), peers in classes.items():
            if version in versions:
                alike.setdefault(membership & program.mask, []).extend(peers)
        for membership, peers in alike.items():
            matched = tuple(tuple(_matched(stretch, membership)) for stretch in course)
            for some, others in _pairs(standing.direction, members, peers):
                yield Situation(program, course, some, others, matched)


def _pairs(
    direction: Direction, members: list[End], peers: list[End]
) -> Iterator[tuple[tuple[End, ...], tuple[End, ...]]]:
    """Yield the subjects and peers of one family between whom something is judged."""
    for version in VERSIONS:
        some = tuple(end for end in members if end.version == version)
        others = tuple(end for end in peers if end.version == version)
        if some and others and any(_judged(direction, one, other) for other in others for one in some):
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
