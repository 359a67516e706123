"""Rules among one another, within one tier: shadowed, redundant, generalised, correlated, and in an undefined order."""

from collections.abc import Iterator
from itertools import combinations, groupby

from anp.analysis.lint.desk import Desk, rule_path
from anp.analysis.lint.findings import Finding, Witness
from anp.analysis.lint.implication import covers, never_meet
from anp.analysis.lint.situations import Ranked, Situation, just
from anp.analysis.lint.standing import Loss, Standing
from compiler.model import Action, Direction, Tier
from compiler.packets import NO_PACKET, PacketSet

_TODAY = ", with the pods there are at present"
_ALWAYS = ", whatever pods there are"


def order(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    for direction in Direction:
        standing = desk.standing(direction)
        yield from _taken(desk, standing)
        yield from _idle(desk, standing)
        yield from _said_twice(desk, standing)
        yield from _meetings(desk, standing)
        yield from _conflicts(desk, standing)


def takers(ranked: Ranked, losses: list[Loss]) -> list[Ranked] | None:
    """Return the rules that take all that a dead rule matches; None if another tier has a part in it."""
    found = [loss.by for loss in losses]
    rules = [by for by in found if isinstance(by, Ranked) and by.policy.tier is ranked.policy.tier]
    return rules if len(rules) == len(found) else None


def _taken(desk: Desk, standing: Standing) -> Iterator[Finding]:
    for ranked in standing.dead:
        if ranked.rule.failed_closed:
            continue
        losses = standing.losses[ranked]
        by = takers(ranked, losses)
        if by is None:
            continue
        lasting = covers(ranked.policy, ranked.rule, [(taker.policy, taker.rule) for taker in by])
        other = next((taker for taker in by if taker.action is not ranked.action), None)
        if any(taker.action is not ranked.action and _unordered(taker, ranked) for taker in by):
            continue  # it is a matter of chance who comes first, which is a finding of its own
        code = "ANP101" if other else "ANP102"
        shown = other or by[0]
        loss = next(loss for loss in losses if loss.by is shown)
        witness = Witness(
            standing.flow(loss.situation, loss.packets),
            f"{_did(shown)}, and not by this rule",
            standing.direction,
            shown.origin,
        )
        yield desk.finding(
            code,
            ranked.policy,
            rule_path(ranked),
            f"{_rule(ranked)} is never the first to match{_ALWAYS if lasting else _TODAY}: "
            f"{_count(by)} before it {'take' if len(by) > 1 else 'takes'} all that it matches"
            f"{'' if other else _alike(by)}",
            related=tuple(desk.related(taker, f"takes it first, {taker.action.value}") for taker in by),
            witness=witness,
            lasting=lasting,
            milder=not lasting,
        )


def _idle(desk: Desk, standing: Standing) -> Iterator[Finding]:
    """Tell of rules that match nothing at present, and could not be the first to match anything."""
    idle = {ranked.rank for ranked in standing.idle}
    places: dict[tuple[Tier, str], list[Ranked]] = {}
    for ranked in standing.rules:
        before = places.setdefault((ranked.policy.tier, ranked.policy.namespace), [])
        if ranked.rank in idle and not ranked.rule.failed_closed:
            same = [(other.policy, other.rule) for other in before if other.action is ranked.action]
            every = [(other.policy, other.rule) for other in before]
            if covers(ranked.policy, ranked.rule, every):
                alike = covers(ranked.policy, ranked.rule, same)
                by = [
                    other
                    for other in before
                    if not never_meet(ranked.policy, ranked.rule, other.policy, other.rule)
                    and (not alike or other.action is ranked.action)
                ]
                yield desk.finding(
                    "ANP102" if alike else "ANP101",
                    ranked.policy,
                    rule_path(ranked),
                    f"{_rule(ranked)} matches nothing at present, and would never be the first to match{_ALWAYS}",
                    related=tuple(desk.related(other, f"comes first, {other.action.value}") for other in by[:3]),
                    lasting=True,
                )
        before.append(ranked)


def _said_twice(desk: Desk, standing: Standing) -> Iterator[Finding]:
    gone = {*standing.dead, *standing.spare}
    for ranked, alike in standing.spare.items():
        if not alike:
            continue
        later = [
            other
            for other in standing.rules[ranked.rank + 1 :]
            if other not in gone and other.policy.tier is ranked.policy.tier
        ]
        again = _again(ranked, later)
        hit = standing.hits[ranked][0]
        repeating, matched = _repeating(ranked, standing, later)
        witness = Witness(
            standing.flow(hit.situation, hit.packets & matched),
            f"{_did(ranked)}, and by {repeating.origin} all the same without this rule",
            standing.direction,
            ranked.origin,
        )
        yield desk.finding(
            "ANP102",
            ranked.policy,
            rule_path(ranked),
            f"{_rule(ranked)} can go: what it decides, rules after it decide likewise{_ALWAYS if again else _TODAY}",
            related=(desk.related(repeating, "says the same"),),
            witness=witness,
            lasting=again,
            milder=not again,
        )


def _again(ranked: Ranked, later: list[Ranked]) -> bool:
    """Say whether rules after one say the same about all that it matches, whatever pods there are."""
    alike: list[Ranked] = []
    for other in later:
        if other.action is ranked.action:
            alike.append(other)
        elif not never_meet(ranked.policy, ranked.rule, other.policy, other.rule):
            break
    return covers(ranked.policy, ranked.rule, [(other.policy, other.rule) for other in alike])


def _repeating(ranked: Ranked, standing: Standing, later: list[Ranked]) -> tuple[Ranked, PacketSet]:
    """Return a rule that decides some of the first hit of a spare one likewise, and what it matches there."""
    hit = standing.hits[ranked][0]
    matched = {other: packets for row in hit.situation.matched for other, packets in row}
    return next((other, matched[other]) for other in later if other in matched and hit.packets & matched[other])


def _meetings(desk: Desk, standing: Standing) -> Iterator[Finding]:
    dead = set(standing.dead)
    for meeting in standing.meetings.values():
        earlier, later = meeting.earlier, meeting.later
        # Where the order is undefined, that is the finding.
        if earlier in dead or later in dead or _unordered(earlier, later):
            continue
        everything = standing.generalised(meeting)
        witness = Witness(standing.flow(meeting.hit.situation, meeting.hit.packets), "meets both", standing.direction)
        yield desk.finding(
            "ANP103" if everything else "ANP104",
            later.policy,
            rule_path(later),
            f"{_rule(later)} {'generalises' if everything else 'overlaps'} an earlier one with another action"
            f"{', which makes that one its exception' if everything else ', so their order matters'}",
            related=(desk.related(earlier, f"comes first, {earlier.action.value}"),),
            witness=witness,
        )


# Priorities.


def _unordered(one: Ranked, other: Ranked) -> bool:
    """Say whether the API leaves open which of two rules of one tier comes first."""
    return one.policy is not other.policy and one.policy.priority == other.policy.priority


def _conflicts(desk: Desk, standing: Standing) -> Iterator[Finding]:
    told: set[tuple[int, int]] = set()
    firsts: dict[int, Situation] = {}
    for situation in standing.situations:
        firsts.setdefault(situation.likeness, situation)
    for situation in firsts.values():
        for place, (stretch, matched) in enumerate(zip(situation.course, situation.matched, strict=True)):
            if stretch.tier is Tier.NETWORK_POLICY or len({ranked.policy.priority for ranked, _ in matched}) == len(
                {ranked.policy.label + ranked.policy.kind.value for ranked, _ in matched}
            ):
                continue
            for one, other, packets in _undefined(situation, place):
                if (one.rank, other.rank) in told:
                    continue
                told.add((one.rank, other.rank))
                flow = standing.flow(situation, packets)
                fates = [_fate(situation, ranked, just(flow)) for ranked in (one, other)]
                yield desk.finding(
                    "ANP105",
                    other.policy,
                    ("spec", "priority"),
                    f"{_rule(other)} and a rule of {one.policy} with the same priority {one.policy.priority} "
                    f"disagree, and which comes first is undefined",
                    related=(
                        desk.related(one, f"says {one.action.value}"),
                        desk.related(other, f"says {other.action.value}"),
                    ),
                    witness=Witness(flow, f"{fates[0]} or {fates[1]}, which is undefined", standing.direction),
                )


def _undefined(situation: Situation, place: int) -> Iterator[tuple[Ranked, Ranked, PacketSet]]:
    """Yield two rules of policies with one priority, each the first to match in its own, and what they disagree on."""
    pending = situation.reaching(place)
    matched = situation.matched[place]
    for _priority, group in groupby(matched, lambda row: row[0].policy.priority):
        rows = list(group)
        by_name = groupby(rows, lambda row: (row[0].policy.kind, row[0].policy.name))
        firsts = [list(_firsts(list(own), pending)) for _name, own in by_name]
        for own, others in combinations(firsts, 2):
            for one, hit in own:
                for other, another in others:
                    common = hit & another
                    if one.action is not other.action and common:
                        differing = _differing(situation, one, other, common)
                        if differing:
                            yield one, other, differing
        for _ranked, packets in rows:
            pending -= packets


def _firsts(rows: list[tuple[Ranked, PacketSet]], pending: PacketSet) -> Iterator[tuple[Ranked, PacketSet]]:
    for ranked, packets in rows:
        hit = pending & packets
        if hit:
            yield ranked, hit
            pending -= hit


def _differing(situation: Situation, one: Ranked, other: Ranked, packets: PacketSet) -> PacketSet:
    """Return the packets that get another fate by one rule than by the other."""
    first, second = (_accepted(situation, ranked, packets) for ranked in (one, other))
    return (first - second) | (second - first)


def _accepted(situation: Situation, ranked: Ranked, packets: PacketSet) -> PacketSet:
    match ranked.action:
        case Action.ACCEPT:
            return packets
        case Action.DENY:
            return NO_PACKET
        case Action.PASS:
            return situation.accepted(packets, tier=situation.beyond(ranked.policy.tier))


def _fate(situation: Situation, ranked: Ranked, packets: PacketSet) -> str:
    return "accepted" if _accepted(situation, ranked, packets) else "denied"


# Words.


def _rule(ranked: Ranked) -> str:
    name = f" {ranked.rule.name!r}" if ranked.rule.name else ""
    return f"the {ranked.action.value} rule{name}"


def _did(ranked: Ranked) -> str:
    word = {Action.ACCEPT: "accepted", Action.DENY: "denied", Action.PASS: "passed"}[ranked.action]
    return f"{word} by {ranked.origin}"


def _alike(by: list[Ranked]) -> str:
    return f", and {'say' if len(by) > 1 else 'says'} the same"


def _count(by: list[Ranked]) -> str:
    return f"{len(by)} rules" if len(by) > 1 else "the rule"
