"""Tests are run once each, by however many, and what goes wrong in a worker is told here."""

import multiprocessing
import os
import signal

import pytest

from anp.conformance import workers
from anp.conformance.rehearsal import rehearse
from anp.conformance.scenario import ScenarioError, load_scenario, parse_scenario
from anp.conformance.selection import Case
from anp.conformance.workers import Bench, WorkerError, play
from anp.lab.errors import LabError
from enforcer.errors import NftUnavailableError
from tests.cli.calling import REPOSITORY

SUITE = REPOSITORY / "testdata" / "scenarios" / "network-policy"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}


@pytest.fixture
def cases():
    found = [load_scenario(path) for path in sorted(SUITE.glob("0*.yaml"))]
    made = [Case("np", one, one.families, tuple(range(len(one.steps)))) for one in found]
    return [*made, Case("np", found[0], (), (), skipped="twice")]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_test_is_run_once_whoever_does_it(cases, count):
    outcomes = list(play(cases, Bench("meaning"), count))

    assert sorted(found.case.title for found in outcomes) == sorted(case.title for case in cases)
    assert [found.case.skipped for found in outcomes if found.result is None] == ["twice"]
    assert all(found.passed for found in outcomes if found.result)
    assert multiprocessing.active_children() == []


def test_nobody_is_left_when_nobody_listens_any_more(cases):
    playing = play(cases, Bench("meaning"), 2)
    next(playing)
    next(playing)
    assert len(multiprocessing.active_children()) == 2

    playing.close()

    assert multiprocessing.active_children() == []


def test_a_bug_in_a_worker_is_a_bug(cases, capfd):
    with pytest.raises(WorkerError, match="ended with code 1"):
        list(play(cases, Bench("nobody"), 2))

    assert "KeyError: 'nobody'" in capfd.readouterr().err
    assert multiprocessing.active_children() == []


def test_a_worker_that_was_killed_is_told(cases):
    playing = play(cases * 20, Bench("meaning"), 2)
    found = next(playing)
    while found.case.skipped:
        found = next(playing)
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(LabError, match="ended by signal 9"):
        list(playing)


@pytest.mark.parametrize("error", [LabError("no room"), NftUnavailableError("none")], ids=["lab", "enforcer"])
def test_what_the_machine_cannot_do_travels_as_words(cases, monkeypatch, error):
    def unable(*_arguments):
        raise error

    monkeypatch.setattr(workers, "attempt", unable)

    assert workers._answer(cases[0], Bench("packets")) == workers._Unable(str(error))


def rehearsed(**parts):
    made = parse_scenario({"scenario": "s", "about": "a", "objects": [POD], **parts}, SUITE / "some.yaml")
    rehearse(Case("s", made, made.families, tuple(range(len(made.steps)))), packets=True)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"changes": [{"delete": "Pod shop/nobody"}]}, "some.yaml: step '1': there is no Pod shop/nobody to delete"),
        ({"changes": [{"delete": 5}]}, "some.yaml: step '1': "),
        ({"changes": [{"swap": {"object": "Pod shop/web"}}]}, "some.yaml: step '1': Pod shop/web has no None rules"),
        (
            {"expect": [{"traffic": "tcp/80", "picture": "  shop/web\nnobody ."}]},
            "some.yaml: step '1': 'nobody' is nobody's name",
        ),
        (
            {"changes": [{"apply": {**POD, "metadata": {"name": "Not A Name"}}}]},
            "some.yaml: step '1': Pod Not A Name: ",
        ),
    ],
    ids=str,
)
def test_mistakes_in_a_scenario_are_told_with_file_and_step(step, said):
    with pytest.raises(ScenarioError) as told:
        rehearsed(steps=[{"step": "1", **step}])

    assert said in str(told.value)


def test_a_cluster_that_cannot_be_built_is_a_mistake_before_anything_is():
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    pod = {**POD, "spec": {"nodeName": "n1", "containers": []}}
    step = {"step": "1", "changes": [{"address": {"pod": "shop/web", "to": ["198.51.100.7"]}}]}
    client = {"client": {"addresses": ["198.51.100.7"]}}

    with pytest.raises(ScenarioError, match=r"step '1': .* have the same address: 198\.51\.100\.7"):
        rehearsed(objects=[node, pod], outside=client, steps=[step])


def test_what_is_sound_and_should_not_be_is_for_the_test_to_find():
    rehearsed(steps=[{"step": "1", "changes": [{"refuse": POD}]}])
