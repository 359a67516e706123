"""Who `anp explain` says would decide otherwise, against the meaning of the cluster without what decided before."""

from dataclasses import replace

import pytest
from hypothesis import event, given, note

from anp.analysis.otherwise import MAX_ALTERNATIVES, Alternative, otherwise
from compiler.model import DefaultOrigin, Direction, IsolationOrigin, PolicyKind, RuleOrigin, Snapshot
from compiler.semantics import decide
from tests.builders import accept, admin, baseline, cluster, deny, flow, network_policy, pods
from tests.strategies import cases


def cut(snapshot, origin):
    """The cluster without what decided, made anew from its parts."""
    policies = []
    for policy in snapshot.policies:
        kept = {}
        for direction in Direction:
            named = [(RuleOrigin.of(policy, direction, rule), rule) for rule in policy.rules(direction)]
            kept[direction.value] = tuple(rule for name, rule in named if name != origin)
        if (
            isinstance(origin, IsolationOrigin)
            and policy.kind is PolicyKind.NETWORK_POLICY
            and (policy.namespace, policy.name) in origin.policies
        ):
            # Whatever it says about the other direction it goes on saying.
            kept[origin.direction.value] = ()
            kept["isolates"] = frozenset(Direction) & (policy.isolates - {origin.direction})
        policies.append(replace(policy, **kept))
    return Snapshot.of(
        namespaces=snapshot.namespaces,
        pods=list(snapshot.pods),
        nodes=list(snapshot.nodes),
        policies=policies,
        learned=snapshot.learned,
    )


@given(cases())
def test_each_alternative_is_what_the_cluster_means_without_those_before(case):
    snapshot, flows = case
    for asked in flows:
        for direction in Direction:
            judgement = getattr(decide(snapshot, asked), direction.value)
            found = otherwise(snapshot, asked, judgement)
            note(f"{asked} {direction}: {judgement.origin}, {found}")
            event(f"alternatives: {len(found)}")
            left, decider = snapshot, judgement.origin
            for each in found:
                left = cut(left, decider)
                end = getattr(decide(left, asked), direction.value)
                assert each == Alternative(end.accepted, end.origin)
                assert each.origin != decider
                decider = each.origin
            if isinstance(judgement.origin, DefaultOrigin):
                assert not found
            elif len(found) < MAX_ALTERNATIVES:
                assert isinstance(found[-1].origin, DefaultOrigin)
                assert found[-1].accepted
            assert not any(isinstance(each.origin, DefaultOrigin) for each in found[:-1])


@pytest.mark.parametrize("direction", Direction)
def test_it_goes_down_from_tier_to_tier(direction):
    way = direction.value
    snapshot = cluster(
        admin("first", pods("x"), **{way: [deny(pods("x"))]}),
        network_policy("x/second", **{way: [accept(pods("x"))]}),
        network_policy("x/third", ingress=[], egress=[]),
        network_policy("y/third", ingress=[], egress=[]),
        baseline("last", pods("x"), **{way: [deny(pods("x"))]}),
    )
    asked = flow(snapshot, "x/a", "x/b")

    found = otherwise(snapshot, asked, getattr(decide(snapshot, asked), way))

    assert [(each.accepted, str(each.origin)) for each in found] == [
        (True, f"NetworkPolicy x/second {way}[0]"),
        (False, f"{way} isolation by NetworkPolicy x/second, x/third"),
        (False, f"ClusterNetworkPolicy last {way}[0]"),
        (True, f"the default, as no policy decides {way}"),
    ]


@pytest.mark.parametrize("direction", Direction)
def test_a_rule_after_another_keeps_the_number_that_it_was_written_with(direction):
    rules = [deny(pods("x")) for _ in range(MAX_ALTERNATIVES + 2)]
    snapshot = cluster(admin("many", pods("x"), **{direction.value: rules}))
    asked = flow(snapshot, "x/a", "x/b")

    found = otherwise(snapshot, asked, getattr(decide(snapshot, asked), direction.value))

    assert [each.origin.index for each in found] == list(range(1, MAX_ALTERNATIVES + 1))
