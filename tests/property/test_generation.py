"""What a node makes of a generation is what it would have compiled itself."""

from hypothesis import given

from compiler.compilation import compile_cluster
from compiler.generation import Generation, generation_of, share_of
from compiler.lower import DEFAULT_LAYOUT, lower, lower_share
from compiler.model import Direction
from tests.strategies import snapshots


@given(snapshots())
def test_every_node_makes_the_same_ruleset_of_a_generation_as_of_the_cluster(snapshot):
    compilation = compile_cluster(snapshot)
    generation = generation_of(compilation)

    for node in {pod.node for pod in snapshot.pods} | {"nowhere"}:
        share = share_of(generation, node, DEFAULT_LAYOUT)

        assert lower_share(share) == lower(compilation, node)


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
