"""The examples in the report of `anp reach`, against the meaning."""

from ipaddress import ip_address

from hypothesis import event, given, note
from hypothesis import strategies as st

from anp.analysis.reach import NODES, OUTSIDE, By, reach
from anp.analysis.reach_examples import Examples
from compiler.compilation import compile_cluster
from compiler.model import Flow, Protocol
from compiler.packets import EVERY_PACKET, PacketSet
from compiler.semantics import decide
from tests.builders import cluster, network_policy, pod
from tests.strategies import snapshots


def flow_of(text):
    source, _, destination, what = text.split(" ")
    protocol, _, port = what.partition("/")
    return Flow(ip_address(source), ip_address(destination), Protocol(protocol), int(port or 0))


def said(judgement):
    text = f"not judged: {judgement.exemption.value}" if judgement.exemption else str(judgement.origin)
    return {"accepted": judgement.accepted, "by": text}


ASKED = (EVERY_PACKET, PacketSet(tcp=((1, 100),)), PacketSet(other=True))


@given(snapshots(), st.sampled_from(By), st.sampled_from(ASKED))
def test_there_is_an_example_wherever_there_can_be_one_and_it_is_what_is_meant(snapshot, by, asked):
    compilation = compile_cluster(snapshot)
    matrix = reach(compilation, by)
    groups = {group.name: group for group in (*matrix.sources, *matrix.destinations)}
    examples = Examples(compilation, asked)
    count = 0

    for (source, destination), cell in matrix.cells.items():
        found = list(examples.of(groups[source], groups[destination], cell))

        note(f"{source} -> {destination}: {found}")
        verdicts = [True] * bool(cell.any_pair & asked) + [False] * bool(asked - cell.every_pair)
        assert [example["accepted"] for example in found] == verdicts
        for example in found:
            flow = flow_of(example["flow"])
            decision = decide(snapshot, flow)
            assert decision.accepted == example["accepted"]
            assert said(decision.egress) == example["egress"]
            assert said(decision.ingress) == example["ingress"]
            for name, judgement, group, address in (
                (example["from"], decision.egress, source, flow.source),
                (example["to"], decision.ingress, destination, flow.destination),
            ):
                if judgement.pod:
                    assert (name, name in groups[group].pods) == (str(judgement.pod), True)
                elif group == NODES:
                    assert any(name == f"node {node.name}" and address in node.addresses for node in snapshot.nodes)
                else:
                    assert name == group == OUTSIDE
                    assert not any(address in node.addresses for node in snapshot.nodes)
            count += 1
    event(f"examples: {min(count, 5)}")


def test_a_node_meets_pods_of_other_nodes_even_if_many_are_its_own():
    own = [pod(f"x/{letter}", node="n1") for letter in "abc"]
    snapshot = cluster(network_policy("x/closed", ingress=[]), pods=[*own, pod("x/d", node="n2")])
    compilation = compile_cluster(snapshot)
    matrix = reach(compilation, By.NAMESPACE)

    (destination,) = (group for group in matrix.destinations if group.name == "x")
    (source,) = (group for group in matrix.sources if group.name == NODES)
    through, dropped = Examples(compilation).of(source, destination, matrix.cells[NODES, "x"])

    assert (through["from"], through["to"], through["accepted"]) == ("node n1", "x/a", True)
    assert (dropped["from"], dropped["to"], dropped["accepted"]) == ("node n1", "x/d", False)


def test_two_addresses_of_a_pod_are_not_two_pods():
    twofold = pod("x/a", "10.1.1.1", "10.1.1.2", "10.1.1.3")
    snapshot = cluster(pods=[twofold, pod("x/b", "10.1.1.4")])
    compilation = compile_cluster(snapshot)
    matrix = reach(compilation, By.NAMESPACE)
    (group,) = (group for group in matrix.sources if group.name == "x")

    (through,) = Examples(compilation).of(group, group, matrix.cells["x", "x"])

    assert {through["from"], through["to"]} == {"x/a", "x/b"}
