"""The compiler against the meaning: programs, then rulesets traced packet by packet, agree with `decide`."""

from hypothesis import event, given, note, settings

from compiler.compilation import Compilation, compile_cluster
from compiler.lower import lower
from compiler.marks import DEFAULT_MASK
from compiler.model import Direction, Flow, Snapshot
from compiler.names import rule_chain
from compiler.ruleset import Hook, Ruleset
from compiler.semantics import decide
from compiler.trace import Packet, crossings, trace
from tests.strategies import cases

thoroughly = settings(max_examples=10 * settings().max_examples)
"""For what everything else stands on."""


def rulesets(compilation: Compilation) -> dict[str, Ruleset]:
    nodes = {node.name for node in compilation.snapshot.nodes} | {pod.node for pod in compilation.snapshot.pods}
    return {node: lower(compilation, node) for node in nodes - {""}}


@thoroughly
@given(cases())
def test_a_program_means_what_the_policies_mean(case):
    snapshot, flows = case
    compilation = compile_cluster(snapshot)
    for flow in flows:
        decision = decide(snapshot, flow)
        note(f"{flow}: {decision}")
        for judgement in (decision.egress, decision.ingress):
            if judgement.exemption is not None:
                continue
            outcome = compilation.outcome(judgement.pod, judgement.direction, flow)
            event(f"{type(judgement.origin).__name__}, accepted: {judgement.accepted}")

            if outcome is None:
                assert not any(step.policies for step in judgement.steps if concerned(step, judgement.direction))
                assert judgement.accepted
            else:
                assert (outcome.accept, outcome.origin) == (judgement.accepted, judgement.origin)


def concerned(step, direction: Direction) -> bool:
    return any(policy_step.policy.concerns(direction) for policy_step in step.policies)


@thoroughly
@given(cases())
def test_a_traced_ruleset_means_what_the_policies_mean_and_counts_the_rule_that_decided(case):
    snapshot, flows = case
    compilation = compile_cluster(snapshot)
    installed = rulesets(compilation)
    for flow in flows:
        decision = decide(snapshot, flow)
        note(f"{flow}: {decision}")
        counted, accepted = observed(snapshot, installed, flow)

        assert accepted == meant_on_nodes(snapshot, decision)
        if accepted:
            assert counted == expected_counters(snapshot, compilation, flow, decision)


def observed(snapshot: Snapshot, installed: dict[str, Ruleset], flow: Flow) -> tuple[list[str], bool]:
    """Trace a flow through every hook it crosses; the mark comes with others' bits and must leave with just those."""
    counted = []
    for node, hook in crossings(snapshot, flow):
        packet = Packet(hook, flow.source, flow.destination, flow.protocol, flow.port, mark=0xFFFF4001)
        traced = trace(installed[node], packet)
        counted.extend(traced.counters)
        if not traced.accepted:
            return counted, False
        if not installed[node].empty:
            assert traced.mark == packet.mark & ~DEFAULT_MASK
    return counted, True


def meant_on_nodes(snapshot: Snapshot, decision) -> bool:
    """What must be seen: an end whose pod is on no node is judged by nobody."""
    return all(
        judgement.accepted
        for judgement in (decision.egress, decision.ingress)
        if judgement.pod is not None and judgement.pod.node
    )


def expected_counters(snapshot: Snapshot, compilation: Compilation, flow: Flow, decision) -> list[str]:
    counters = []
    for judgement in (decision.egress, decision.ingress):
        if judgement.exemption is None and judgement.pod.node:
            outcome = compilation.outcome(judgement.pod, judgement.direction, flow)
            if outcome is not None:
                counters.append(rule_chain(outcome))
    return counters


@given(cases())
def test_packets_that_are_never_judged_get_through(case):
    snapshot, flows = case
    for ruleset in rulesets(compile_cluster(snapshot)).values():
        for flow in flows:
            for hook in Hook:
                reply = Packet(hook, flow.source, flow.destination, flow.protocol, flow.port, tracked=True)
                discovery = Packet(hook, flow.source, flow.destination, flow.protocol, neighbor_discovery=True)

                assert trace(ruleset, reply).accepted
                assert trace(ruleset, discovery).accepted


@given(cases())
def test_compiling_does_not_depend_on_the_order_of_objects(case):
    snapshot, _flows = case
    backwards = Snapshot.of(
        namespaces=dict(reversed(snapshot.namespaces.items())),
        pods=snapshot.pods[::-1],
        nodes=snapshot.nodes[::-1],
        policies=snapshot.policies[::-1],
        learned=snapshot.learned,
    )

    assert backwards == snapshot
    assert rulesets(compile_cluster(backwards)) == rulesets(compile_cluster(snapshot))


@given(cases())
def test_only_governed_pods_of_the_node_are_judged(case):
    # Not to be seen in any trace: what a host sends to itself crosses its own input hook.
    snapshot, _flows = case
    for node, ruleset in rulesets(compile_cluster(snapshot)).items():
        for version in (4, 6):
            subjects = ruleset.maps[f"subject-{version}"].elements if ruleset.maps else {}
            local = {
                int(address)
                for pod in snapshot.pods
                if pod.governed and pod.node == node
                for address in pod.addresses
                if address.version == version
            }

            assert set(subjects) <= local
