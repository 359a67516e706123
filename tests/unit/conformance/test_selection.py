"""A choice is exactly what was asked for, and what is not there is said."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.conformance.scenario import NO_PACKETS
from anp.conformance.selection import Choice, SelectionError, load_suites, select
from compiler.addresses import VERSIONS
from tests.unit.conformance.making import FEATURES, STEPS, probe, scenario

STEP = ("1: first", [probe()]), ("2: second", [probe(), probe(families=(4,))]), ("3: none", [])
SUITES = {
    "one": (
        scenario("a", STEP, ["F"], "one"),
        scenario("b", STEP, ["F", "G"], "one", families=(4,)),
        scenario("c", STEP, ["G"], "one", tags=(NO_PACKETS,)),
    ),
    "two": (scenario("a", STEP[:1], ["H"], "two"),),
}


def chosen(*, packets=False, **choice):
    return select(SUITES, Choice(**choice), packets=packets)


def titles(**choice):
    return [case.title for case in chosen(**choice)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, ["one/a", "one/b", "one/c", "two/a"]),
        ({"features": ("F",)}, ["one/a", "one/b"]),
        ({"features": ("F", "H")}, ["one/a", "one/b", "two/a"]),
        ({"tests": ("a",)}, ["one/a", "two/a"]),
        ({"tests": ("two/*", "c")}, ["one/c", "two/a"]),
        ({"features": ("G",), "tests": ("[bc]",)}, ["one/b", "one/c"]),
        ({"steps": ("2:*",)}, ["one/a", "one/b", "one/c"]),
    ],
    ids=str,
)
def test_tests_are_chosen_by_what_they_are(choice, expected):
    assert titles(**choice) == expected


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"features": ("F", "X")}, "no test is about the feature 'X'; there are F, G, H"),
        ({"tests": ("a", "x*")}, "no test of the chosen suites and features matches 'x[*]'"),
        ({"features": ("H",), "tests": ("b",)}, "no test of the chosen suites and features matches 'b'"),
        ({"steps": ("1:*", "4")}, "no step of the chosen tests matches '4'"),
    ],
    ids=str,
)
def test_what_is_not_there_is_said(choice, said):
    with pytest.raises(SelectionError, match=said):
        chosen(**choice)


def test_only_probes_of_chosen_steps_and_families_are_asked():
    assert chosen(tests=("one/a",))[0].planned() == {0: {4, 6}, 1: {4, 6}, 2: {4}}
    assert chosen(tests=("one/a",), families=(6,))[0].planned() == {0: {6}, 1: {6}}
    (second,) = chosen(tests=("one/a",), steps=("2:*",))
    assert second.planned() == {1: {4, 6}, 2: {4}}
    assert not second.whole
    assert chosen(tests=("one/a",), steps=("[12]:*",))[0].whole


def test_what_cannot_be_run_is_skipped_with_the_reason():
    reasons = {case.title: case.skipped for case in chosen(packets=True, families=(6,))}

    assert reasons == {"one/a": "", "one/b": "it is not for IPv6", "one/c": "the lab cannot do this", "two/a": ""}


@given(
    st.lists(st.tuples(STEPS, FEATURES), min_size=1, max_size=4),
    st.lists(st.sampled_from(["t0", "t[12]", "*"]), max_size=2),
    st.lists(st.sampled_from(["0:*", "1: a", "*"]), max_size=2),
    st.sampled_from([(4,), (6,), VERSIONS]),
)
def test_a_choice_is_exactly_what_was_asked_for(parts, tests, steps, families):
    suites = {"s": tuple(scenario(f"t{n}", made, features, "s") for n, (made, features) in enumerate(parts))}
    try:
        cases = select(suites, Choice(tests=tuple(tests), steps=tuple(steps), families=families), packets=True)
    except SelectionError:
        cases = ()

    asked = {
        (case.scenario.name, number, family) for case in cases for number, f in case.planned().items() for family in f
    }
    expected = set()
    for made in suites["s"]:
        named = not tests or any(fnmatchcase(made.name, glob) for glob in tests)
        places = [step for step in made.steps for _probe in step.probes]
        probes = [probe for step in made.steps for probe in step.probes]
        for number, (step, one) in enumerate(zip(places, probes, strict=True)):
            if named and (not steps or any(fnmatchcase(step.name, glob) for glob in steps)):
                expected |= {(made.name, number, family) for family in one.families if family in families}
    # A glob that matches nothing is an error, so then nothing is asked at all.
    assert asked in (expected, set())
    assert asked == expected or tests or steps


def test_suites_are_the_folders_that_hold_scenarios(tmp_path):
    for place in ("network-policy/1.yaml", "mine/1.yaml", "mine/base/pods.yaml", "empty/README.md", "shared.yaml"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("{scenario: s, about: a}")

    assert list(load_suites(tmp_path)) == list(load_suites(tmp_path, ["mine", "all"])) == ["network-policy", "mine"]
    assert list(load_suites(tmp_path, ["mine", "mine"])) == ["mine"]
    with pytest.raises(SelectionError, match="no suite 'empty'; there are all, network-policy, mine"):
        load_suites(tmp_path, ["empty"])
    with pytest.raises(SelectionError, match="no scenarios"):
        load_suites(tmp_path / "mine" / "base")
