"""The engine as deploy/ installs it: it uses the rights that it has, needs no others, and judges packets."""

import json
import subprocess
import threading

import pytest
import yaml

from tests.controlplane.process import wait_for
from tests.kubelet.streams import Question
from tests.kubelet.world import PODS, addresses, container, pod
from tests.upstream.engine import AGENT, CONTROLLER, MANIFEST, NAMESPACE, NODES, REPORTS, Engine, kustomized
from tests.upstream.run import refused
from tests.upstream.settled import generation_of

pytestmark = [pytest.mark.kernel, pytest.mark.controlplane, pytest.mark.usefixtures("streams")]

POLICIES = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
# What happens so seldom that it does not here: cleaning up a minute later, and looking up what no watch tells of.
SELDOM = {
    (CONTROLLER, "delete", "generationslices.engine.anp.internal"),
    *(
        (CONTROLLER, "get", resource)
        for resource in (
            "customresourcedefinitions.apiextensions.k8s.io",
            "namespaces.",
            "networkpolicies.networking.k8s.io",
            "nodeenforcements.engine.anp.internal",
            "nodes.",
            "pods.",
        )
    ),
}


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """Where the API server writes down what our accounts ask for."""
    folder = tmp_path_factory.mktemp("audit")
    accounts = [f"system:serviceaccount:{NAMESPACE}:{name}" for name in (CONTROLLER, AGENT)]
    rules = [{"level": "Metadata", "users": accounts, "omitStages": ["RequestReceived"]}, {"level": "None"}]
    (folder / "policy.yaml").write_text(
        yaml.safe_dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules})
    )
    return folder


@pytest.fixture(scope="module")
def engine(audit, control_plane_programs, tmp_path_factory):
    options = {"audit-policy-file": str(audit / "policy.yaml"), "audit-log-path": str(audit / "log")}
    folder = tmp_path_factory.mktemp("engine") / "cluster"
    with Engine(folder, control_plane_programs, hold=True, options=options) as engine:
        yield engine


def policy(kind="ClusterNetworkPolicy", version="v1alpha2", name="closed", **spec):
    spec = {"priority": 10, "subject": {"namespaces": {"matchLabels": {"closed": "yes"}}}, **spec}
    metadata = {"name": name}
    return {"apiVersion": f"policy.networking.k8s.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


EVERYBODY = {"namespaces": {}}
CLOSED = policy(tier="Admin", ingress=[{"action": "Deny", "from": [EVERYBODY]}])
# Named ports that nobody has: it fails closed, which is told as an Event.
OLDER = policy(
    "AdminNetworkPolicy",
    "v1alpha1",
    ingress=[{"action": "Deny", "from": [EVERYBODY], "ports": [{"namedPort": "nobody"}]}],
)
BASELINE = policy(
    "BaselineAdminNetworkPolicy", "v1alpha1", "default", ingress=[{"action": "Deny", "from": [EVERYBODY]}]
)
del BASELINE["spec"]["priority"]


def programmed(engine, path):
    conditions = (engine.rest.get(path).get("status") or {}).get("conditions") or ()
    return {"Accepted": "True", "Programmed": "True"}.items() <= {c["type"]: c["status"] for c in conditions}.items()


ASKING = {"near": NODES[0], "far": NODES[1]}
"""Who asks a pod on the first node: what is near crosses that node only."""


def connects(engine, target):
    return {name: connection(engine, name, target) for name in ASKING}


def connection(engine, name, target):
    done = subprocess.run(
        [
            engine.kubectl,
            f"--kubeconfig={engine.plane.kubeconfig()}",
            *("exec", name, "--container=client", "--", "/agnhost", "connect", "--timeout=2s", f"{target}:80"),
        ],
        env={"HOME": str(engine.plane.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stderr.split()[0]


@pytest.fixture(scope="module")
def played(engine):
    """A pod that answers, two that ask, policies that come, and a node that goes: what became of connections."""
    rest = engine.rest
    answers = pod("answers", [container("tcp", "/agnhost serve-hostname --tcp --http=false --port 80")])
    asking = [(pod(name, [container("client")]), node) for name, node in ASKING.items()]
    for each, node in ((answers, NODES[0]), *asking):
        each["spec"]["nodeName"] = node
        rest.create(each)
    wait_for(lambda: all(ready(each) for each in rest.get(PODS)["items"]), "pods to be ready")
    target = addresses(rest.get(f"{PODS}/answers"))[0]
    seen = [connects(engine, target)]
    rest.merge("/api/v1/namespaces/default", {"metadata": {"labels": {"closed": "yes"}}})
    for each in (CLOSED, OLDER, BASELINE):
        rest.create(each)
    seen.append(connects(engine, target))
    for path in (
        f"{POLICIES}/closed",
        "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies/closed",
        "/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies/default",
    ):
        wait_for(lambda path=path: programmed(engine, path), f"{path} to be in force")
    rest.delete(f"{POLICIES}/closed")
    rest.delete("/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies/default")
    seen.append(connects(engine, target))
    rest.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "passing"}})
    wait_for(lambda: rest.exists(f"{REPORTS}/passing"), "a report for a new node")
    rest.delete("/api/v1/nodes/passing")
    wait_for(lambda: not rest.exists(f"{REPORTS}/passing"), "the report to go with its node")
    events = "/apis/events.k8s.io/v1/namespaces/default/events"
    wait_for(
        lambda: any(e.get("reportingController") == "anp.internal/controller" for e in rest.get(events)["items"]),
        "an Event about what is not as meant",
    )
    return seen


def ready(each):
    conditions = {c["type"]: c["status"] for c in each.get("status", {}).get("conditions", ())}
    return conditions.get("Ready") == "True"


def test_packets_go_where_policies_let_them(played):
    assert played == [dict.fromkeys(ASKING, said) for said in ("", "TIMEOUT", "")]


def test_a_probe_is_held_until_every_agent_has_caught_up(engine, played):
    late = policy(name="late", tier="Admin", ingress=[{"action": "Accept", "from": [EVERYBODY]}])
    before = engine.rest.get(MANIFEST)["spec"]["number"]
    held = threading.Thread(target=engine.catching_up.wait, args=(Question("", "", "", "", ()),))
    engine.agents[NODES[0]].pause()
    try:
        engine.rest.create(late)
        wait_for(lambda: engine.rest.get(MANIFEST)["spec"]["number"] > before, "the change to be published")
        wait_for(lambda: in_force(engine, NODES[1]) > before, "the other agent to catch up")
        looks = engine.catching_up.looks
        held.start()
        wait_for(lambda: engine.catching_up.looks > looks or not held.is_alive(), "somebody to look, or not to wait")
        waiting = held.is_alive()
    finally:
        engine.agents[NODES[0]].resume()
    held.join(60)

    assert waiting
    assert not held.is_alive()
    assert metric(engine, NODES[0]) > before


def in_force(engine, node):
    return engine.rest.get(f"{REPORTS}/{node}")["status"]["generation"]


def metric(engine, node):
    return generation_of(engine.agents[node].address)


def test_nothing_is_forbidden(engine, played):
    assert refused(engine) == []


def test_every_right_is_used(engine, played, audit):
    used = set()
    for line in (audit / "log").read_text().splitlines():
        event = json.loads(line)
        account = event["user"]["username"].rpartition(":")[2]
        about = event.get("objectRef") or {}
        resource = f"{about.get('resource')}.{about.get('apiGroup', '')}"
        used.add((account, event["verb"], resource + (f"/{about['subresource']}" if "subresource" in about else "")))
    granted = {
        (role["metadata"]["name"], verb, f"{name}.{rule['apiGroups'][0]}{slash}{part}")
        for role in kustomized(engine.kubectl, "deploy")
        if role["kind"] in {"Role", "ClusterRole"}
        for rule in role["rules"]
        for name, slash, part in (resource.partition("/") for resource in rule["resources"])
        for verb in rule["verbs"]
    }

    assert granted - used <= SELDOM
    assert granted >= SELDOM


def test_the_reports_are_of_the_nodes(engine, played):
    reports = {each["metadata"]["name"]: each["status"] for each in engine.rest.get(REPORTS)["items"]}

    assert reports.keys() == set(NODES)
    assert not any(each.get("error") for each in reports.values())
