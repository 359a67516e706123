import contextlib
import subprocess
from pathlib import Path

import pytest

from anp.lab.topology import PodPlace
from tests.controlplane.process import wait_for
from tests.kubelet.errors import KubeletError
from tests.kubelet.world import HOST_PORTS, PODS, World, addresses, container, host_servers, pod, servers, stateful_set

pytestmark = [pytest.mark.kernel, pytest.mark.controlplane]

NODES = "/api/v1/nodes"
TABLE = "table inet test"
PORTS = (("tcp", 80), ("udp", 53), ("sctp", 9003))


@pytest.fixture(scope="module")
def world(make_shared_control_plane, control_plane_programs):
    plane = make_shared_control_plane(controllers=True, scheduler=True)
    rest = plane.rest()
    yield World(plane, rest, control_plane_programs / "kubectl")
    rest.close()


@pytest.fixture(scope="module")
def kubelet(world, make_kubelet):
    with make_kubelet(world.plane) as kubelet:
        yield kubelet


@pytest.fixture(scope="module")
def pair(world, kubelet):
    world.rest.apply(stateful_set("pair", servers()))
    return world.wait_for_set("pair")


@pytest.fixture
def drop(kubelet):
    """Drop what matches in a node's namespace, as an engine there would; it is let through again after the test."""
    dataplane = kubelet.dataplane("node-1"), kubelet.dataplane("node-2")

    def run(node: str, hook: str, match: str) -> None:
        chain = f"chain {hook} {{ type filter hook {hook} priority 0; {match} drop; }};"
        dataplane[node == "node-2"].run_script(f"add {TABLE}\ndelete {TABLE}\n{TABLE} {{ {chain} }}\n")

    yield run
    for each in dataplane:
        each.run_script(f"add {TABLE}\ndelete {TABLE}\n")
        each.close()


@pytest.fixture
def make_more(world, make_kubelet):
    """Start other kubelets; their nodes go with the test, lest the scheduler should take them for alive."""
    known = set(_nodes(world))
    yield lambda **settings: make_kubelet(world.plane, **settings)
    for name in set(_nodes(world)) - known:
        world.rest.delete(f"{NODES}/{name}")


def _nodes(world):
    return {item["metadata"]["name"]: item for item in world.rest.get(NODES)["items"]}


def test_nodes_are_ready_and_say_where_they_are(world, kubelet):
    nodes = _nodes(world)

    assert set(nodes) == {"node-1", "node-2"}
    for plan in kubelet.plans:
        node = nodes[plan.name]
        assert "taints" not in node["spec"]
        assert {item["type"]: item["status"] for item in node["status"]["conditions"]}["Ready"] == "True"
        assert [item["address"] for item in node["status"]["addresses"]] == ["127.0.0.1", *map(str, plan.addresses)]
        lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{plan.name}"
        assert wait_for(lambda lease=lease: world.rest.exists(lease), "a lease", world.plane.processes)


def test_pods_come_up_on_both_nodes_with_what_their_status_says(kubelet, pair):
    assert {item["spec"]["nodeName"] for item in pair} == {"node-1", "node-2"}
    plans = {plan.name: plan for plan in kubelet.plans}
    for item in pair:
        plan, status = plans[item["spec"]["nodeName"]], item["status"]
        in_lab = kubelet.lab.topology.pod(PodPlace("default", item["metadata"]["name"]))

        assert status["phase"] == "Running"
        assert status["hostIP"] == str(plan.addresses[0])
        assert [entry["ip"] for entry in status["hostIPs"]] == list(map(str, plan.addresses))
        assert addresses(item) == list(map(str, in_lab.addresses))
        assert status["podIP"] == addresses(item)[0]
        assert [(entry["name"], entry["ready"]) for entry in status["containerStatuses"]] == [
            ("client", True),
            ("tcp", True),
            ("udp", True),
            ("sctp", True),
        ]


@pytest.mark.parametrize(("protocol", "port"), PORTS)
@pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])
def test_a_pod_connects_to_another_one(world, pair, protocol, port, family):
    there = addresses(pair[1])[family]

    assert world.connect("pair-0", protocol, there, port) == ""
    # Nobody listens next door, so it was not anything that answered.
    assert world.connect("pair-0", protocol, there, port + 1) in {"REFUSED", "OTHER"}


@pytest.mark.parametrize("served", PORTS, ids=str)
@pytest.mark.parametrize("end", [0, 1], ids=["source", "destination"])
def test_what_a_node_drops_times_out(world, pair, drop, served, end):
    protocol, port = served
    drop(pair[end]["spec"]["nodeName"], "forward", f"meta l4proto {protocol} th dport {port}")

    for there in addresses(pair[1]):
        assert world.connect("pair-0", protocol, there, port, timeout="300ms") == "TIMEOUT"


def test_only_the_node_with_the_drop_drops(world, pair, drop):
    others = next(item["spec"]["nodeName"] for item in pair if item is not pair[1])
    drop(others, "forward", f"ip daddr {addresses(pair[0])[0]} tcp dport 80 ct state new")

    assert world.connect("pair-0", "tcp", addresses(pair[1])[0], 80) == ""
    assert world.connect("pair-1", "tcp", addresses(pair[0])[0], 80, timeout="300ms") == "TIMEOUT"


def test_other_processes_can_enter_a_node(world, kubelet, pair, drop):
    drop("node-1", "forward", "tcp dport 7777")

    said = subprocess.run(
        ["nsenter", f"--net={kubelet.namespace_path('node-1')}", "nft", "list", "ruleset"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert "7777" in said.stdout


def test_a_host_network_pod_lives_in_its_node(world, kubelet, pair, drop):
    node = pair[0]["spec"]["nodeName"]
    world.rest.apply(pod("hosted", host_servers(), hostNetwork=True, nodeName=node))
    hosted = world.wait_for_pod("hosted")
    plan = next(plan for plan in kubelet.plans if plan.name == node)
    tcp, _, udp, _, sctp = HOST_PORTS

    assert addresses(hosted) == list(map(str, plan.addresses))
    for source in ("pair-0", "pair-1"):
        for protocol, port in (("tcp", tcp), ("udp", udp), ("sctp", sctp)):
            assert world.connect(source, protocol, hosted["status"]["hostIP"], port) == ""
    assert world.connect("hosted", "tcp", addresses(pair[1])[0], 80) == ""
    # Its UDP server has the first address only, as it was told.
    assert world.connect("pair-0", "udp", addresses(hosted)[1], udp, timeout="300ms") == "REFUSED"
    drop(node, "input", f"tcp dport {tcp}")
    assert world.connect("pair-1", "tcp", hosted["status"]["hostIP"], tcp, timeout="300ms") == "TIMEOUT"
    world.delete("hosted")
    assert world.connect("pair-0", "sctp", hosted["status"]["hostIP"], sctp, timeout="300ms") == "OTHER"


@pytest.mark.parametrize("websockets", ["true", "false"])
def test_output_and_exit_code_come_back_whatever_the_client_speaks(world, pair, websockets):
    environment = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": websockets}

    good = world.execute("pair-0", "/agnhost", "--version", environment=environment)
    bad = world.execute("pair-0", "/agnhost", "no-such-command", environment=environment)

    assert (good.returncode, good.stderr) == (0, "")
    assert "version" in good.stdout
    assert bad.returncode == 1
    assert "no-such-command" in bad.stderr


def test_nothing_but_agnhost_is_executed(world, pair, tmp_path):
    touched = tmp_path / "touched"

    done = world.execute("pair-0", "/bin/touch", str(touched))

    assert done.returncode != 0
    assert "only agnhost" in done.stderr
    assert not touched.exists()


def test_deletion_takes_processes_namespaces_and_addresses_away(world, kubelet, pair):
    before = namespaces(), set(kubelet.pids())
    world.rest.apply(pod("brief", servers()))
    brief = world.wait_for_pod("brief")
    during = namespaces(), set(kubelet.pids())
    assert len(during[0] - before[0]) == 1
    # What sleeps is no process, and SCTP is served by the lab where the kernel has none.
    assert len(during[1] - before[1]) in {2, 3}

    world.delete("brief")

    assert set(kubelet.pids()) == before[1]
    assert not [pid for pid in during[1] - before[1] if Path(f"/proc/{pid}").exists()]
    wait_for(lambda: namespaces() <= before[0], "its namespace to be gone", world.plane.processes)
    assert world.connect("pair-0", "tcp", addresses(brief)[0], 80, timeout="300ms") != ""


def test_a_pod_deleted_by_force_makes_way_for_the_next_of_its_name(world, kubelet, pair):
    world.rest.apply(pod("again", servers()))
    first = world.wait_for_pod("again")
    world.rest.delete(f"{PODS}/again", gracePeriodSeconds=0)
    world.rest.create(pod("again", servers()))

    second = wait_for(
        lambda: (new := world.wait_for_pod("again"))["metadata"]["uid"] != first["metadata"]["uid"] and new, "it"
    )

    assert world.connect("pair-0", "tcp", addresses(second)[0], 80) == ""
    world.delete("again")


def test_what_cannot_be_run_says_why_and_leaves_with_its_pod(world, kubelet):
    world.rest.apply(pod("strange", [container("client"), container("shell", "echo $HOME; rm -r /")]))

    def problem():
        statuses = world.pods()["strange"].get("status", {}).get("containerStatuses", ())
        return next((item["state"]["waiting"]["message"] for item in statuses if "waiting" in item["state"]), "")

    assert "only a plain command" in wait_for(problem, "the reason")
    world.delete("strange")


def test_a_container_that_ends_is_started_again_unless_it_should_not(world, kubelet):
    ends = container("client", "/agnhost no-such-command")
    world.rest.apply(pod("restarted", [ends]), pod("ended", [ends], restartPolicy="Never"))

    wait_for(
        lambda: world.pods()["restarted"].get("status", {}).get("containerStatuses", [{}])[0].get("restartCount", 0),
        "a restart",
    )
    wait_for(lambda: world.pods()["ended"]["status"].get("phase") == "Failed", "its end")

    ended = world.pods()["ended"]["status"]["containerStatuses"][0]
    assert ended["state"]["terminated"]["exitCode"] == 1
    wait_for(lambda: PodPlace("default", "ended") not in kubelet.lab.topology.hosts(), "its namespace to be gone")
    world.delete("restarted", "ended")


def test_an_api_server_that_comes_back_without_a_past_changes_nothing(world, kubelet, pair):
    before = world.wait_for_set("pair")
    world.rest.apply(pod("leaving", servers()))
    world.wait_for_pod("leaving")
    world.rest.delete(f"{PODS}/leaving")
    world.plane.kill_apiserver()
    world.plane.compact_etcd()
    world.plane.start_apiserver()

    world.wait_until_gone("leaving")
    world.rest.apply(pod("arriving", servers()))
    arriving = world.wait_for_pod("arriving")

    assert [item["metadata"]["uid"] for item in world.wait_for_set("pair")] == [
        item["metadata"]["uid"] for item in before
    ]
    assert world.connect("pair-0", "tcp", addresses(arriving)[0], 80) == ""
    world.delete("arriving")


def test_an_exec_is_held_until_it_may_go_on(world, make_more):
    held: list[str] = []

    def hold(question):
        held.append(" ".join(question.command))
        if "refused" in question.command:
            raise KubeletError("the engine has given up")

    with make_more(nodes=("held",), longest_connect="200ms", hold=hold, families=(6, 4)) as other:
        world.rest.apply(pod("held", servers(), nodeName="held"))
        item = world.wait_for_pod("held")

        assert ":" in item["status"]["podIP"]
        assert world.execute("held", "/agnhost", "--version").returncode == 0
        assert "the engine has given up" in world.execute("held", "/agnhost", "refused").stderr
        assert held == ["/agnhost --version", "/agnhost refused"]
        # Nothing is there, and nobody says so: the route ends at a node that drops it.
        with other.dataplane("held") as dataplane:
            dataplane.run_script(f"{TABLE} {{ chain c {{ type filter hook forward priority 0; policy drop; }}; }}\n")
            for protocol in ("tcp", "udp", "sctp"):
                assert world.connect("held", protocol, "192.0.2.1", 80, timeout="100000s") == "TIMEOUT"
        assert len(other.settings.caveats) == 2
        world.delete("held")


def test_another_kubelet_takes_over_pods_with_their_addresses(world, make_more):
    with make_more(nodes=("first", "second")):
        for name, node in (("old-1", "second"), ("old-2", "second")):
            world.rest.apply(pod(name, servers(), nodeName=node))
        before = {name: world.wait_for_pod(name) for name in ("old-1", "old-2")}
        world.delete("old-1")
    # Nobody is there to run this one, nor to say that the other one has stopped.
    world.rest.apply(pod("new", servers(), nodeName="second"))

    with make_more(nodes=("first", "second")) as successor:
        world.wait_for_pod("new")
        wait_for(lambda: restarts(world.pods()["old-2"]) == [1, 1, 1, 1], "the pod to be started anew")
        after = world.wait_for_pod("old-2")

        assert addresses(after) == addresses(before["old-2"])
        assert successor.lab.topology.pod(PodPlace("default", "old-2"))
        assert world.connect("new", "tcp", addresses(after)[0], 80) == ""
        world.delete("old-2", "new")


def test_a_node_that_is_ready_loses_the_taint_that_says_otherwise_and_no_other(world, make_more):
    taints = [{"key": key, "effect": "NoSchedule"} for key in ("node.kubernetes.io/not-ready", "example.org/own")]
    metadata = {"name": "tainted"}
    world.rest.create({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints}})

    with make_more(nodes=(), hollow=("tainted",)):
        assert [taint["key"] for taint in _nodes(world)["tainted"]["spec"]["taints"]] == ["example.org/own"]


def test_hollow_nodes_make_pods_ready_that_run_nothing(world, make_more):
    with make_more(nodes=(), hollow=("hollow-1", "hollow-2")) as kubelet:
        template = stateful_set("many", servers(), nodeSelector={"hollow": "true"})
        template["spec"] |= {"replicas": 50, "podManagementPolicy": "Parallel"}
        for name in ("hollow-1", "hollow-2"):
            world.rest.merge(f"{NODES}/{name}", {"metadata": {"labels": {"hollow": "true"}}})
        world.rest.apply(template)
        path = "/apis/apps/v1/namespaces/default/statefulsets/many"
        wait_for(lambda: world.rest.get(path).get("status", {}).get("readyReplicas") == 50, "50 pods")

        found = [item for name, item in world.pods().items() if name.startswith("many-")]
        assert len({address for item in found for address in addresses(item)}) == 100
        assert kubelet.pids() == []
        world.rest.delete(path)
        world.wait_until_gone(*(item["metadata"]["name"] for item in found))


def restarts(item) -> list[int]:
    return [entry["restartCount"] for entry in item["status"].get("containerStatuses", ())]


def namespaces() -> set[int]:
    """The network namespaces that this process holds."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        # The one that lists the folder has gone by then.
        with contextlib.suppress(FileNotFoundError):
            if str(path.readlink()).startswith("net:"):
                found.add(path.stat().st_ino)
    return found
