"""What `anp status` makes of the objects of a cluster."""

from datetime import UTC, datetime, timedelta

import pytest

from anp.node.overview import REPORTER, overview

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds):
    return (NOW - timedelta(seconds=seconds)).isoformat()


def manifest(number=9, at=60.0, changes=()):
    said = [{"number": number - len(changes) + 1 + i, "at": ago(each)} for i, each in enumerate(changes)]
    return {"metadata": {"uid": "m"}, "spec": {"number": number, "at": ago(at), "changes": said}}


def node(name="n1", **status):
    full = {"generation": 9, "manifest": "m", "error": "", "observedAt": ago(1), **status}
    return {"metadata": {"name": name}, "status": full}


def policy(accepted=("True", "Accepted"), programmed=("True", "Programmed"), observed=1):
    entries = [
        {"type": kind, "status": status, "reason": reason, "message": "m", "observedGeneration": observed}
        for kind, (status, reason) in (("Accepted", accepted), ("Programmed", programmed))
    ]
    metadata = {"name": "p", "generation": 1, "uid": "p"}
    return {"kind": "ClusterNetworkPolicy", "metadata": metadata, "status": {"conditions": entries}}


def seen(stored=None, nodes=(), policies=(), events=()):
    return overview(stored, nodes, policies, events, NOW)


def test_all_is_well_where_every_node_has_the_newest_generation():
    found = seen(manifest(), [node(), node("n2")], [policy()])

    assert found.well
    assert [each.lag for each in found.nodes] == [0, 0]
    assert found.policies == ()


def test_nothing_is_well_without_a_generation():
    assert not seen(None, [node()]).well


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({"generation": 7}, "2 generations behind"),
        ({"generation": 8}, "1 generation behind"),
        ({"generation": None}, "nothing is in force"),
        ({"manifest": "other"}, "earlier manifest"),
        ({"error": "the kernel refuses"}, "the kernel refuses"),
    ],
)
def test_what_troubles_a_node_is_told(status, trouble):
    found = seen(manifest(), [node(**status)])

    assert trouble in found.nodes[0].trouble
    assert not found.well


def test_a_node_without_an_agent_is_not_well():
    found = seen(manifest(), [{"metadata": {"name": "n1"}}])

    assert found.nodes[0].trouble == "no agent has reported"


@pytest.mark.parametrize(
    ("changes", "at", "well"), [((60, 1, 1), 1, True), ((60, 20, 1), 1, False), ((), 1, False), ((1,), 1, False)]
)
def test_what_is_on_its_way_is_no_trouble(changes, at, well):
    found = seen(manifest(changes=changes, at=at), [node(generation=7)])

    assert found.nodes[0].lag == 2
    assert found.well is well


@pytest.mark.parametrize(
    ("given", "reasons", "well"),
    [
        (policy(accepted=("False", "Unreadable")), ["Unreadable"], False),
        (policy(observed=0), ["NotSeen"], False),
        ({"kind": "ClusterNetworkPolicy", "metadata": {"name": "p"}}, ["NotSeen"], False),
        (policy(accepted=("True", "AcceptedWithWarnings")), ["AcceptedWithWarnings"], True),
        (policy(programmed=("False", "Pending")), ["Pending"], True),
    ],
)
def test_policies_about_which_there_is_something_to_say(given, reasons, well):
    found = seen(manifest(), [node()], [given])

    assert [each.reason for each in found.policies] == reasons
    assert found.well is well


def network_policy(changed):
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "x", "uid": "p", "managedFields": [changed]},
    }


@pytest.mark.parametrize(
    ("event", "reasons"),
    [
        ({}, ["Unreadable"]),
        ({"regarding": {"uid": "another"}}, []),
        ({"reportingController": "somebody"}, []),
        ({"eventTime": ago(100)}, []),
        ({"eventTime": None}, []),
    ],
)
def test_events_speak_for_network_policies_as_they_are_now(event, reasons):
    told = {"regarding": {"uid": "p"}, "eventTime": ago(5), "reportingController": REPORTER, "reason": "Unreadable"}
    found = seen(manifest(), [node()], [network_policy({"time": ago(50)})], [{**told, **event}])

    assert [each.reason for each in found.policies] == reasons
    assert found.well is not bool(reasons)
