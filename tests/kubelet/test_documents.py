from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kubelet.containers import ContainerState, Phase
from tests.kubelet.documents import PodFacts, pod_status
from tests.kubelet.world import container, pod

SINCE = datetime(2030, 1, 1, tzinfo=UTC)
LATER = SINCE + timedelta(seconds=5)
FACTS = PodFacts((ip_address("10.0.0.1"), ip_address("fd00::1")), (ip_address("172.16.0.1"),), SINCE)

WAITING = ContainerState()
STARTED = ContainerState(Phase.RUNNING, started=SINCE)
READY = ContainerState(Phase.RUNNING, ready=True, started=LATER)
DONE = ContainerState(Phase.TERMINATED, started=SINCE, ended=LATER)
FAILED = ContainerState(Phase.TERMINATED, started=SINCE, ended=LATER, code=1)

states = st.sampled_from([WAITING, STARTED, READY, DONE, FAILED])


def status(*states: ContainerState, policy="Always", facts=FACTS):
    named = {f"c{number}": state for number, state in enumerate(states)}
    return pod_status(pod("p", [container(name) for name in named], restartPolicy=policy), facts, named)


def conditions(of):
    return {item["type"]: item["status"] == "True" for item in of["conditions"]}


@pytest.mark.parametrize(
    ("states", "policy", "phase", "ready"),
    [
        ((READY, READY), "Always", "Running", True),
        ((READY, STARTED), "Always", "Running", False),
        ((READY, WAITING), "Always", "Pending", False),
        ((READY, DONE), "Always", "Running", False),
        ((DONE, DONE), "Always", "Running", False),
        ((DONE, FAILED), "OnFailure", "Running", False),
        ((DONE, DONE), "OnFailure", "Succeeded", False),
        ((DONE, DONE), "Never", "Succeeded", False),
        ((DONE, FAILED), "Never", "Failed", False),
        ((DONE, READY), "Never", "Running", False),
    ],
)
def test_a_pod_is_where_its_containers_are(states, policy, phase, ready):
    found = status(*states, policy=policy)

    assert found["phase"] == phase
    assert conditions(found) == {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}


@given(st.lists(states, min_size=1, max_size=4), st.sampled_from(["Always", "OnFailure", "Never"]), st.booleans())
def test_a_pod_with_a_problem_is_never_ready_and_one_is_ready_with_all_its_containers_only(some, policy, trouble):
    facts = PodFacts(FACTS.addresses, FACTS.host_addresses, SINCE, "no such thing" if trouble else "")

    found = status(*some, policy=policy, facts=facts)

    assert conditions(found)["Ready"] == (not trouble and all(state == READY for state in some))
    assert [item["ready"] for item in found["containerStatuses"]] == [state.ready for state in some]
    for item in found["containerStatuses"]:
        if "waiting" in item["state"]:
            assert item["state"]["waiting"]["message"] == facts.problem
    # What the API server demands: one state each, and the first of each list is the one.
    assert {len(item["state"]) for item in found["containerStatuses"]} == {1}
    assert found["podIP"] == found["podIPs"][0]["ip"]
    assert found["hostIP"] == found["hostIPs"][0]["ip"]


def test_readiness_has_changed_when_the_last_container_has():
    times = {item["type"]: item["lastTransitionTime"] for item in status(READY, STARTED)["conditions"]}

    assert times["Ready"] == "2030-01-01T00:00:05Z"
    assert times["Initialized"] == "2030-01-01T00:00:00Z"


def test_a_pod_without_addresses_does_not_claim_any():
    found = status(WAITING, facts=PodFacts((), FACTS.host_addresses, SINCE, "no address is left"))

    assert not {"podIP", "podIPs"} & found.keys()
    assert found["phase"] == "Pending"
