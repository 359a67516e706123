"""An agent as it runs on a node: a process with few rights, a real API server, and a kernel's network namespace."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from anp.lab.namespace import Namespace
from anp.transport import Limits
from compiler.compilation import compile_cluster
from compiler.writing import generation_of
from enforcer.kernel import KernelDataplane
from tests.builders import admin, cluster, deny, leave, pods
from tests.cli.calling import COMMAND, call, environment, running
from tests.controlplane.process import wait_for
from tests.proxy import Proxy
from tests.publishing import MANIFEST, NODE, SLICES, RestPublisher, enforcement_document, enforcement_of, state

pytestmark = [pytest.mark.controlplane, pytest.mark.kernel]

CRDS = Path(__file__).parents[2] / "crds" / "engine"
AGENTS = "agents"


class Node:
    """A network namespace with an agent that enforces in it, and how both are doing."""

    def __init__(self, kubeconfig, folder):
        self.namespace = Namespace()
        self.kernel = KernelDataplane(self.namespace.fd)
        self.state_dir = folder / "state"
        self.log = folder / "agent.log"
        self.options = {"node": NODE, "kubeconfig": kubeconfig, "state-dir": self.state_dir}
        self.process = None

    def start(self):
        options = {**self.options, "netns": f"/proc/{os.getpid()}/fd/{self.namespace.fd}"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "agent", "--log-format=json", *(f"--{name}={value}" for name, value in options.items())],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self):
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def reboot(self):
        """Let go of all that the kernel has."""
        self.kill()
        self.kernel.close()
        self.namespace.close()
        self.namespace = Namespace()
        self.kernel = KernelDataplane(self.namespace.fd)

    def close(self):
        self.kill()
        self.kernel.close()
        self.namespace.close()

    def said(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def await_ruleset(self, wanted):
        self.await_true(lambda: self.kernel.read() == wanted, "the kernel to hold the generation")

    def await_true(self, question, what):
        def ask():
            assert self.process.poll() is None, self.log.read_text()
            return question()

        try:
            return wait_for(ask, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log.read_text()}") from None


def rights():
    """All that an agent may do."""
    group = "engine.anp.internal"
    rules = [
        {"apiGroups": [group], "resources": ["policygenerations"], "verbs": ["list", "watch"]},
        {"apiGroups": [group], "resources": ["generationslices"], "verbs": ["get"]},
        {"apiGroups": [group], "resources": ["nodeenforcements/status"], "verbs": ["patch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    yield {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": AGENTS}, "rules": rules}
    yield {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": AGENTS},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": AGENTS},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": AGENTS}],
    }


def equip(plane):
    """Make a control plane one with our kinds, and with what agents may do."""
    plane.apply([yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))])
    plane.apply([*rights(), enforcement_document(NODE)])


@pytest.fixture(scope="module")
def shared_plane(shared_control_plane):
    equip(shared_control_plane)
    return shared_control_plane


@pytest.fixture
def shared_rest(shared_plane):
    rest = shared_plane.rest()
    yield rest
    for path in (MANIFEST, SLICES):
        if rest.exists(path):
            rest.delete(path)
    rest.close()


@contextmanager
def node_of(plane, folder):
    node = Node(plane.kubeconfig(f"agent-{NODE}", [AGENTS]), folder)
    try:
        yield node
    finally:
        node.close()


@pytest.fixture
def node(shared_plane, tmp_path):
    with node_of(shared_plane, tmp_path) as found:
        yield found


@pytest.fixture
def network():
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def proxy(shared_plane):
    found = Proxy(int(shared_plane.url.rpartition(":")[2]))
    yield found
    found.close()


@pytest.fixture
def distant(shared_plane, proxy, tmp_path):
    """A node that reaches the API server through the proxy only."""
    with node_of(shared_plane, tmp_path) as found:
        config = yaml.safe_load(found.options["kubeconfig"].read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        found.options["kubeconfig"] = tmp_path / "kubeconfig"
        found.options["kubeconfig"].write_text(yaml.safe_dump(config))
        yield found


def reported(rest):
    return rest.get(enforcement_of(NODE)).get("status", {})


def await_report(node, rest, number, error=""):
    def told():
        status = reported(rest)
        return status.get("generation") == number and error in status["error"] and bool(status["error"]) == bool(error)

    node.await_true(told, f"the report of generation {number} with error {error!r}")
    return reported(rest)


def test_an_agent_brings_into_force_what_is_published_and_says_so(shared_rest, node):
    publisher = RestPublisher(shared_rest)
    node.start()
    first, second = state(0), state(1)

    number = publisher.publish(first.generation)
    node.await_ruleset(first.ruleset)
    status = await_report(node, shared_rest, number)
    assert status["sizes"]["chains"] == len(first.ruleset.chains)
    assert status["manifest"] == shared_rest.get(MANIFEST)["metadata"]["uid"]

    number = publisher.publish(second.generation)
    node.await_ruleset(second.ruleset)
    await_report(node, shared_rest, number)

    assert node.stop() == 0
    assert node.kernel.read() == second.ruleset


def test_of_generations_that_come_fast_the_last_is_in_force(shared_rest, node):
    publisher = RestPublisher(shared_rest, Limits(changes=4))
    node.start()
    states = [state(step) for step in range(40)]

    for each in states:
        number = publisher.publish(each.generation)

    node.await_ruleset(states[-1].ruleset)
    await_report(node, shared_rest, number)


def test_who_comes_late_gets_all_slices_and_who_comes_back_goes_on(shared_rest, node):
    publisher = RestPublisher(shared_rest, Limits(changes=4))
    for step in range(10):
        publisher.publish(state(step, more=700).generation)
    node.start()
    node.await_ruleset(state(9, more=700).ruleset)
    assert node.stop() == 0
    # Slices of the past are gone by the time.
    for step in range(10, 20):
        wanted = state(step, more=700)
        number = publisher.publish(wanted.generation, datetime.now(UTC) + timedelta(minutes=2 * step))

    node.start()

    node.await_ruleset(wanted.ruleset)
    await_report(node, shared_rest, number)


@pytest.mark.parametrize("trouble", ["cut", "refuse"])
def test_a_connection_that_is_cut_is_made_again(shared_rest, distant, proxy, trouble):
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    distant.start()
    distant.await_ruleset(state(0).ruleset)

    getattr(proxy, trouble)()
    publisher.publish(state(1).generation)
    proxy.relent()

    distant.await_ruleset(state(1).ruleset)


def test_an_api_server_that_is_killed_and_has_forgotten_the_past_changes_nothing(
    shared_plane, shared_rest, distant, proxy
):
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    distant.start()
    distant.await_ruleset(state(0).ruleset)

    proxy.refuse()
    for step in range(1, 5):
        publisher.publish(state(step).generation)
    shared_plane.kill_apiserver()
    shared_plane.compact_etcd()
    assert distant.kernel.read() == state(0).ruleset
    shared_plane.start_apiserver()
    proxy.relent()

    distant.await_ruleset(state(4).ruleset)
    publisher.publish(state(5).generation)
    distant.await_ruleset(state(5).ruleset)


def test_after_a_reboot_the_last_good_generation_is_in_force_without_an_api_server(shared_rest, distant, proxy):
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    distant.start()
    distant.await_ruleset(state(0).ruleset)
    assert distant.stop() == 0
    proxy.refuse()
    distant.reboot()
    assert distant.kernel.read().empty

    distant.start()

    distant.await_ruleset(state(0).ruleset)
    publisher.publish(state(1).generation)
    proxy.relent()
    distant.await_ruleset(state(1).ruleset)


def test_a_damaged_disk_is_told_and_does_no_harm(shared_rest, distant, proxy):
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    distant.start()
    distant.await_ruleset(state(0).ruleset)
    assert distant.stop() == 0
    kept = distant.state_dir / "generation"
    kept.write_bytes(kept.read_bytes()[:-1])
    proxy.refuse()
    distant.reboot()

    distant.start()

    distant.await_true(lambda: "damaged" in distant.log.read_text(), "the damage to be told")
    assert distant.kernel.read().empty
    proxy.relent()
    distant.await_ruleset(state(0).ruleset)


def test_what_others_do_to_our_table_is_undone(shared_rest, node):
    RestPublisher(shared_rest).publish(state(0).generation)
    node.start()
    node.await_ruleset(state(0).ruleset)

    for change in ("delete table inet anp", "flush chain inet anp forward", "add rule inet anp forward accept"):
        node.kernel.run_script(change)
        node.await_ruleset(state(0).ruleset)

    node.await_true(lambda: sum("somebody else" in each["message"] for each in node.said()) == 3, "it to be told")


def test_a_manifest_that_is_made_anew_counts_anew(shared_rest, node):
    publisher = RestPublisher(shared_rest)
    for step in range(5):
        publisher.publish(state(step).generation)
    node.start()
    node.await_ruleset(state(4).ruleset)

    shared_rest.delete(MANIFEST)
    await_report(node, shared_rest, 5, error="gone")
    assert node.kernel.read() == state(4).ruleset
    shared_rest.delete(SLICES)

    assert RestPublisher(shared_rest).publish(state(6).generation) == 1
    node.await_ruleset(state(6).ruleset)
    await_report(node, shared_rest, 1)


def test_a_manifest_that_somebody_tampered_with_is_refused_and_told(shared_rest, node):
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    node.start()
    node.await_ruleset(state(0).ruleset)
    spec = shared_rest.get(MANIFEST)["spec"]

    forged = {**spec, "number": 2, "changes": [{"number": 2, "at": spec["at"], "gone": {"members": ["pod x/a"]}}]}
    shared_rest.merge(MANIFEST, {"spec": forged})

    status = await_report(node, shared_rest, 1, error="add up")
    assert status["generation"] == 1
    assert node.kernel.read() == state(0).ruleset


def test_more_classes_than_the_mark_has_room_for_are_told(shared_rest, node):
    node.options["mark-mask"] = "0x30000"
    wide = cluster(
        admin("many", pods("x"), priority=1, ingress=[deny(pods("y/a")), leave(pods("y/b")), deny(pods("x/b"))])
    )
    RestPublisher(shared_rest).publish(generation_of(compile_cluster(wide)))

    node.start()

    await_report(node, shared_rest, None, error="classes")
    assert node.kernel.read().empty


# Commands about a cluster.

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: default}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


def status_of(plane, *more):
    return call("status", "--kubeconfig", str(plane.kubeconfig("viewer", ["viewers"])), *more)


@pytest.fixture
def viewers(shared_plane):
    """Somebody who may read, and nothing else."""
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    binding = {"apiGroup": rbac, "kind": "ClusterRole", "name": "viewers"}
    subject = {"apiGroup": rbac, "kind": "Group", "name": "viewers"}
    shared_plane.apply(
        [
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "viewers"}, "rules": rules},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "viewers"},
                "roleRef": binding,
                "subjects": [subject],
            },
        ]
    )


def test_status_is_well_when_every_node_is_and_not_when_one_is_not(shared_plane, shared_rest, viewers, node):
    before = wait_for(lambda: (it := status_of(shared_plane)).code != 3 and it, "the role to be in force")
    assert before.code == 1
    assert "no generation is published" in before.out
    publisher = RestPublisher(shared_rest)
    publisher.publish(state(0).generation)
    node.start()
    node.await_ruleset(state(0).ruleset)
    await_report(node, shared_rest, 1)

    well = status_of(shared_plane)
    assert well.code == 0, well
    assert "1 of 1 nodes are up to date, 0 policies are refused" in well.out

    node.kill()
    for step in range(3):
        publisher.publish(state(step + 1).generation, datetime.now(UTC) - timedelta(minutes=1))
    behind = status_of(shared_plane, "-o", "json")
    assert behind.code == 1
    (found,) = json.loads(behind.out)["nodes"]
    assert found["lag"] == 3
    assert found["trouble"] == "3 generations behind"


def test_one_process_follows_a_cluster_and_enforces(shared_plane, shared_rest, network):
    pod_ = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"nodeName": NODE, "containers": [{"name": "c", "image": "i"}]},
    }
    shared_plane.apply([pod_, yaml.safe_load(POLICY)])
    address = {"podIP": "10.9.9.9", "podIPs": [{"ip": "10.9.9.9"}], "phase": "Running"}
    shared_rest.merge("/api/v1/namespaces/default/pods/web/status", {"status": address})
    netns = f"/proc/{os.getpid()}/fd/{network.fd}"
    arguments = ("run", "--kubeconfig", str(shared_plane.kubeconfig()), "--node", NODE, "--netns", netns, "-o", "json")

    with running(*arguments) as process, KernelDataplane(network.fd) as kernel:
        first = json.loads(process.stdout.readline())
        assert first["inForce"]
        assert first["error"] is None
        installed = kernel.read()
        assert set(installed.maps["subject-4"].elements) == {int(ip_address("10.9.9.9"))}

        kernel.run_script("delete table inet anp")
        again = json.loads(process.stdout.readline())
        assert again["drifted"]
        assert kernel.read() == installed

        shared_rest.delete("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/closed")
        assert json.loads(process.stdout.readline())["generation"] == 3
        assert kernel.read().empty
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
