"""The controller beside a real API server: what is published is what the cluster says, whatever happens on the way."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from anp.api.admission import Channel
from anp.api.crds import crds
from tests.controlplane.controllers import (
    ACCOUNT,
    MANIFEST,
    NAMESPACE,
    POLICIES,
    REPORTS,
    Controller,
    Reader,
    condition,
    end_pod,
    install,
    namespace,
    node,
    policy,
    role,
    start_pod,
)
from tests.controlplane.process import wait_for
from tests.controlplane.rest import RefusedError

pytestmark = pytest.mark.controlplane

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{ACCOUNT}"
NEWEST = "clusternetworkpolicies.policy.networking.k8s.io"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NEWEST_GROUP = "/apis/policy.networking.k8s.io/v1alpha2"
EVENTS = "/apis/events.k8s.io/v1/events"


@pytest.fixture
def controllers():
    """Keep controllers that are to end with the test."""
    started = []
    yield started
    for controller in started:
        controller.kill()


@pytest.fixture
def start(control_plane, controllers):
    def start(**options):
        controller = Controller(control_plane, f"controller-{len(controllers)}", **options)
        controller.start()
        controllers.append(controller)
        return controller

    return start


@pytest.fixture
def until(control_plane, controllers):
    """Wait for what is asked, as long as the control plane and the controllers that should run do."""

    def until(question, what):
        running = [controller for controller in controllers if controller.pid is not None]
        try:
            return wait_for(question, what, [*control_plane.processes, *running])
        except TimeoutError as error:
            logs = "\n".join(f"--- {each.name}\n{each.said(20)}" for each in controllers)
            raise AssertionError(f"{error}\n{logs}") from None

    return until


@pytest.fixture
def world(control_plane, admin):
    """A small cluster."""
    install(control_plane)
    admin.apply(node("left"), namespace("web"), policy("one"))
    start_pod(admin, "web", "a", 1)
    return Reader(admin)


def holder(admin):
    return admin.get(LEASE)["spec"].get("holderIdentity", "") if admin.exists(LEASE) else ""


def report(admin, name="left", **status):
    """Report as an agent does."""
    manifest = admin.get(MANIFEST)
    said = {"generation": manifest["spec"]["number"], "manifest": manifest["metadata"]["uid"], **status}
    admin.merge(f"{REPORTS}/{name}/status", {"status": said})


# Life.


def test_what_is_there_and_what_comes_and_goes_is_published(admin, world, start, until):
    start()
    until(lambda: world.pods() == {"web/a"} and world.origins() == {"one"}, "the first generation")

    start_pod(admin, "web", "b", 2)
    admin.apply(policy("two", 20))
    until(lambda: world.pods() == {"web/a", "web/b"} and world.origins() == {"one", "two"}, "what came")

    end_pod(admin, "web", "a")
    admin.delete(f"{POLICIES}/one")
    until(lambda: world.pods() == {"web/b"} and world.origins() == {"two"}, "what went to go")


def test_a_thousand_pods_at_once_are_published(admin, world, start, until):
    start()
    until(lambda: world.pods() == {"web/a"}, "the first generation")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: start_pod(admin, "web", f"p-{number}", number + 2), range(1000)))

    until(lambda: len(world.pods()) == 1001, "all pods")
    # Far fewer generations than pods, as what comes while one is written is collected.
    assert world.number < 1000


def test_what_somebody_else_deletes_is_published_again(admin, world, start, until):
    start()
    until(lambda: world.pods() == {"web/a"}, "the first generation")

    admin.delete(MANIFEST)

    until(lambda: world.pods() == {"web/a"}, "the generation to come back")


def test_an_end_by_request_gives_the_lease_back_and_leaves_what_is_published(admin, world, start, until):
    controller = start()
    until(lambda: world.pods() == {"web/a"}, "the first generation")

    controller.stop()

    assert holder(admin) == ""
    assert world.pods() == {"web/a"}


# Trouble with the API server.


def test_what_vanished_while_nobody_could_watch_goes(make_control_plane, controllers):
    plane = make_control_plane(watch_cache=False)
    admin = plane.rest()
    install(plane)
    admin.apply(node("left"), namespace("web"), policy("one"), policy("two", 20))
    for number, name in enumerate("abc"):
        start_pod(admin, "web", name, number + 1)
    reader = Reader(admin)
    controller = Controller(plane)
    controllers.append(controller)
    controller.start()
    wait_for(lambda: len(reader.pods()) == 3 and len(reader.origins()) == 2, "the first generation", [controller])

    # It cannot hear of what happens now, and when it asks, the past is forgotten.
    controller.pause()
    end_pod(admin, "web", "a")
    end_pod(admin, "web", "b")
    start_pod(admin, "web", "b", 9)
    admin.delete(f"{POLICIES}/one")
    plane.compact_etcd()
    plane.kill_apiserver()
    plane.start_apiserver()
    controller.resume()

    wait_for(lambda: reader.pods() == {"web/b", "web/c"} and reader.origins() == {"two"}, "what went to go")
    wait_for(lambda: str(reader.look().members["pod web/b"].addresses[0]) == "10.0.0.9", "the new pod")
    admin.close()


def test_an_api_server_that_is_killed_is_followed_again(control_plane, admin, world, start, until):
    start()
    until(lambda: world.pods() == {"web/a"}, "the first generation")

    for number in (2, 3):
        control_plane.kill_apiserver()
        control_plane.start_apiserver()
        start_pod(admin, "web", f"p-{number}", number)
        until(lambda number=number: f"web/p-{number}" in world.pods(), "the pod")


def test_an_api_server_that_hangs_is_waited_for(control_plane, admin, world, start, until):
    start(lease=3)
    until(lambda: world.pods() == {"web/a"}, "the first generation")
    start_pod(admin, "web", "b", 2)

    control_plane.pause()
    time.sleep(4)  # longer than the Lease lasts: what is waited for is that nothing happens
    control_plane.resume()
    start_pod(admin, "web", "c", 3)

    until(lambda: world.pods() == {"web/a", "web/b", "web/c"}, "all pods")


# Several controllers.


def test_another_one_takes_over_from_one_that_dies(admin, world, start, until):
    first = start(lease=2)
    until(lambda: holder(admin), "the first leader")
    start(lease=2)
    until(lambda: world.pods() == {"web/a"}, "the first generation")
    before = holder(admin)

    first.kill()
    start_pod(admin, "web", "b", 2)

    until(lambda: world.pods() == {"web/a", "web/b"}, "the pod that came while nobody led")
    assert holder(admin) != before


def test_one_that_lost_its_lease_while_it_hung_does_no_harm(admin, world, start, until):
    first = start(lease=2)
    until(lambda: world.pods() == {"web/a"}, "the first generation")
    before = holder(admin)
    second = start(lease=2)
    until(lambda: second.said_so("all objects are known"), "the second one")

    first.pause()
    until(lambda: holder(admin) not in ("", before), "another leader")
    start_pod(admin, "web", "b", 2)
    until(lambda: world.pods() == {"web/a", "web/b"}, "the pod")
    first.resume()

    until(lambda: first.said_so("not leading any more"), "it to notice")
    start_pod(admin, "web", "c", 3)
    until(lambda: world.pods() == {"web/a", "web/b", "web/c"}, "the next pod")


def test_killed_at_any_point_it_leaves_a_complete_generation(control_plane, admin, world, start, until):
    controller = start(lease=1)
    until(lambda: world.pods() == {"web/a"}, "the first generation")
    ended = threading.Event()

    def churn():
        rest = control_plane.rest()
        number = 10
        while not ended.is_set():
            number += 1
            start_pod(rest, "web", f"p-{number}", number)
            rest.apply(policy(f"p-{number % 7}", number))
            if number % 3:
                end_pod(rest, "web", f"p-{number}")
        rest.close()

    random.seed(4)
    with ThreadPoolExecutor(1) as pool:
        churning = pool.submit(churn)
        try:
            for _round in range(5):
                numbers = world.number
                until(lambda numbers=numbers: world.look() and world.number > numbers, "a generation")
                time.sleep(random.uniform(0, 0.2))
                controller.kill()
                assert Reader(admin).look(), "what is published is complete, for one who has seen nothing yet"
                controller.start()
        finally:
            ended.set()
            churning.result()

    running = {f"web/{item['metadata']['name']}" for item in admin.get("/api/v1/namespaces/web/pods")["items"]}
    until(lambda: world.pods() == running, "the last state")


# What kinds there are, and who may read them.


def test_kinds_of_policies_come_and_go(control_plane, admin, start, until):
    install(control_plane, policies=False)
    admin.apply(node("left"), namespace("web"))
    start_pod(admin, "web", "a", 1)
    reader = Reader(admin)
    start()
    until(lambda: reader.pods() == {"web/a"}, "a cluster without policies")

    for round_number in (1, 2):
        control_plane.apply(crds(Channel.EXPERIMENTAL))
        name = f"round-{round_number}"
        rest = control_plane.rest()
        rest.apply(policy(name))
        until(lambda name=name: reader.origins() == {name}, "the policy of a kind that came")

        rest.delete(f"{CRDS}/{NEWEST}")
        until(lambda: reader.origins() == set(), "what is no kind any more to go")
        until(lambda rest=rest: not rest.exists(f"{CRDS}/{NEWEST}"), "the definition to be gone")
        until(lambda rest=rest: not rest.exists(NEWEST_GROUP), "its list of kinds to be gone")
        rest.close()


def test_a_kind_that_it_may_not_read_keeps_everything_from_being_published(control_plane, admin, start, until):
    install(control_plane, "netpol")
    admin.apply(node("left"), namespace("web"), policy("one"))
    start_pod(admin, "web", "a", 1)
    reader = Reader(admin)
    controller = start()

    until(lambda: controller.said_so("cannot read networkpolicies"), "the error")
    # Everything else has been read by then.
    until(lambda: sum("networkpolicies" in line for line in controller.said(200).splitlines()) > 3, "more attempts")
    assert reader.look() is None

    admin.apply(role())
    until(lambda: reader.pods() == {"web/a"}, "the generation")


def test_what_it_may_not_write_besides_keeps_nothing_from_being_published(control_plane, admin, start, until):
    install(control_plane, "status", "events")
    admin.apply(node("left"), namespace("web"), policy("one"))
    start_pod(admin, "web", "a", 1)
    reader = Reader(admin)
    controller = start()

    until(lambda: reader.pods() == {"web/a"}, "the generation")
    until(lambda: controller.said_so("cannot write a status"), "the error")

    admin.apply(role())
    until(lambda: condition(admin, f"{POLICIES}/one", "Accepted"), "the status")


# Words.


def test_policies_tell_what_became_of_them(admin, world, start, until):
    start()
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed"), "the status")
    assert condition(admin, f"{POLICIES}/one", "Accepted")["status"] == "True"
    programmed = condition(admin, f"{POLICIES}/one", "Programmed")
    assert (programmed["status"], programmed["observedGeneration"]) == ("False", 1)
    assert "0 of 1 nodes" in programmed["message"]

    report(admin)
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed")["status"] == "True", "the node")
    since = condition(admin, f"{POLICIES}/one", "Accepted")["lastTransitionTime"]

    admin.apply(policy("one", 11, "Accept"), policy("two", 11))
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed")["observedGeneration"] == 2, "the new version")
    until(lambda: "same priority" in condition(admin, f"{POLICIES}/two", "Accepted").get("message", ""), "the warning")
    assert condition(admin, f"{POLICIES}/one", "Programmed")["status"] == "False"
    assert condition(admin, f"{POLICIES}/one", "Accepted")["lastTransitionTime"] == since
    report(admin)
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed")["status"] == "True", "the node")

    # The API server, which has just begun, tells of matters of its own.
    events = [event for event in admin.get(EVENTS)["items"] if event["reportingController"].startswith("anp.internal/")]
    assert {(event["regarding"]["name"], event["reason"]) for event in events} == {("two", "NotAsMeant")}


def test_a_status_that_is_right_is_not_written_again(admin, world, start, until):
    controller = start(lease=1)
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed"), "the status")
    report(admin)
    until(lambda: condition(admin, f"{POLICIES}/one", "Programmed")["status"] == "True", "the node")
    before = admin.get(f"{POLICIES}/one")["metadata"]["resourceVersion"]

    controller.kill()
    start(lease=1)
    start_pod(admin, "web", "b", 2)
    until(lambda: world.pods() == {"web/a", "web/b"}, "the pod")
    admin.apply(policy("two", 20))
    until(lambda: condition(admin, f"{POLICIES}/two", "Programmed"), "the status of another policy")

    assert admin.get(f"{POLICIES}/one")["metadata"]["resourceVersion"] == before


def test_nodes_have_a_place_to_report_in_as_long_as_they_are_there(admin, world, start, until):
    start()
    until(lambda: admin.exists(f"{REPORTS}/left"), "the place")
    uid = admin.get("/api/v1/nodes/left")["metadata"]["uid"]
    assert admin.get(f"{REPORTS}/left")["metadata"]["ownerReferences"][0]["uid"] == uid

    admin.delete("/api/v1/nodes/left")
    until(lambda: not admin.exists(f"{REPORTS}/left"), "it to go")


def test_a_policy_that_the_api_server_refuses_is_nothing_to_the_controller(admin, world, start, until):
    start()
    until(lambda: world.origins() == {"one"}, "the first generation")
    bad = policy("bad")
    bad["spec"]["tier"] = "Nonsense"

    with pytest.raises(RefusedError):
        admin.apply(bad)
    admin.apply(policy("two", 20))

    until(lambda: world.origins() == {"one", "two"}, "the next policy")


def test_what_only_a_newer_schema_knows_fails_closed_and_is_told(control_plane, admin, start, until):
    """The stored object has an action that this version has never heard of."""
    install(control_plane, policies=False)
    definitions = crds(Channel.EXPERIMENTAL)
    for definition in definitions:
        for version in definition["spec"]["versions"]:
            version["schema"] = {
                "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            }
    control_plane.apply(definitions)
    admin.apply(node("left"), namespace("web"), policy("new", action="Ponder"))
    start_pod(admin, "web", "a", 1)
    reader = Reader(admin)
    start()

    until(lambda: reader.origins() == {"new"}, "the generation")
    (program,) = reader.generation.programs.values()
    assert [rule.action.value for tier in program.tiers for rule in tier.rules] == ["Deny"]
    until(lambda: condition(admin, f"{POLICIES}/new", "Accepted"), "the status")
    assert "fails closed" in condition(admin, f"{POLICIES}/new", "Accepted")["message"]
    until(lambda: "FailedClosed" in {event["reason"] for event in admin.get(EVENTS)["items"]}, "the Event")
