"""The graph of what depends on what is right if nothing changes that it does not lead to."""

import dataclasses

import networkx as nx
from hypothesis import assume, given, note
from hypothesis import strategies as st

from compiler.compilation import compile_cluster
from compiler.dependencies import Stage, Vertex, dependencies
from compiler.lower import lower
from compiler.ruleset import Ruleset
from tests.strategies import snapshots


@st.composite
def changes(draw):
    """Draw a cluster, the same without one of its objects, and the vertex of that object."""
    after = draw(snapshots())
    objects = [("pods", pod) for pod in after.pods] + [("nodes", node) for node in after.nodes]
    objects += [("policies", policy) for policy in after.policies]
    assume(objects)
    kind, chosen = draw(st.sampled_from(objects))
    left = tuple(thing for thing in getattr(after, kind) if thing is not chosen)
    before = dataclasses.replace(after, **{kind: left})
    name = chosen.name if kind == "nodes" else str(chosen)
    stage = {"pods": Stage.POD, "nodes": Stage.NODE, "policies": Stage.POLICY}[kind]
    return (before, after) if draw(st.booleans()) else (after, before), Vertex(stage, name)


def contents(ruleset: Ruleset) -> dict[Vertex, object]:
    return {
        **{Vertex(Stage.CHAIN, name): chain for name, chain in ruleset.chains.items()},
        **{Vertex(Stage.MAP, name): elements for name, elements in ruleset.maps.items()},
        **{Vertex(Stage.COUNTER, name): True for name in ruleset.counters},
    }


@given(changes())
def test_a_change_reaches_only_what_depends_on_the_object(change):
    (before, after), vertex = change
    old, new = compile_cluster(before), compile_cluster(after)
    for node in {pod.node for pod in after.pods} - {""}:
        was, now = contents(lower(old, node)), contents(lower(new, node))
        changed = {name for name in {*was, *now} if was.get(name) != now.get(name)}
        reached = nx.descendants(nx.compose(dependencies(old, node), dependencies(new, node)), vertex)
        note(f"{vertex} on {node}: {changed - reached}")

        assert changed <= reached


@given(snapshots())
def test_edges_lead_from_objects_to_the_kernel_and_never_back(snapshot):
    order = list(Stage)
    compilation = compile_cluster(snapshot)
    for node in {pod.node for pod in snapshot.pods} - {""}:
        graph = dependencies(compilation, node)

        assert nx.is_directed_acyclic_graph(graph)
        assert all(order.index(start.stage) <= order.index(end.stage) for start, end in graph.edges)
        assert {vertex for vertex in graph if vertex.stage in order[-3:]} >= set(contents(lower(compilation, node)))
