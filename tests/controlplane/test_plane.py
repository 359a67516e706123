"""The control plane that other tests stand on is a real one, and each kind of trouble is the real trouble."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.controlplane.process import PATIENCE, Port, StartError, wait_for
from tests.controlplane.rest import RefusedError, Rest

pytestmark = pytest.mark.controlplane

ROOT = Path(__file__).parents[2]
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name, **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def role(name, subject, *rules):
    """A ClusterRole and its binding."""
    group = "rbac.authorization.k8s.io"
    return (
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [subject],
        },
    )


READ_MAPS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


# Who may do what.


def test_the_administrator_may_do_everything(shared_control_plane):
    admin = shared_control_plane.rest()

    shared_control_plane.apply([config_map("mine", a="1"), config_map("mine", a="2")])

    assert admin.get(f"{CONFIG_MAPS}/mine")["data"] == {"a": "2"}
    assert admin.get("/version")["gitVersion"].startswith("v1.36.")


def test_others_may_do_what_they_were_allowed_and_nothing_else(shared_control_plane):
    tenant = shared_control_plane.rest("tenant", ["tenants"])
    with pytest.raises(RefusedError) as denied:
        tenant.get(CONFIG_MAPS)
    assert (denied.value.code, denied.value.reason) == (403, "Forbidden")
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "tenants"}

    shared_control_plane.apply(role("tenants", subject, READ_MAPS))

    wait_for(lambda: _allowed(tenant, CONFIG_MAPS), "the role to be in force")
    with pytest.raises(RefusedError, match="cannot create") as denied:
        tenant.create(config_map("theirs"))
    assert denied.value.code == 403


def test_a_service_account_has_the_rights_of_its_role(shared_control_plane):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "agent", "namespace": "default"}}
    subject = {"kind": "ServiceAccount", "name": "agent", "namespace": "default"}
    shared_control_plane.apply([account, *role("agent", subject, READ_MAPS)])

    agent = Rest(shared_control_plane.service_account("default", "agent"))

    assert _who(agent)["username"] == "system:serviceaccount:default:agent"
    wait_for(lambda: _allowed(agent, CONFIG_MAPS), "the role to be in force")
    with pytest.raises(RefusedError, match="cannot list"):
        agent.get("/api/v1/secrets")


NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(user=NAMES | st.just("x/O=system:masters"), groups=st.lists(NAMES | st.just("a,CN=admin"), max_size=2))
def test_a_user_is_who_the_certificate_says_whatever_the_name(shared_control_plane, user, groups):
    somebody = shared_control_plane.rest(f"u-{user}", [f"g-{group}" for group in groups])

    known = _who(somebody)

    assert known["username"] == f"u-{user}"
    assert set(known["groups"]) == {*(f"g-{group}" for group in groups), "system:authenticated"}
    somebody.close()


def test_nobody_gets_in_without_saying_who_it_is(shared_control_plane):
    authority = str(shared_control_plane.authority.certificate)
    with urllib3.PoolManager(ca_certs=authority, retries=False) as pool:
        answers = [pool.request("GET", f"{shared_control_plane.url}{path}").status for path in ("/readyz", CONFIG_MAPS)]

    assert answers == [401, 401]


@pytest.mark.parametrize("shows", ["nothing", "another authority's certificate"])
def test_only_the_api_server_gets_at_its_store(shared_control_plane, shows):
    plane = shared_control_plane
    files = {}
    if shows != "nothing":
        identity = plane.authority.client("intruder", "admin", ["system:masters"])
        files = {"cert_file": str(identity.certificate), "key_file": str(identity.key)}

    with (
        urllib3.PoolManager(ca_certs=str(plane.etcd.authority.certificate), retries=False, **files) as pool,
        pytest.raises(urllib3.exceptions.HTTPError),
    ):
        pool.request("POST", f"{plane.etcd.url}/v3/kv/range", body=b'{"key": "AA=="}')


def test_what_holds_secrets_is_for_its_owner(shared_control_plane):
    shared_control_plane.kubeconfig("somebody")

    secret = [path for pattern in ("*.kubeconfig", "*pki/*.key") for path in shared_control_plane.folder.glob(pattern)]

    assert secret
    assert {path.stat().st_mode & 0o077 for path in secret} == {0}


def _who(rest):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = rest.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return answer["status"]["userInfo"]


def _allowed(rest, path):
    """Say whether somebody may read there; the authorizer learns of roles a moment after they were made."""
    try:
        rest.get(path)
    except RefusedError as error:
        if error.code != 403:
            raise
        return False
    return True


# Trouble.


def test_a_restarted_api_server_has_its_data_and_its_address(shared_control_plane):
    plane, admin = shared_control_plane, shared_control_plane.rest()
    admin.create(config_map("kept", a="1"))
    before = plane.apiserver.pid, plane.url

    plane.restart_apiserver()

    assert admin.get(f"{CONFIG_MAPS}/kept")["data"] == {"a": "1"}
    assert plane.apiserver.pid != before[0]
    assert plane.url == before[1]


def test_a_killed_api_server_refuses_calls_and_a_paused_one_does_not_answer(shared_control_plane):
    plane, admin = shared_control_plane, shared_control_plane.rest()
    hasty = plane.rest(timeout=0.3)
    plane.pause()
    with pytest.raises(urllib3.exceptions.TimeoutError):
        hasty.get("/version")
    plane.resume()
    assert admin.get("/version")

    plane.kill_apiserver()
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        hasty.get("/version")
    plane.start_apiserver()
    assert admin.get("/version")
    hasty.close()


def _events_since(admin, version):
    """Watch from there, and return the code of the error that ends it, or the names of what has changed."""
    try:
        with admin.watch(CONFIG_MAPS, version, timeoutSeconds=1) as events:
            seen = list(events)
    except RefusedError as error:
        return error.code
    codes = [event["object"]["code"] for event in seen if event["type"] == "ERROR"]
    return codes[0] if codes else [event["object"]["metadata"]["name"] for event in seen]


@pytest.mark.parametrize(
    "cached", [pytest.param(True, marks=pytest.mark.slow), False], ids=["with a watch cache", "without"]
)
def test_who_watches_from_before_a_compaction_is_told_that_it_is_gone(make_control_plane, cached):
    plane = make_control_plane(watch_cache=cached)
    admin = plane.rest()
    old = admin.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    plane.apply([config_map("a"), config_map("b")])
    assert _events_since(admin, old) == ["a", "b"]

    plane.compact_etcd()
    if cached:
        plane.restart_apiserver()

    assert _events_since(admin, old) == 410
    assert _events_since(admin, admin.get(CONFIG_MAPS)["metadata"]["resourceVersion"]) == []


def test_a_watch_tells_what_happens_as_it_happens(shared_control_plane):
    admin = shared_control_plane.rest()
    version = admin.get(CONFIG_MAPS)["metadata"]["resourceVersion"]

    with admin.watch(CONFIG_MAPS, version) as events:
        names = []
        for name in ("seen-1", "seen-2"):
            admin.create(config_map(name))
            names.append(next(iter(events))["object"]["metadata"]["name"])

    assert names == ["seen-1", "seen-2"]


# Side by side, and at the end.


@pytest.mark.slow
def test_planes_do_not_know_each_other(make_control_plane):
    first, second = make_control_plane(), make_control_plane()
    first.apply([config_map("mine")])

    assert not second.rest().exists(f"{CONFIG_MAPS}/mine")
    stranger = first.kubeconfig().read_text().replace(first.url, second.url)
    stranger = stranger.replace(str(first.authority.certificate), str(second.authority.certificate))
    config = second.folder / "stranger.kubeconfig"
    config.write_text(stranger)
    with pytest.raises(RefusedError) as denied:
        Rest(config).get("/version")
    assert denied.value.code == 401


@pytest.mark.slow
def test_controllers_and_the_scheduler_do_their_work(make_control_plane):
    plane = make_control_plane(controllers=True, scheduler=True)
    admin = plane.rest()
    labels = {"app": "web"}
    plane.apply(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},
        ]
    )
    capacity = {"cpu": "4", "memory": "8Gi", "pods": "100"}
    admin.merge("/api/v1/nodes/node-1/status", {"status": {"capacity": capacity, "allocatable": capacity}})
    plane.apply(
        [
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {
                    "replicas": 1,
                    "serviceName": "web",
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "web", "image": "web"}]},
                    },
                },
            }
        ]
    )

    pod = "/api/v1/namespaces/shop/pods/web-0"
    wait_for(lambda: admin.exists(pod), "the controller to make the Pod")
    wait_for(lambda: admin.get(pod)["spec"].get("nodeName") == "node-1", "the scheduler to find it a node")

    admin.delete("/api/v1/namespaces/shop")
    # It waits for a kubelet to end its Pods, and there is none.
    wait_for(lambda: "deletionTimestamp" in admin.get(pod)["metadata"], "the Pod to be deleted")
    admin.delete(pod, gracePeriodSeconds=0)
    wait_for(lambda: not admin.exists("/api/v1/namespaces/shop"), "the namespace to go")


def test_a_program_that_ends_says_why(make_control_plane):
    with pytest.raises(StartError, match=r"kube-apiserver has ended(.|\n)*unknown flag: --no-such-option"):
        make_control_plane(options={"no-such-option": "1"})


LEAVES_A_PLANE = """
import os, pathlib, sys
from tests.controlplane.plane import ControlPlane
plane = ControlPlane(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])).start()
print(*(process.pid for process in plane.processes), flush=True)
sys.stdin.read()
"""


def test_nothing_is_left_of_a_plane_whose_owner_was_killed(control_plane_programs, tmp_path):
    command = [sys.executable, "-c", LEAVES_A_PLANE, str(tmp_path / "plane"), str(control_plane_programs)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as owner:
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        watched = [os.pidfd_open(pid) for pid in pids]
        owner.send_signal(signal.SIGKILL)

    ended = []
    for descriptor in watched:
        ended.append(_ends(descriptor))
        if not ended[-1]:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
    assert ended == [True, True]


def _ends(descriptor):
    """Say whether a process ends, which makes its descriptor readable."""
    return bool(select.select([descriptor], [], [], PATIENCE)[0])


def test_a_port_is_kept_from_others_and_shared_with_who_asks():
    port = Port()
    with pytest.raises(OSError, match="in use"):
        _bind(port.number, reuse=False)
    _bind(port.number, reuse=True)
    port.close()
    _bind(port.number, reuse=False)


def _bind(port, *, reuse):
    with socket.socket() as other:
        if reuse:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
