"""Scenarios and changes that are written in any way at all: read, or refused in the words that are meant for it."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from anp.conformance.changes import ChangeError, apply_change, key_of
from anp.conformance.judges import Meaning
from anp.conformance.runner import Result, run
from anp.conformance.scenario import Scenario, ScenarioError, load_scenario, parse_scenario
from tests.fuzz.test_manifests import BOMBS
from tests.fuzz.trees import mutated, texts, values
from tests.unit.api.documents import GOOD, OBJECTS

HERE = Path("some.yaml")
POLICY = GOOD[0]
POD = {**OBJECTS[2], "metadata": {"name": "p", "namespace": "x"}}
DOCUMENTS = {key_of(document): document for document in (POLICY, *OBJECTS[:2], POD)}
NAME = f"{POLICY['kind']} {POLICY['metadata']['name']}"
RULES = {"object": NAME, "rules": "ingress"}
CHANGES = (
    {"apply": OBJECTS[0]},
    {"delete": NAME},
    {"label": {"object": "Pod x/p", "set": {"a": "b", "c": None}}},
    {"merge": {"object": NAME, "with": {"spec": {"priority": 3}}}},
    {"swap": {**RULES, "at": [0, 1]}},
    {"insert": {**RULES, "at": 0, "rule": {"action": "Deny", "from": [{"namespaces": {}}]}}},
    {"change": {**RULES, "at": 0, "with": {"action": "Deny"}}},
    {"address": {"pod": "x/p", "to": ["10.0.0.9"]}},
    {"restart": "enforcers"},
    {"learn": {"www.example.com": ["198.51.100.7"]}},
    {"refuse": {"kind": "Pod"}},
)
SCENARIO = {
    "scenario": "s",
    "about": "a",
    "source": "nowhere",
    "features": ["NetworkPolicy"],
    "families": [4, 6],
    "aliases": {"p": "x/p", "n1": "node n"},
    "outside": {"client": {"addresses": ["198.51.100.7", "2001:db8::7"], "serves": ["tcp/80"]}},
    "objects": [OBJECTS[0], OBJECTS[1], POD],
    "steps": [
        {
            "step": "one",
            "expect": [{"traffic": "tcp/80 icmp", "families": [4], "picture": "  p client\np - .\nclient . -"}],
        },
        {"step": "two", "changes": [{"apply": POLICY}], "expect": [{"traffic": "udp/80", "picture": "  p\nclient X"}]},
    ],
    "tags": ["observed"],
}


def played(scenario: Scenario) -> None:
    """Play a scenario, which ends with what was seen or with what is wrong with it."""
    with Meaning() as judge:
        assert isinstance(run(scenario, judge), Result)


@given(mutated(SCENARIO))
@example({**SCENARIO, "include": ["/dev/full"]})
@example({**SCENARIO, "include": ["a\0b"]})
@example({**SCENARIO, "include": ["."]})
def test_a_mutated_scenario_is_read_or_refused(tree):
    try:
        scenario = parse_scenario(tree, HERE)
    except ScenarioError as error:
        assert str(error).startswith(str(HERE)) or "include" in tree  # noqa: PT017
        return
    assert isinstance(scenario, Scenario)
    assert scenario.probes >= 0


@given(values)
def test_what_is_no_scenario_at_all_is_refused(value):
    with pytest.raises(ScenarioError):
        parse_scenario(value, HERE)


@given(content=st.one_of(mutated(SCENARIO).map(json.dumps), mutated(SCENARIO).map(str), texts, st.binary()))
@example(content="a: 2026-13-45")
@example(content="{[a]: b}")
@example(content="[" * 10_000)
@example(content=BOMBS["lists of lists"])
def test_any_file_is_a_scenario_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "scenario.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))

    try:
        assert isinstance(load_scenario(path), Scenario)
    except ScenarioError as error:
        assert str(path) in str(error)  # noqa: PT017


def resolve(kind, _pod):
    return ["10.0.0.9/32" if "net" in kind else "10.0.0.9"]


@given(st.sampled_from(CHANGES).flatmap(mutated), st.booleans())
def test_a_mutated_change_is_done_or_refused_and_then_nothing_has_changed(change, twice):
    documents = copy.deepcopy(DOCUMENTS)
    if not isinstance(change, dict):
        return

    for _ in range(1 + twice):
        before = json.dumps(list(documents.items()))
        try:
            apply_change(documents, change, resolve)
        except ChangeError:
            assert json.dumps(list(documents.items())) == before


@given(st.lists(st.sampled_from(CHANGES).flatmap(mutated).filter(lambda change: isinstance(change, dict)), max_size=3))
def test_a_scenario_of_mutated_changes_is_played_to_an_end(changes):
    step = {"step": "changed", "changes": changes, "expect": [{"traffic": "tcp/80", "picture": "  p\nclient ."}]}
    try:
        scenario = parse_scenario({**SCENARIO, "steps": [step]}, HERE)
    except ScenarioError:
        return
    played(scenario)


def test_the_scenario_and_the_changes_that_are_mutated_are_sound(tmp_path):
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(SCENARIO))
    assert load_scenario(path).probes == parse_scenario(SCENARIO, path).probes == 5

    for change in CHANGES[:9]:
        apply_change(copy.deepcopy(DOCUMENTS), change, resolve)
