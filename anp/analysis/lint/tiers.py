"""What one tier leaves to the next: rules and policies that other tiers overrule, Pass with nothing behind it."""

from collections.abc import Iterator

from anp.analysis.lint.desk import Desk, rule_path
from anp.analysis.lint.findings import Finding, Related, Witness
from anp.analysis.lint.order import takers
from anp.analysis.lint.situations import Ranked
from anp.analysis.lint.standing import Hit, Loss, Standing
from compiler.model import Action, Direction, Origin, Policy, Tier


def tiers(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    standings = [desk.standing(direction) for direction in Direction]
    silent = list(_silent_baselines(standings))
    for policy, loss in silent:
        yield desk.finding(
            "ANP108",
            policy,
            ("spec", "tier") if policy.kind.value == "ClusterNetworkPolicy" else (),
            "the policy decides nothing at present: earlier tiers settle all that its rules match",
            related=(_by(desk, loss),),
        )
    overruled = {policy for policy, _loss in silent}
    for standing in standings:
        yield from _overruled(desk, standing, overruled)
        yield from _without_effect(desk, standing)
        yield from _nothing_behind(desk, standing)


def _silent_baselines(standings: list[Standing]) -> Iterator[tuple[Policy, Loss]]:
    """Yield the policies of the Baseline tier that have rules to lose, and lose them all to other tiers."""
    rules: dict[Policy, list[tuple[Standing, Ranked]]] = {}
    for standing in standings:
        for ranked in standing.rules:
            if ranked.policy.tier is Tier.BASELINE:
                rules.setdefault(ranked.policy, []).append((standing, ranked))
    for policy, own in rules.items():
        if any(ranked in standing.hits for standing, ranked in own):
            continue
        losses = [loss for standing, ranked in own for loss in standing.losses.get(ranked, ())]
        elsewhere = [loss for loss in losses if _tier(loss.by) is not Tier.BASELINE]
        if elsewhere:
            yield policy, elsewhere[0]


def _tier(by: Ranked | Origin) -> Tier:
    # Of origins, only an isolation takes anything.
    return by.policy.tier if isinstance(by, Ranked) else Tier.NETWORK_POLICY


def _by(desk: Desk, loss: Loss) -> Related:
    if isinstance(loss.by, Ranked):
        return desk.related(loss.by, f"settles it first, {loss.by.action.value}")
    return desk.related_origin(loss.by, "settles it first, denying")


def _overruled(desk: Desk, standing: Standing, told: set[Policy]) -> Iterator[Finding]:
    """Tell of rules that never decide anything because an earlier tier has decided it all."""
    for ranked in standing.dead:
        losses = standing.losses[ranked]
        if ranked.rule.failed_closed or ranked.policy in told or takers(ranked, losses) is not None:
            continue
        contrary = [loss for loss in losses if _says(loss.by) is not ranked.action]
        loss = next(iter(contrary or losses))
        yield desk.finding(
            "ANP109",
            ranked.policy,
            rule_path(ranked),
            f"the {ranked.action.value} rule decides nothing at present: earlier tiers "
            f"{'say otherwise about' if len(contrary) == len(losses) else 'settle'} all that it matches",
            related=(_by(desk, loss),),
            witness=Witness(
                standing.flow(loss.situation, loss.packets),
                f"{'accepted' if _says(loss.by) is Action.ACCEPT else 'denied'} by "
                f"{loss.by.origin if isinstance(loss.by, Ranked) else loss.by}",
                standing.direction,
                loss.by.origin if isinstance(loss.by, Ranked) else loss.by,
            ),
            milder=len(contrary) != len(losses),
        )


def _says(by: Ranked | Origin) -> Action:
    return by.action if isinstance(by, Ranked) else Action.DENY


def _without_effect(desk: Desk, standing: Standing) -> Iterator[Finding]:
    for ranked, alike in standing.spare.items():
        if alike:
            continue
        hit = standing.hits[ranked][0]
        flow = standing.flow(hit.situation, hit.packets)
        yield desk.finding(
            "ANP106",
            ranked.policy,
            rule_path(ranked),
            f"the {ranked.action.value} rule changes nothing at present: without it, what comes after says the same",
            witness=Witness(
                flow,
                f"first met by {ranked.origin}, and of the same fate without it",
                standing.direction,
                ranked.origin,
            ),
        )


def _nothing_behind(desk: Desk, standing: Standing) -> Iterator[Finding]:
    for ranked in standing.rules:
        hits = standing.hits.get(ranked, [])
        if ranked.action is not Action.PASS or not hits or any(_asked(ranked.policy.tier, hit) for hit in hits):
            continue
        flow = standing.flow(hits[0].situation, hits[0].packets)
        yield desk.finding(
            "ANP107",
            ranked.policy,
            rule_path(ranked),
            "nothing is behind this Pass rule at present: no later tier has anything to say about what it passes, "
            "so all of it is accepted",
            witness=Witness(flow, f"passed by {ranked.origin}, and accepted then", standing.direction, ranked.origin),
        )


def _asked(tier: Tier, hit: Hit) -> bool:
    """Say whether a later tier has an answer for some packet of a hit."""
    situation = hit.situation
    later = situation.beyond(tier)
    return any(
        stretch.isolation is not None or any(hit.packets & packets for _ranked, packets in matched)
        for stretch, matched in zip(situation.course[later:], situation.matched[later:], strict=True)
    )
