"""What part every rule has in what becomes of packets, exactly, in one cluster.

Programs of pods are walked as they are enforced, once for each class of peers that a program can tell apart. Of every
rule we see what it matches, what of that it is the first to match, and what would become of that without it. Rules that
can go are taken out one by one, the last first, each with those after it gone or still there: so any of them can go.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from anp.analysis.lint.situations import Ground, Ranked, Situation, judged, situations
from compiler.diagram.traffic import example
from compiler.model import (
    Action,
    Direction,
    Flow,
    Origin,
    Tier,
)
from compiler.packets import EVERY_PACKET, NO_PACKET, PacketSet

_TRIED = 3
"""How many addresses of an end are tried for a witness that is no pod's traffic to itself."""


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
    """In how many likenesses of situations all that the earlier one matches is matched by the later one."""


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
        # There are many situations, and few that are not like another.
        walked: dict[int, list[tuple[Ranked, PacketSet]]] = {}
        for situation in situations(ground, rules, direction):
            standing.situations.append(situation)
            if situation.likeness not in walked:
                walked[situation.likeness] = list(standing._walk(situation))
            for ranked, packets in walked[situation.likeness]:
                standing.hits.setdefault(ranked, []).append(Hit(situation, packets))
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
                if not judged(self.direction, subject, peer):
                    continue
                for one in islice(subject.examples(), _TRIED):
                    for other in islice(peer.examples(), _TRIED):
                        pair = (one, other) if self.direction is Direction.EGRESS else (other, one)
                        if not self.ground.one_pod(one, other):
                            return Flow(*pair, protocol, port)
                        fallback = fallback or Flow(*pair, protocol, port, hairpin=True)
        assert fallback is not None  # noqa: S101 - a situation is judged between some subject and some peer
        return fallback

    def _walk(self, situation: Situation) -> Iterator[tuple[Ranked, PacketSet]]:
        """Yield what every rule takes first, and note what it matches and loses; for one situation of each likeness."""
        pending = EVERY_PACKET
        taken: list[tuple[Ranked | Origin, PacketSet]] = []
        for stretch, matched in zip(situation.course, situation.matched, strict=True):
            passed = NO_PACKET
            passes: list[tuple[Ranked | Origin, PacketSet]] = []
            for ranked, packets in matched:
                self.matching[ranked] = self.matching.get(ranked, 0) + 1
                hit = pending & packets
                if hit:
                    yield ranked, hit
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
            # One of each likeness stands for the others.
            for hit in {hit.situation.likeness: hit for hit in self.hits[ranked]}.values():
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
