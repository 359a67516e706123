"""What `anp explain --suggest` offers, against the meaning: it does what it says, and changes what it says."""

from hypothesis import event, given, note

from anp.analysis.suggestion import suggest
from compiler import intervals
from compiler.compilation import compile_cluster
from compiler.diagram.comparison import differences
from compiler.model import Direction
from compiler.semantics import decide
from tests.builders import accept, admin, baseline, block, cluster, deny, flow, network_policy, pods, tcp
from tests.strategies import cases


@given(cases())
def test_a_suggestion_turns_the_verdict_and_its_changes_are_all_that_it_changes(case):
    snapshot, flows = case
    for asked in flows[:2]:
        decision = decide(snapshot, asked)
        found = suggest(snapshot, [asked])
        event(f"accepted: {decision.accepted}, suggested: {found is not None}")
        judged = [end for end in (decision.egress, decision.ingress) if end.pod is not None and not end.exemption]
        if found is None:
            assert decision.accepted or all(end.accepted or from_outside(snapshot, end, asked) for end in judged)
            continue
        note(f"{asked}: {found.edits}")
        assert found.edits
        assert decide(found.snapshot, asked).accepted is not decision.accepted
        assert found.accepts is not decision.accepted
        exact = differences(compile_cluster(snapshot), compile_cluster(found.snapshot))
        assert bool(exact) == bool(found.changes)
        assert any(
            asked.source in one.sources
            and asked.destination in one.destinations
            and intervals.contains(one.packets.ports(asked.protocol), asked.port)
            for one in exact
        )
        for other in flows:
            if decide(snapshot, other).accepted != decide(found.snapshot, other).accepted:
                assert found.changes


def from_outside(snapshot, judgement, asked):
    """Whether an end is denied in a way that no rule for this flow alone could undo: ingress from no pod."""
    source = any(pod.governed and asked.source in pod.addresses for pod in snapshot.pods)
    return judgement.direction is Direction.INGRESS and not source


def edits(snapshot, *names, port=80):
    found = suggest(snapshot, [flow(snapshot, *names, tcp(port))])
    return found.edits if found else None


def test_the_narrowest_change_is_chosen():
    closed = cluster(admin("closed", pods("x"), ingress=[deny(pods("y"))]))
    isolated = cluster(network_policy("x/closed", ingress=[]))
    last = cluster(baseline("closed", pods("x"), ingress=[deny(pods("y"))]))
    both = cluster(admin("out", pods("y"), egress=[deny(pods("x"))]), network_policy("x/closed", ingress=[]))
    rule = "Accept pods [pod=a] in namespaces [kubernetes.io/metadata.name=y], tcp/80"

    assert edits(closed, "y/a", "x/a") == (f"insert into ClusterNetworkPolicy closed, before ingress[0]: {rule}",)
    assert edits(isolated, "y/a", "x/a") == (f"add a NetworkPolicy in x for pods [pod=a], ingress: {rule}",)
    assert edits(last, "y/a", "x/a") == (f"insert into ClusterNetworkPolicy closed, before ingress[0]: {rule}",)
    assert len(edits(both, "y/a", "x/a")) == 2


def test_what_gets_through_can_be_shut():
    (edit,) = edits(cluster(), "y/a", "x/a")
    assert edit.startswith("add a ClusterNetworkPolicy, tier Admin, priority 1000, for pods [pod=")
    assert edits(cluster(), "outside", "x/a") is None  # no cluster policy denies ingress by address
    narrow = cluster(network_policy("x/some", ingress=[accept(block("203.0.113.1/32", "2001:db8::1"), tcp(80))]))
    assert edits(narrow, "outside", "x/a") == ("remove NetworkPolicy x/some ingress[0]",)


def test_what_nobody_judges_cannot_be_turned():
    assert edits(cluster(), "x/a", "x/a") is None
    assert edits(cluster(), "outside", "203.0.113.9") is None
