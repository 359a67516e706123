"""A compilation made from another one, and what is lowered after it, is what would be made from nothing."""

import dataclasses

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from compiler import podindex
from compiler.addresses import VERSIONS
from compiler.compilation import Compilation, compile_cluster
from compiler.lower import DEFAULT_LAYOUT, lower
from compiler.lowering import Lowering
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.model import Direction, Policy, Snapshot
from compiler.share import Share
from compiler.writing import generation_of
from enforcer.plan import plan
from tests.strategies import flows, snapshots

PARTS = ("namespaces", "pods", "nodes", "policies", "learned")


@pytest.fixture(autouse=True, params=[podindex.SPARE, 0], ids=["remembering", "forgetful"])
def spare(request, monkeypatch):
    """Also take what is remembered for too much as early as can be."""
    monkeypatch.setattr("compiler.podindex.SPARE", request.param)
    monkeypatch.setattr("compiler.classes.SPARE", request.param)
    monkeypatch.setattr("compiler.compilation.SPARE", request.param)


@st.composite
def edited(draw, snapshot: Snapshot) -> Snapshot:
    """Draw a cluster that is the given one but for one kind of object, of which some are those of another cluster."""
    other = draw(snapshots())
    part = draw(st.sampled_from(PARTS[1:4]))
    mine, others = getattr(snapshot, part), getattr(other, part)
    left = [thing for thing in mine if draw(st.sampled_from((True, True, False)))]
    taken = [thing for thing in others if draw(st.booleans())]
    parts = {name: getattr(snapshot, name) for name in PARTS}
    if part == "pods":
        parts["namespaces"] = {**other.namespaces, **snapshot.namespaces}
        addresses = {address for pod in left for address in pod.addresses}
        names = {pod.key for pod in left}
        taken = [pod for pod in taken if pod.key not in names and addresses.isdisjoint(pod.addresses)]
    # No two objects of a kind have one name.
    parts[part] = list({named(thing): thing for thing in (*taken, *left)}.values())
    return Snapshot.of(**parts)


def named(thing):
    kind = thing.kind if isinstance(thing, Policy) else type(thing)
    return kind, getattr(thing, "namespace", ""), thing.name


@st.composite
def paths(draw) -> list[Snapshot]:
    """Draw clusters as they might follow each other: edited, replaced altogether, or as they once were, but copied."""
    path = [draw(snapshots())]
    for _step in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(("edit", "edit", "other", "back"))):
            case "edit":
                path.append(draw(edited(path[-1])))
            case "other":
                path.append(draw(snapshots()))
            case "back":
                path.append(copied(draw(st.sampled_from(path))))
    return path


def copied(snapshot: Snapshot) -> Snapshot:
    """Return the same of objects that are not the same."""
    return dataclasses.replace(
        snapshot,
        pods=tuple(map(dataclasses.replace, snapshot.pods)),
        policies=tuple(map(dataclasses.replace, snapshot.policies)),
    )


def nodes_of(snapshot: Snapshot) -> set[str]:
    return {pod.node for pod in snapshot.pods} | {"nowhere"}


def what_is_true(compilation: Compilation) -> object:
    """Say what holds of every address, in words that do not depend on the numbers of atoms."""
    universe = compilation.universe
    return (
        {(v, n): frozenset(universe.atoms(m)) for v in VERSIONS for n, m in universe.hosts[v].items()},
        {(v, s.addresses): frozenset(universe.atoms(s.membership)) for v in VERSIONS for s in universe.segments[v]},
        {name: sorted(map(repr, (port for port, _ in ports))) for name, ports in universe.declarations.items()},
        {node: tuple(pods) for node, pods in universe.pods_on.items() if pods},
        generation_of(compilation),
    )


@given(paths())
def test_every_step_says_the_same_as_from_nothing(path):
    compilation = None
    lowerings: dict[str, Lowering] = {}
    for snapshot in path:
        note(str(snapshot))
        before = compilation
        compilation = compile_cluster(snapshot, previous=before)
        fresh = compile_cluster(snapshot)

        assert what_is_true(compilation) == what_is_true(fresh)
        for node in nodes_of(snapshot) | set(lowerings):
            wanted = lower(fresh, node)
            assert lower(compilation, node) == wanted
            assert lowerings.setdefault(node, Lowering(node)).lower(compilation) == wanted


@given(paths(), st.data())
def test_the_programs_of_every_step_have_the_outcomes_of_those_from_nothing(path, data):
    compilation = compile_cluster(path[0])
    for snapshot in path:
        compilation, fresh = compile_cluster(snapshot, previous=compilation), compile_cluster(snapshot)
        flow = data.draw(flows(snapshot))
        for pod in snapshot.pods:
            for direction in Direction:
                assert compilation.outcome(pod, direction, flow) == fresh.outcome(pod, direction, flow)


@given(paths())
def test_what_was_made_before_answers_as_it_did(path):
    made = [compile_cluster(path[0])]
    for snapshot in path[1:]:
        made.append(compile_cluster(snapshot, previous=made[-1]))
        lowering = Lowering("n1")
        for compilation in made:
            lowering.lower(compilation)

    for snapshot, compilation in zip(path, made, strict=True):
        assert what_is_true(compilation) == what_is_true(compile_cluster(snapshot))
        for node in nodes_of(snapshot):
            assert lower(compilation, node) == lower(compile_cluster(snapshot), node)


@given(paths())
def test_a_share_knows_what_changed_since_the_one_before(path):
    node = min(nodes_of(path[-1]))
    compilation = share = None
    for snapshot in path:
        compilation = compile_cluster(snapshot, previous=compilation)
        before, share = share, Share.of(compilation, node, DEFAULT_LAYOUT, share)
        assert share == Share.of(compilation, node, DEFAULT_LAYOUT)
        if before is not None and share.is_comparable(before):
            for version in VERSIONS:
                was, now = before.hosts[version], share.hosts[version]
                assert {n for n in {*was, *now} if was.get(n) != now.get(n)} <= set(share.basis.changed[version])


@given(paths(), st.sampled_from((0x3 << 16, 0x7 << 16, 0xF << 16, 0x1F << 16)))
def test_classes_that_want_one_number_get_the_same_as_from_nothing(path, mask):
    """With few numbers classes displace each other whenever one comes or goes, or are too many."""
    layout = MarkLayout(mask)
    lowerings: dict[str, Lowering] = {}
    compilation = None
    for snapshot in path:
        compilation = compile_cluster(snapshot, previous=compilation)
        for node in nodes_of(snapshot):
            lowering = lowerings.setdefault(node, Lowering(node, layout))
            assert attempt(lowering.lower, compilation) == attempt(lower, compile_cluster(snapshot), node, layout)


def attempt(make, *arguments):
    try:
        return make(*arguments)
    except TooManyClassesError as error:
        return str(error)


@given(paths())
def test_plans_between_steps_are_those_between_states_from_nothing(path):
    lowering, compilation = Lowering("n1"), None
    state = plain = None
    for snapshot in path:
        compilation = compile_cluster(snapshot, previous=compilation)
        desired, wanted = lowering.lower(compilation), lower(compile_cluster(snapshot), "n1")
        if state is not None:
            assert plan(state, desired).summary == plan(plain, wanted).summary
        state, plain = desired, wanted
