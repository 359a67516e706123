"""What a node makes of a generation after others is what it would make of it alone."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.node import sharing
from anp.node.sharing import Sharing
from compiler.compilation import compile_cluster
from compiler.lower import DEFAULT_LAYOUT, lower, lower_share
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.reading import share_of
from compiler.writing import generation_of
from tests.property.test_incremental import nodes_of, paths


@pytest.fixture(autouse=True, params=[sharing.SPARE, 0], ids=["remembering", "forgetful"])
def spare(request, monkeypatch):
    """Also take what is remembered for too much as early as can be."""
    monkeypatch.setattr("anp.node.sharing.SPARE", request.param)


@given(paths())
def test_every_generation_means_the_same_as_alone(path):
    followers = {}
    for snapshot in path:
        compilation = compile_cluster(snapshot)
        generation = generation_of(compilation)
        for node in nodes_of(snapshot) | set(followers):
            ruleset = followers.setdefault(node, Sharing(node, DEFAULT_LAYOUT)).lower(generation)

            assert ruleset == lower_share(share_of(generation, node, DEFAULT_LAYOUT)) == lower(compilation, node)


@given(paths(), st.sampled_from((0x3 << 16, 0x7 << 16, 0xF << 16, 0x1F << 16)))
def test_after_too_many_classes_it_goes_on_as_if_they_had_never_been(path, mask):
    layout = MarkLayout(mask)
    followers = {}
    for snapshot in path:
        generation = generation_of(compile_cluster(snapshot))
        for node in nodes_of(snapshot):
            follower = followers.setdefault(node, Sharing(node, layout))
            assert attempt(follower.lower, generation) == attempt(plainly, generation, node, layout)


def plainly(generation, node, layout):
    return lower_share(share_of(generation, node, layout), layout)


@given(paths())
def test_a_generation_of_other_objects_changes_nothing(path):
    generation = generation_of(compile_cluster(path[-1]))
    copied = dataclasses.replace(generation, members=dict(generation.members), shapes=dict(generation.shapes))
    for node in nodes_of(path[-1]):
        follower = Sharing(node, DEFAULT_LAYOUT)
        first = follower.lower(generation)
        second = follower.lower(copied)

        assert first == second
        assert all(second.maps[name] is each for name, each in first.maps.items())


def attempt(make, *arguments):
    try:
        return make(*arguments)
    except TooManyClassesError as error:
        return str(error)
