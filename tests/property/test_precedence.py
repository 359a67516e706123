"""The precedence graph against the meaning of the rules, on every kind of packet a small cluster can see."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from hypothesis import given, note
from hypothesis import strategies as st

from compiler import semantics
from compiler.decision import Exemption, Judgement, Matched
from compiler.model import Direction, Flow, Policy, Snapshot, Tier
from compiler.precedence import Precedence, RankedRule
from compiler.semantics import decide
from tests.strategies import cases, probes, snapshots

DIRECTIONS = tuple(Direction)


def every_precedence(snapshot: Snapshot) -> Iterator[Precedence]:
    for tier in Tier:
        for direction in DIRECTIONS:
            yield Precedence.of(snapshot, tier, direction)


def judgement(snapshot: Snapshot, flow: Flow, direction: Direction) -> Judgement:
    decision = decide(snapshot, flow)
    return decision.egress if direction is Direction.EGRESS else decision.ingress


def matching(snapshot: Snapshot, precedence: Precedence, flow: Flow) -> list[RankedRule]:
    """List all rules that match, judging by the oracle's own rule matching; none where nothing is judged."""
    direction = precedence.direction
    ends = [semantics._governed_pod(snapshot, address) for address in (flow.source, flow.destination)]
    subject, peer_pod = ends if direction is Direction.EGRESS else reversed(ends)
    peer = flow.destination if direction is Direction.EGRESS else flow.source
    if subject is None or (direction is Direction.INGRESS and semantics._is_own_node(snapshot, subject, peer)):
        return []
    question = semantics._Question(snapshot, flow, direction, peer, peer_pod, ends[1])
    return [
        ranked
        for ranked in precedence.rules
        if semantics._selects(snapshot, ranked.policy.subject, subject)
        and isinstance(semantics._try(question, ranked.rule), Matched)
    ]


def alone(snapshot: Snapshot, tier: Tier) -> Snapshot:
    return replace(snapshot, policies=tuple(policy for policy in snapshot.policies if policy.tier is tier))


@given(cases(), st.randoms(use_true_random=False))
def test_inside_a_level_order_is_irrelevant(case: tuple[Snapshot, tuple[Flow, ...]], shuffler: random.Random):
    snapshot, flows = case
    for precedence in every_precedence(snapshot):
        for flow in flows:
            matches = matching(snapshot, precedence, flow)
            note(f"{precedence.tier} {precedence.direction} {flow}")
            walked = None
            for level in precedence.levels:
                shuffled = shuffler.sample(level, len(level))
                walked = walked or next((ranked.rule.action for ranked in shuffled if ranked in matches), None)

            assert walked == (matches[0].rule.action if matches else None)


@given(cases())
def test_levels_hold_every_rule_once_and_depend_on_earlier_ones_only(case: tuple[Snapshot, tuple[Flow, ...]]):
    for precedence in every_precedence(case[0]):
        assert sorted(rule.rank for level in precedence.levels for rule in level) == list(range(len(precedence.rules)))
        for rule in precedence.rules:
            before = [precedence.level(earlier) for earlier in precedence.graph.predecessors(rule)]

            assert precedence.level(rule) == max(before, default=-1) + 1


@given(cases())
def test_removing_dead_and_idle_rules_changes_no_decision(case: tuple[Snapshot, tuple[Flow, ...]]):
    snapshot, flows = case
    precedences = list(every_precedence(snapshot))
    gone = {p.origin(rule) for p in precedences for rule in (*p.dead, *p.idle)}
    slim = replace(snapshot, policies=tuple(without(policy, precedences) for policy in snapshot.policies))
    note(f"without {gone}")
    for flow in (*flows, *islice(probes(snapshot), 0, None, 97)):
        before, after = decide(snapshot, flow), decide(slim, flow)

        assert (before.egress.origin, before.egress.accepted) == (after.egress.origin, after.egress.accepted)
        assert (before.ingress.origin, before.ingress.accepted) == (after.ingress.origin, after.ingress.accepted)


def without(policy: Policy, precedences: list[Precedence]) -> Policy:
    gone = {d: [r for p in precedences if p.direction is d for r in (*p.dead, *p.idle)] for d in DIRECTIONS}
    kept = {
        d: tuple(rule for rule in policy.rules(d) if not any(g.policy == policy and g.rule == rule for g in gone[d]))
        for d in DIRECTIONS
    }
    return replace(policy, ingress=kept[Direction.INGRESS], egress=kept[Direction.EGRESS])


@given(snapshots(), st.sampled_from(DIRECTIONS))
def test_overlap_and_death_are_exact(snapshot: Snapshot, direction: Direction):
    # All policies in one tier, so that there is something to overlap with.
    snapshot = Snapshot.of(
        namespaces=snapshot.namespaces,
        pods=snapshot.pods,
        nodes=snapshot.nodes,
        policies=[replace(policy, tier=Tier.ADMIN) for policy in snapshot.policies],
        learned=snapshot.learned,
    )
    precedence = Precedence.of(snapshot, Tier.ADMIN, direction)
    seen = [matching(snapshot, precedence, flow) for flow in probes(snapshot)]
    disagreeing = {
        (earlier, later)
        for matches in seen
        for place, later in enumerate(matches)
        for earlier in matches[:place]
        if earlier.rule.action is not later.rule.action
    }
    first = {rule: {matches[0] for matches in seen if rule in matches} for rule in precedence.rules}

    assert set(precedence.graph.edges) == disagreeing
    assert set(precedence.idle) == {rule for rule in precedence.rules if not first[rule]}
    assert {rule: set(killers) for rule, killers in precedence.dead.items()} == {
        rule: killers for rule, killers in first.items() if killers and rule not in killers
    }


@given(cases())
def test_what_is_first_among_the_matching_rules_decides_the_tier(case: tuple[Snapshot, tuple[Flow, ...]]):
    # Otherwise the tests above would measure the graph against something else than decisions.
    snapshot, flows = case
    for precedence in every_precedence(alone(snapshot, Tier.ADMIN)):
        for flow in flows:
            judged = judgement(alone(snapshot, Tier.ADMIN), flow, precedence.direction)
            steps = [policy.matched for tier in judged.steps for policy in tier.policies if policy.matched]
            matches = matching(snapshot, precedence, flow) if judged.exemption is not Exemption.SAME_POD else []

            if precedence.tier is Tier.ADMIN:
                assert [step.rule for step in steps] == [ranked.rule for ranked in matches[:1]]
