"""What deploy/ installs: a real API server takes all of it, and gives exactly the rights that are needed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import anp
from anp.admission.known import JUDGED
from anp.admission.server import PATH
from tests.controlplane.process import wait_for
from tests.controlplane.rest import RefusedError, Rest

pytestmark = pytest.mark.controlplane

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "deploy",
    "deploy/admission",
    "deploy/policy-crds",
    "deploy/uninstall",
    "crds/experimental",
    "crds/standard",
    "crds/engine",
)
NAMESPACE, CONTROLLER, AGENT, ADMISSION = "anp-system", "anp-controller", "anp-agent", "anp-admission"
CONFIGURATIONS = "validatingwebhookconfigurations"
ENGINE, POLICY = "engine.anp.internal", "policy.networking.k8s.io"
REGISTRATION = "admissionregistration.k8s.io"
REPORTS = f"/apis/{ENGINE}/v1alpha1/nodeenforcements"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = frozenset({"get", "list", "watch"})

CONTROLLER_MAY = {
    "namespaces": READ,
    "nodes": READ,
    "pods": READ,
    "networkpolicies.networking.k8s.io": READ,
    f"adminnetworkpolicies.{POLICY}": READ,
    f"baselineadminnetworkpolicies.{POLICY}": READ,
    f"clusternetworkpolicies.{POLICY}": READ,
    f"adminnetworkpolicies.{POLICY}/status": {"patch"},
    f"baselineadminnetworkpolicies.{POLICY}/status": {"patch"},
    f"clusternetworkpolicies.{POLICY}/status": {"patch"},
    "customresourcedefinitions.apiextensions.k8s.io": READ,
    "events.events.k8s.io": {"create"},
    "leases.coordination.k8s.io": {"create"},
    f"generationslices.{ENGINE}": {"list", "create", "delete"},
    f"nodeenforcements.{ENGINE}": READ | {"create", "delete"},
    f"policygenerations.{ENGINE}": {"create"},
}
ADMISSION_MAY = {
    "namespaces": READ,
    "nodes": READ,
    "pods": READ,
    "networkpolicies.networking.k8s.io": READ,
    f"adminnetworkpolicies.{POLICY}": READ,
    f"baselineadminnetworkpolicies.{POLICY}": READ,
    f"clusternetworkpolicies.{POLICY}": READ,
    "customresourcedefinitions.apiextensions.k8s.io": READ,
}
# Besides, each of these is for one name only: see the questions with names below.
AGENT_MAY = {f"generationslices.{ENGINE}": {"get"}, f"nodeenforcements.{ENGINE}/status": {"patch"}}


def kustomize(programs, folder):
    done = subprocess.run(
        [programs / "kubectl", "kustomize", ROOT / folder],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
    )
    return list(yaml.safe_load_all(done.stdout))


def specs(programs):
    """Every pod that we install, by the name of its workload."""
    documents = [document for folder in FOLDERS for document in kustomize(programs, folder)]
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in {"Deployment", "DaemonSet"}
    }


def containers(spec):
    return [*spec.get("initContainers", ()), *spec["containers"]]


# Files.


def test_the_image_has_our_version_everywhere(control_plane_programs):
    images = {c["image"] for spec in specs(control_plane_programs).values() for c in containers(spec)}

    assert images == {f"anp:{anp.__version__}"}


def test_every_container_has_no_more_than_it_needs(control_plane_programs):
    capabilities = {}
    for name, spec in specs(control_plane_programs).items():
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(spec):
            context = spec["securityContext"] | container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"]["drop"] == ["ALL"]
            assert "memory" in container["resources"]["limits"]
            root = context.get("runAsUser") == 0
            assert root or (context["runAsNonRoot"] and context["runAsUser"] > 0)
            capabilities[f"{name}/{container['name']}"] = root, context["capabilities"].get("add", [])

    assert capabilities == {
        "anp-agent/agent": (True, ["NET_ADMIN"]),
        "anp-admission/admission": (False, []),
        "anp-controller/controller": (False, []),
        "anp-uninstall/rules": (True, ["NET_ADMIN"]),
        "anp-uninstall/state": (True, []),
        "anp-uninstall/done": (False, []),
    }


def test_what_runs_for_long_is_probed_and_survives_what_nodes_go_through(control_plane_programs):
    found = specs(control_plane_programs)
    for name in (CONTROLLER, AGENT):
        (container,) = found[name]["containers"]
        for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"host": "127.0.0.1", "path": path, "port": "metrics"}
        (port,) = [each["containerPort"] for each in container["ports"] if each["name"] == "metrics"]
        assert f"--metrics-address=127.0.0.1:{port}" in container["args"]

    # Its kubelet asks this one at the pod's own address.
    (container,) = found[ADMISSION]["containers"]
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert {f"--metrics-address=:{ports['metrics']}", f"--listen=:{ports['webhook']}"} <= set(container["args"])

    assert {"operator": "Exists"} in found[AGENT]["tolerations"]
    assert {found[name]["priorityClassName"] for name in found} == {"system-cluster-critical", "system-node-critical"}


def test_options_are_those_of_the_commands(control_plane_programs):
    for name, spec in specs(control_plane_programs).items():
        for container in containers(spec):
            if "command" in container:
                continue
            command, *options = container["args"]
            script = Path(sys.executable).parent / "anp"
            said = subprocess.run([script, command, "--help"], capture_output=True, check=True, text=True).stdout
            assert all(option.partition("=")[0] in said for option in options), f"{name}: {options}"


def test_the_image_is_made_of_what_is_there():
    lines = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]

    assert all((ROOT / name).exists() and f"!{name}" in ignored for name in copied)
    final = lines[[i for i, line in enumerate(lines) if line.startswith("FROM ")][-1] :]
    assert [line for line in final if line.startswith("USER ")] == ["USER 65532:65532"]
    assert not any(word in line for line in final for word in ("pip ", "python3-venv", "gcc", "build-essential"))


# What the API server says.


@pytest.fixture(scope="module")
def plane(make_shared_control_plane, control_plane_programs):
    plane = make_shared_control_plane()
    # As people do it; field names that nobody knows are refused.
    for folder in ("deploy/policy-crds", "deploy", "deploy/admission", "deploy/uninstall"):
        kubectl(plane, control_plane_programs, "apply", "--server-side", "--validate=strict", "-k", ROOT / folder)
    return plane


def kubectl(plane, programs, *arguments):
    done = subprocess.run(
        [programs / "kubectl", f"--kubeconfig={plane.kubeconfig()}", *arguments],
        env={"HOME": str(plane.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def admin(plane):
    rest = plane.rest()
    yield rest
    rest.close()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_server_takes_it_all_again(plane, control_plane_programs, folder):
    said = kubectl(plane, control_plane_programs, "apply", "--dry-run=server", "--validate=strict", "-k", ROOT / folder)

    assert len(said.splitlines()) == len(kustomize(control_plane_programs, folder))


def test_the_kinds_of_another_channel_can_follow(plane, control_plane_programs):
    kubectl(
        plane, control_plane_programs, "apply", "--server-side", "--dry-run=server", "-k", ROOT / "crds/experimental"
    )


def resources(admin):
    """Name every resource that the server has, and its subresources."""
    paths = [("", "/api/v1")]
    for group in admin.get("/apis")["groups"]:
        paths += [(group["name"], f"/apis/{version['groupVersion']}") for version in group["versions"]]
    found = {(group, resource["name"]) for group, path in paths for resource in admin.get(path)["resources"]}
    return [(group, *name.partition("/")[::2]) for group, name in sorted(found)]


def may(admin, account, verb, group, resource, **more):
    """Ask whether an account may do something, with more attributes such as its name."""
    attributes = {"verb": verb, "group": group, "resource": resource, **more}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{NAMESPACE}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"],
            "resourceAttributes": attributes,
        },
    }
    answer = admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return answer["status"]["allowed"]


@pytest.mark.parametrize(
    ("account", "expected"), [(CONTROLLER, CONTROLLER_MAY), (AGENT, AGENT_MAY), (ADMISSION, ADMISSION_MAY)]
)
def test_an_account_may_do_this_and_nothing_else(plane, admin, account, expected):
    allowed = {}
    for group, resource, subresource in resources(admin):
        # What everybody may: ask who one is, and what one may.
        if resource.startswith("self"):
            continue
        name = f"{resource}.{group}" if group else resource
        name += f"/{subresource}" if subresource else ""
        where = {"subresource": subresource, "namespace": NAMESPACE}
        found = {verb for verb in VERBS if may(admin, account, verb, group, resource, **where)}
        if found:
            allowed[name] = found

    assert allowed == expected


@pytest.mark.parametrize(
    ("account", "verb", "group", "resource", "name", "namespace", "allowed"),
    [
        (CONTROLLER, "update", "coordination.k8s.io", "leases", "anp-controller", NAMESPACE, True),
        (CONTROLLER, "get", "coordination.k8s.io", "leases", "anp-controller", NAMESPACE, True),
        (CONTROLLER, "update", "coordination.k8s.io", "leases", "other", NAMESPACE, False),
        (CONTROLLER, "update", "coordination.k8s.io", "leases", "anp-controller", "kube-system", False),
        (CONTROLLER, "create", "coordination.k8s.io", "leases", "", "kube-system", False),
        (CONTROLLER, "patch", ENGINE, "policygenerations", "current", "", True),
        (CONTROLLER, "delete", ENGINE, "policygenerations", "current", "", False),
        (CONTROLLER, "get", "", "secrets", "", NAMESPACE, False),
        (CONTROLLER, "get", "", "configmaps", "", "kube-system", False),
        (CONTROLLER, "impersonate", "", "users", "", "", False),
        (CONTROLLER, "escalate", "rbac.authorization.k8s.io", "clusterroles", "", "", False),
        (CONTROLLER, "bind", "rbac.authorization.k8s.io", "clusterroles", "", "", False),
        (ADMISSION, "get", REGISTRATION, CONFIGURATIONS, ADMISSION, "", True),
        (ADMISSION, "patch", REGISTRATION, CONFIGURATIONS, ADMISSION, "", True),
        (ADMISSION, "update", REGISTRATION, CONFIGURATIONS, ADMISSION, "", False),
        (ADMISSION, "delete", REGISTRATION, CONFIGURATIONS, ADMISSION, "", False),
        (ADMISSION, "patch", REGISTRATION, CONFIGURATIONS, "other", "", False),
        (ADMISSION, "get", "", "secrets", "", NAMESPACE, False),
        (ADMISSION, "get", ENGINE, "nodeenforcements", "node-1", "", False),
        (ADMISSION, "patch", POLICY, "clusternetworkpolicies/status", "", "", False),
        (AGENT, "watch", ENGINE, "policygenerations", "current", "", True),
        (AGENT, "list", ENGINE, "policygenerations", "current", "", True),
        (AGENT, "watch", ENGINE, "policygenerations", "other", "", False),
        (AGENT, "patch", ENGINE, "policygenerations", "current", "", False),
        (AGENT, "get", ENGINE, "nodeenforcements", "node-1", "", False),
        (AGENT, "get", "", "secrets", "", NAMESPACE, False),
        (AGENT, "get", "", "pods", "", NAMESPACE, False),
    ],
)
def test_names_and_special_verbs(plane, admin, account, verb, group, resource, name, namespace, allowed):  # noqa: PLR0917
    assert may(admin, account, verb, group, resource, name=name, namespace=namespace) == allowed


def test_the_webhook_is_asked_about_policies_only_and_never_in_anybodys_way(control_plane_programs):
    documents = {each["kind"]: each for each in kustomize(control_plane_programs, "deploy/admission")}
    (webhook,) = documents["ValidatingWebhookConfiguration"]["webhooks"]
    asked = {(*rule["apiGroups"], resource) for rule in webhook["rules"] for resource in rule["resources"]}

    assert asked == {(each.group, each.plural) for each in JUDGED}
    assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in webhook["rules"])
    assert {version for rule in webhook["rules"] for version in rule["apiVersions"]} == {e.version for e in JUDGED}
    assert (webhook["failurePolicy"], webhook["sideEffects"], webhook["timeoutSeconds"]) == ("Ignore", "None", 3)
    service = documents["Service"]
    assert webhook["clientConfig"]["service"] == {
        "name": service["metadata"]["name"],
        "namespace": service["metadata"]["namespace"],
        "port": service["spec"]["ports"][0]["port"],
        "path": PATH,
    }
    assert service["spec"]["selector"] == documents["Deployment"]["spec"]["selector"]["matchLabels"]


# An agent and the other nodes.


@pytest.fixture(scope="module")
def nodes(plane, admin):
    """Two nodes, with a report for each; and an agent's pod on the first."""
    for name in ("left", "right"):
        admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        admin.create({"apiVersion": f"{ENGINE}/v1alpha1", "kind": "NodeEnforcement", "metadata": {"name": name}})
    spec = {"serviceAccountName": AGENT, "nodeName": "left", "containers": [{"name": "agent", "image": "anp"}]}
    metadata = {"name": "agent-left", "namespace": NAMESPACE}
    pod = admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    agent = rest(plane, AGENT, pod)
    # A policy is in force a moment after it was made.
    wait_for(lambda: refused(agent, "right"), "the admission policy to be in force")
    yield agent
    agent.close()


def rest(plane, account, pod=None):
    return Rest(plane.service_account(NAMESPACE, account, pod))


def refused(client, node, field="error"):
    """Return why a report is refused, or nothing."""
    try:
        client.merge(f"{REPORTS}/{node}/status", {"status": {field: "something"}})
    except RefusedError as error:
        if error.code != 403:
            raise
        return str(error)
    return ""


def test_an_agent_reports_for_its_own_node_only(admin, nodes):
    assert refused(nodes, "left") == ""
    assert "its own node only, which is left" in refused(nodes, "right")
    assert admin.get(f"{REPORTS}/left")["status"] == {"error": "something"}


def test_a_token_that_knows_no_node_reports_for_none(plane, nodes):
    stray = rest(plane, AGENT)

    assert "not known" in refused(stray, "left")
    stray.close()


def test_others_are_not_concerned(plane, admin, nodes):
    # An administrator may; the controller has no such right, and it is not admission that says so.
    assert refused(admin, "right") == ""
    controller = rest(plane, CONTROLLER)
    assert "cannot patch resource" in refused(controller, "left")
    controller.close()
