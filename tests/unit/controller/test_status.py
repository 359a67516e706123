"""What statuses and Events say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp import api
from anp.api.admission import Admission
from anp.controller.cluster import Cluster
from anp.controller.events import event_of, occurrences
from anp.controller.inventory import News
from anp.controller.kinds import named
from anp.controller.status import Progress, conditions, findings_of, status_patch

KEY = ("ClusterNetworkPolicy", "", "one")
VERSION = (KEY, "u-one", 1)


def metadata(name, **more):
    return {"name": name, "uid": f"u-{name}", "resourceVersion": "1", "generation": 1, **more}


def policy(name="one", priority=1, peers=None, **more):
    rule = {"action": "Deny", "from": peers or [{"namespaces": {}}], **more}
    spec = {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}}, "ingress": [rule]}
    return "ClusterNetworkPolicy", {"metadata": metadata(name), "spec": spec}


def node(name):
    return "Node", {"metadata": metadata(name)}


def report(name, number, manifest="m", error=""):
    status = {"generation": number, "manifest": manifest, "error": error}
    return "NodeEnforcement", {"metadata": metadata(name), "status": status}


def pod(name):
    status = {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}
    return "Pod", {"metadata": metadata(name, namespace="web"), "spec": {"nodeName": "left"}, "status": status}


def cluster_of(*things):
    cluster = Cluster()
    news = []
    for kind, document in things:
        key = document["metadata"].get("namespace", ""), document["metadata"]["name"]
        news.append(News(named(kind), key, document))
    cluster.take(news)
    cluster.compile()
    return cluster


def said(*things, number=3):
    picture = cluster_of(*things).picture()
    numbers = {VERSION: number} if number else {}
    wanted = conditions(picture, Progress("m", numbers), findings_of(picture))
    return {condition.type: condition for condition in wanted[KEY].conditions}


def test_a_policy_in_force_everywhere_is_programmed():
    found = said(policy(), pod("a"), node("left"), node("right"), report("left", 3), report("right", 4))

    assert found["Accepted"].status
    assert found["Programmed"].status
    assert found["Programmed"].message == "in force on 2 of 2 nodes, since generation 3"


@pytest.mark.parametrize(
    "other",
    [(), (report("right", 2),), (report("right", 9, manifest="an earlier one"),)],
    ids=["silent", "behind", "of another manifest"],
)
def test_a_node_that_lags_is_named(other):
    found = said(policy(), node("left"), node("right"), report("left", 3), *other)

    assert not found["Programmed"].status
    assert found["Programmed"].reason == "Pending"
    assert found["Programmed"].message.startswith("in force on 1 of 2 nodes")
    assert found["Programmed"].message.endswith("missing: right")


def test_a_node_that_fails_says_why():
    found = said(policy(), node("left"), report("left", 2, error="too many classes"))

    assert found["Programmed"].reason == "NodesFailing"
    assert found["Programmed"].message.endswith("left: too many classes")


def test_many_nodes_that_lag_are_counted():
    found = said(policy(), *(node(f"n{number}") for number in range(10)))

    assert found["Programmed"].message.endswith("missing: n0, n1, n2 and 7 more")


def test_what_is_not_published_is_not_programmed():
    assert said(policy(), node("left"), report("left", 3), number=None)["Programmed"].reason == "Pending"


def test_nothing_is_programmed_where_there_are_no_nodes():
    assert said(policy())["Programmed"].reason == "NoNodes"


def test_warnings_are_in_the_message():
    found = said(policy(peers=[{"mystery": {}}]), policy("other"), pod("a"))

    assert found["Accepted"].status
    assert found["Accepted"].reason == "AcceptedWithWarnings"
    assert "fails closed" in found["Accepted"].message


def test_what_cannot_be_read_is_not_accepted_and_what_it_said_before_stays():
    cluster = cluster_of(policy(), pod("a"), node("left"))
    _compilation, before = cluster.compile()
    kind, document = policy()
    document["spec"] = "nonsense"
    document["metadata"]["generation"] = 2

    cluster.take([News(named(kind), ("", "one"), document)])

    picture = cluster.picture()
    wanted = conditions(picture, Progress("m", {}), {})
    accepted, programmed = wanted[KEY].conditions
    assert (accepted.status, accepted.reason, programmed.status) == (False, "Unreadable", False)
    assert "stays in force" in accepted.message
    assert wanted[KEY].version == ("u-one", 2)
    assert cluster.compile()[1] == before
    assert [found.reason for found in occurrences(picture, {})] == ["Unreadable"]

    cluster.take([News(named(kind), ("", "one"), None)])
    assert conditions(cluster.picture(), Progress("m", {}), {}) == {}


def test_one_bad_object_costs_no_other_one(caplog):
    cluster = Cluster()
    news = [
        News(named(kind), ("", document["metadata"]["name"]), document) for kind, document in (policy(), policy("b"))
    ]
    news.insert(1, News(named("Pod"), ("web", "x"), {"metadata": {"name": "x", "namespace": "web", "labels": 3}}))

    cluster.take(news)

    assert {identity[2] for identity in cluster.picture().policies} == {"one", "b"}


# Writing.


def current(conditions=(), uid="u-one"):
    return {"metadata": metadata("one", uid=uid), "status": {"conditions": list(conditions)}}


def patch_of(*things, now=None, number=3):
    picture = cluster_of(*things).picture()
    wanted = conditions(picture, Progress("m", {VERSION: number}), findings_of(picture))
    return status_patch(named(KEY[0]), now or current(), wanted[KEY])


def test_what_is_applied_is_what_the_api_takes():
    patch = patch_of(policy(), node("left"))

    document = {**current(), "apiVersion": patch["apiVersion"], "kind": patch["kind"], "spec": policy()[1]["spec"]}
    parsed = api.parse({**document, "status": patch["status"]}, admission=Admission.SUBMITTED)
    assert [entry.type for entry in parsed.object.status.conditions] == ["Accepted", "Programmed"]
    assert {entry.observed_generation for entry in parsed.object.status.conditions} == {1}


def test_what_is_written_once_is_not_written_again():
    things = (policy(), node("left"), report("left", 3))
    first = patch_of(*things)

    assert patch_of(*things, now=current(first["status"]["conditions"])) is None


def test_the_moment_of_a_transition_stays_until_the_status_is_another_one():
    first = patch_of(policy(), node("left"))["status"]["conditions"]
    for entry in first:
        entry["lastTransitionTime"] = "2020-01-01T00:00:00Z"

    accepted, programmed = patch_of(policy(), node("left"), report("left", 3), now=current(first))["status"][
        "conditions"
    ]

    assert accepted["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert programmed["lastTransitionTime"] != "2020-01-01T00:00:00Z"


def test_an_object_that_has_been_replaced_is_left_alone():
    assert patch_of(policy(), now=current(uid="another")) is None


# Events.


@given(name=st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True))
def test_an_event_has_a_name_that_the_api_takes_and_is_the_same_each_time(name):
    picture = cluster_of(policy(name, peers=[{"mystery": {}}])).picture()
    findings = findings_of(picture)

    found = list(occurrences(picture, findings))

    assert found == list(occurrences(picture, findings))
    assert len({each.name for each in found}) == len(found)
    (one,) = [each for each in found if each.reason == "FailedClosed"]
    assert len(one.name) <= 253
    assert re.fullmatch(r"[a-z0-9.-]*[a-z0-9]", one.name)
    document = event_of(one, "somebody")
    assert document["regarding"]["name"] == name
    assert document["metadata"]["namespace"] == "default"
    assert len(document["note"]) <= 1024
