"""What lint says of rules, against what policies mean: on every kind of packet that a small cluster can see."""

from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from anp.analysis.lint.implication import covers, disjoint, implies, impossible, never_meet
from anp.analysis.lint.linter import Wanted, lint
from anp.analysis.lint.situations import Ground, Ranked
from anp.analysis.lint.standing import Standing
from anp.state.cluster import Cluster
from anp.state.selection import selects
from compiler import semantics
from compiler.compilation import compile_cluster
from compiler.decision import Matched, Outcome
from compiler.diagram.comparison import same_meaning
from compiler.labels import Labels, Selector
from compiler.model import Direction, Flow, Policy, RuleOrigin, Snapshot, Tier
from compiler.semantics import decide
from tests.builders import absent, among, not_among, present
from tests.strategies import probes, snapshots

BOTH = tuple(Direction)
EXHAUSTIVE = min(settings().max_examples, 40)
"""Of clusters in which every kind of packet is judged; there can be thousands."""


def standings(snapshot: Snapshot) -> list[Standing]:
    ground = Ground(compile_cluster(snapshot))
    return [Standing.of(ground, direction) for direction in BOTH]


def judged(snapshot: Snapshot, flow: Flow, direction: Direction):
    decision = decide(snapshot, flow)
    return decision.egress if direction is Direction.EGRESS else decision.ingress


def without(snapshot: Snapshot, gone: set[Ranked]) -> Snapshot:
    origins = {ranked.origin for ranked in gone}

    def slim(policy: Policy, direction: Direction):
        return tuple(r for r in policy.rules(direction) if RuleOrigin.of(policy, direction, r) not in origins)

    policies = [
        replace(policy, ingress=slim(policy, Direction.INGRESS), egress=slim(policy, Direction.EGRESS))
        for policy in snapshot.policies
    ]
    return replace(snapshot, policies=tuple(policies))


def doubled(policy: Policy) -> Policy:
    """The policy with every rule twice, so that one of two can go and not the other as well."""
    ingress, egress = (
        tuple(replace(rule, index=index) for index, rule in enumerate(policy.rules(direction) * 2))
        for direction in (Direction.INGRESS, Direction.EGRESS)
    )
    return replace(policy, ingress=ingress, egress=egress)


def findings(snapshot: Snapshot):
    return lint(Cluster(snapshot, {}, {}, (), ()), {}, Wanted()).findings


# Who is first, and who can go.


@pytest.mark.slow
@settings(max_examples=EXHAUSTIVE)
@given(snapshots())
def test_a_rule_decides_something_exactly_when_it_is_the_first_to_match_some_packet(snapshot: Snapshot):
    firsts: set[RuleOrigin] = set()
    for flow, direction in product(probes(snapshot), BOTH):
        for step in judged(snapshot, flow, direction).steps:
            first = next((policy for policy in step.policies if policy.matched), None)
            if first is not None:
                firsts.add(RuleOrigin.of(first.policy, direction, first.matched.rule))

    assert {ranked.origin for standing in standings(snapshot) for ranked in standing.hits} == firsts


@pytest.mark.slow
@settings(max_examples=EXHAUSTIVE)
@given(snapshots())
def test_a_rule_is_idle_exactly_when_it_matches_nothing_that_is_judged(snapshot: Snapshot):
    for standing in standings(snapshot):
        direction = standing.direction
        met: set[int] = set()
        for flow in probes(snapshot):
            if judged(snapshot, flow, direction).exemption is None:
                for tier in Tier:
                    rules = [(r.policy, r.rule) for r in standing.rules if r.policy.tier is tier]
                    met |= _matching(snapshot, rules, tier, direction, flow)

        concerned = [r for r in standing.rules if r.policy.concerns(direction)]
        assert {r.origin for r in concerned if id(r.rule) not in met} == {
            r.origin for r in standing.idle if r in concerned
        }


@settings(max_examples=4 * EXHAUSTIVE)
@given(snapshots(), st.booleans(), st.randoms(use_true_random=False))
def test_all_rules_that_can_go_can_go_together_and_any_of_them_alone(snapshot: Snapshot, twice, chance):
    if twice:
        snapshot = replace(snapshot, policies=tuple(map(doubled, snapshot.policies)))
    whole = compile_cluster(snapshot)
    gone = {ranked for standing in standings(snapshot) for ranked in (*standing.dead, *standing.spare)}
    ordered = sorted(gone, key=lambda ranked: (ranked.direction.value, ranked.rank))
    note(f"without {[str(ranked.origin) for ranked in ordered]}")

    assert same_meaning(whole, compile_cluster(without(snapshot, gone)))
    for some in [[ranked] for ranked in ordered] + [chance.sample(ordered, len(ordered) // 2)]:
        assert same_meaning(whole, compile_cluster(without(snapshot, set(some)))), [str(r.origin) for r in some]


@given(snapshots())
def test_where_no_rule_can_go_every_rule_that_decides_is_needed(snapshot: Snapshot):
    for standing in standings(snapshot):
        if standing.dead or standing.spare:
            continue
        kept = compile_cluster(_end_alone(snapshot, standing.direction))
        for ranked in standing.hits:
            less = _end_alone(without(snapshot, {ranked}), standing.direction)

            assert ranked.rule.failed_closed or not same_meaning(kept, compile_cluster(less)), str(ranked.origin)


def _end_alone(snapshot: Snapshot, direction: Direction) -> Snapshot:
    """The cluster with nothing said in the other direction, so that no other end hides what a rule does."""
    policies = []
    for policy in snapshot.policies:
        rules = {d.value: policy.rules(d) if d is direction else () for d in BOTH}
        policies.append(replace(policy, isolates=policy.isolates & {direction}, **rules))
    return replace(snapshot, policies=tuple(policies))


# Both ends, and what is behind.


@pytest.mark.slow
@settings(max_examples=EXHAUSTIVE)
@given(snapshots())
def test_what_is_said_of_other_ends_and_later_tiers_is_said_exactly(snapshot: Snapshot):
    accepting, through, passing, answered = (set[RuleOrigin]() for _ in range(4))
    for flow in probes(snapshot):
        decision = decide(snapshot, flow)
        for judgement, other in ((decision.egress, decision.ingress), (decision.ingress, decision.egress)):
            if judgement.accepted and isinstance(judgement.origin, RuleOrigin):
                accepting.add(judgement.origin)
                if other.accepted:
                    through.add(judgement.origin)
            for place, step in enumerate(judgement.steps):
                if step.outcome is Outcome.PASSED:
                    matched = next(policy for policy in step.policies if policy.matched)
                    origin = RuleOrigin.of(matched.policy, judgement.direction, matched.matched.rule)
                    passing.add(origin)
                    if any(later.outcome is not Outcome.UNDECIDED for later in judgement.steps[place + 1 :]):
                        answered.add(origin)
    found = findings(snapshot)
    said = {
        code: {
            RuleOrigin.of(policy, direction, rule)
            for policy in snapshot.policies
            for direction in BOTH
            for rule in policy.rules(direction)
            if any(
                each.code == code and each.about == str(policy) and each.path == ("spec", direction.value, rule.index)
                for each in found
            )
        }
        for code in ("ANP401", "ANP107")
    }

    assert said["ANP401"] == accepting - through
    assert said["ANP107"] == passing - answered


# Witnesses.


@given(snapshots())
def test_a_witness_has_the_fate_that_is_said(snapshot: Snapshot):
    for found in findings(snapshot):
        if found.witness is None or found.witness.by is None:
            continue
        note(str(found))
        judgement = judged(snapshot, found.witness.flow, found.witness.direction)
        passed = {
            RuleOrigin.of(policy.policy, judgement.direction, policy.matched.rule)
            for step in judgement.steps
            if step.outcome is Outcome.PASSED
            for policy in step.policies
            if policy.matched
        }

        assert judgement.steps, "nobody is asked about it"
        assert judgement.origin == found.witness.by or found.witness.by in passed


@given(snapshots())
def test_the_witness_of_a_conflict_has_another_fate_in_another_order(snapshot: Snapshot):
    for found in findings(snapshot):
        if found.code != "ANP105":
            continue
        note(str(found))
        fates = {
            judged(first(snapshot, other.about), found.witness.flow, found.witness.direction).accepted
            for other in found.related
        }

        assert fates == {True, False}


def first(snapshot: Snapshot, rule: str) -> Snapshot:
    """The cluster with the policy of that rule before all others of its priority."""

    def placed(policy: Policy) -> Policy:
        return replace(policy, priority=policy.priority * 2 - rule.startswith(f"{policy} "))

    policies = sorted((placed(policy) for policy in snapshot.policies), key=lambda policy: policy.order)
    return replace(snapshot, policies=tuple(policies))


@given(snapshots())
def test_where_no_conflict_is_found_the_order_of_equal_priorities_is_irrelevant(snapshot: Snapshot):
    if any(found.code == "ANP105" for found in findings(snapshot)):
        return
    whole = compile_cluster(snapshot)
    for policy in snapshot.policies:
        if policy.tier is not Tier.NETWORK_POLICY:
            other = first(snapshot, f"{policy} ")
            note(f"{policy} first")
            assert same_meaning(whole, compile_cluster(other))


# Selectors.

_WORDS = ("0", "1", "2", "other")
_REQUIREMENTS = st.one_of(
    st.builds(among, st.sampled_from("ab"), st.sampled_from(_WORDS[:3])),
    st.builds(among, st.sampled_from("ab"), st.just("0"), st.sampled_from(_WORDS[:3])),
    st.builds(not_among, st.sampled_from("ab"), st.sampled_from(_WORDS[:3])),
    st.builds(not_among, st.sampled_from("ab"), st.just("0"), st.sampled_from(_WORDS[:3])),
    st.builds(present, st.sampled_from("ab")),
    st.builds(absent, st.sampled_from("ab")),
)
_SELECTORS = st.lists(_REQUIREMENTS, max_size=4).map(lambda found: Selector.of({}, *found))
_EVERY_LABELS = [
    Labels({key: value for key, value in zip("ab", values, strict=True) if value})
    for values in product(("", *_WORDS), repeat=2)
]


@settings(max_examples=10 * EXHAUSTIVE)  # these are cheap
@given(_SELECTORS, _SELECTORS)
def test_what_follows_from_selectors_is_what_holds_for_all_labels(left: Selector, right: Selector):
    of_left, of_right = ([selects(selector, labels) for labels in _EVERY_LABELS] for selector in (left, right))

    assert implies(left, right) == all(b for a, b in zip(of_left, of_right, strict=True) if a)
    assert disjoint(left, right) == (not any(a and b for a, b in zip(of_left, of_right, strict=True)))
    assert impossible(left) == (not any(of_left))


@given(snapshots())
def test_what_follows_for_rules_holds_for_all_packets(snapshot: Snapshot):
    for tier, direction in product(Tier, BOTH):
        rules = [(p, rule) for p in snapshot.policies if p.tier is tier for rule in p.rules(direction)]
        covered = [(own, other) for own, other in product(rules, rules) if own is not other and covers(*own, [other])]
        apart = [(own, other) for own, other in combinations(rules, 2) if never_meet(*own, *other)]
        if not covered and not apart:
            continue
        for flow in list(probes(snapshot))[::5]:
            met = _matching(snapshot, rules, tier, direction, flow)
            for (_, own), (_, other) in covered:
                assert id(own) not in met or id(other) in met
            for (_, own), (_, other) in apart:
                assert id(own) not in met or id(other) not in met


def _matching(snapshot: Snapshot, rules, tier: Tier, direction: Direction, flow: Flow) -> set[int]:
    source, destination = (semantics._governed_pod(snapshot, address) for address in (flow.source, flow.destination))
    subject, peer_pod = (source, destination) if direction is Direction.EGRESS else (destination, source)
    peer = flow.destination if direction is Direction.EGRESS else flow.source
    if subject is None:
        return set()
    question = semantics._Question(snapshot, flow, direction, peer, peer_pod, destination, tier is Tier.NETWORK_POLICY)
    return {
        id(rule)
        for policy, rule in rules
        if semantics._selects(snapshot, policy.subject, subject) and isinstance(semantics._try(question, rule), Matched)
    }


@given(snapshots())
def test_what_is_said_to_last_lasts_when_pods_come(snapshot: Snapshot):
    lasting = [found for found in findings(snapshot) if found.lasting and found.code in ("ANP101", "ANP102")]
    if not lasting:
        return
    for pods in (snapshot.pods[::2], snapshot.pods[1::2], snapshot.pods):
        later = replace(snapshot, pods=tuple(replace(pod, labels=Labels({"a": "0", "b": "1"})) for pod in pods))
        gone = {
            ranked
            for standing in standings(later)
            for ranked in standing.rules
            for found in lasting
            if found.about == str(ranked.policy) and found.path == ("spec", ranked.direction.value, ranked.rule.index)
        }
        for ranked in gone:
            assert same_meaning(compile_cluster(later), compile_cluster(without(later, {ranked}))), str(ranked.origin)
