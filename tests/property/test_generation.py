"""What a node makes of a generation is what it would have compiled itself."""

import dataclasses
from ipaddress import IPv4Address

import pytest
from hypothesis import given

from bench.clusters import cluster as large
from compiler.compilation import compile_cluster
from compiler.generation import Generation
from compiler.lower import DEFAULT_LAYOUT, lower, lower_share
from compiler.model import Direction, Protocol
from compiler.reading import share_of
from compiler.writing import GenerationWriter, generation_of
from tests.builders import admin, cluster, deny, having, named, node, pod, pods, serving
from tests.property.test_incremental import paths
from tests.strategies import snapshots


@given(snapshots())
def test_every_node_makes_the_same_ruleset_of_a_generation_as_of_the_cluster(snapshot):
    compilation = compile_cluster(snapshot)
    generation = generation_of(compilation)

    for name in {each.node for each in snapshot.pods} | {"nowhere"}:
        share = share_of(generation, name, DEFAULT_LAYOUT)

        assert lower_share(share) == lower(compilation, name)


@given(snapshots())
def test_a_generation_names_nothing_that_it_does_not_have_and_has_nothing_that_it_does_not_name(snapshot):
    generation = generation_of(compile_cluster(snapshot))

    shapes = {member.shape for member in generation.members.values()}
    assert shapes == set(generation.shapes)
    programs = {
        (digest, direction)
        for shape in generation.shapes.values()
        for digest, direction in ((shape.egress, Direction.EGRESS), (shape.ingress, Direction.INGRESS))
        if digest
    }
    assert programs == {(digest, program.direction) for digest, program in generation.programs.items()}


def test_nothing_is_made_of_nothing():
    assert lower_share(share_of(Generation(), "left", DEFAULT_LAYOUT)).empty


@given(paths())
def test_what_is_written_after_other_things_is_what_would_be_written_alone(path):
    writer, compilation = GenerationWriter(), None

    for snapshot in path:
        compilation = compile_cluster(snapshot, previous=compilation)

        assert writer.generation(compilation) == generation_of(compile_cluster(snapshot))


def test_what_has_not_changed_is_the_same_object():
    before = large(300, 20, 6)
    pod = dataclasses.replace(before.pods[1], name="zz-newcomer", addresses=(IPv4Address("10.9.9.9"),))
    after = dataclasses.replace(before, pods=(*before.pods, pod))
    writer, compilation = GenerationWriter(), compile_cluster(before)

    first = writer.generation(compilation)
    second = writer.generation(compile_cluster(after, previous=compilation))

    assert second.members.keys() - first.members.keys() == {f"pod {pod}"}
    assert all(second.members[owner] is member for owner, member in first.members.items())
    assert second.programs is first.programs
    assert second.shapes is first.shapes
    assert second.spans is first.spans


ASKING = admin("asking", pods("x"), egress=[deny(pods("*"), named("sql"))])
CHOOSING = admin("choosing", pods(having(team="red")), ingress=[deny(pods(having(team="red")))])
EDITS = {
    # The pods that call are the same, and so is the policy; what the name means to them is not.
    "a port moves": [
        cluster(ASKING, pods=["x/a", pod("y/b", ports=[serving("sql", Protocol.TCP, number)])]) for number in (1, 2)
    ],
    "a port goes": [
        cluster(ASKING, pods=["x/a", pod("y/b", ports=[serving("sql", Protocol.TCP, 1)])]),
        cluster(ASKING, pods=["x/a"], namespaces={"y": {}}),
    ],
    "a namespace changes its labels": [
        cluster(CHOOSING, namespaces={"x": {"team": team}}) for team in ("red", "blue", "red")
    ],
    "a node changes its labels": [cluster(CHOOSING, nodes=[node("n1", labels={"zone": zone})]) for zone in "ab"],
    "pods go": [cluster(CHOOSING), cluster(CHOOSING, pods=["x/a"]), cluster(CHOOSING, pods=[])],
}


@pytest.mark.parametrize("path", EDITS.values(), ids=EDITS)
def test_what_depends_on_others_is_written_anew_when_they_change(path):
    writer, compilation = GenerationWriter(), None

    for snapshot in path:
        compilation = compile_cluster(snapshot, previous=compilation)

        assert writer.generation(compilation) == generation_of(compile_cluster(snapshot))
