"""Controllers as processes beside a control plane, and what cluster they are given."""

import json
import sys
from pathlib import Path

from anp.api.admission import Channel
from anp.api.crds import crds, engine_crds
from anp.transport import NAME, Reception
from tests.controlplane.process import Process
from tests.controlplane.rest import RefusedError

NAMESPACE = "anp-system"
ACCOUNT = "anp-controller"
POLICY_GROUP, ENGINE_GROUP = "policy.networking.k8s.io", "engine.anp.internal"
MANIFEST = f"/apis/{ENGINE_GROUP}/v1alpha1/policygenerations/{NAME}"
SLICES = f"/apis/{ENGINE_GROUP}/v1alpha1/generationslices"
REPORTS = f"/apis/{ENGINE_GROUP}/v1alpha1/nodeenforcements"
POLICIES = f"/apis/{POLICY_GROUP}/v1alpha2/clusternetworkpolicies"
ADMIN_POLICIES = f"/apis/{POLICY_GROUP}/v1alpha1/adminnetworkpolicies"

READ = ["get", "list", "watch"]
RULES = {
    "core": {"apiGroups": [""], "resources": ["namespaces", "pods", "nodes"], "verbs": READ},
    "netpol": {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": READ},
    "policies": {"apiGroups": [POLICY_GROUP], "resources": ["*"], "verbs": READ},
    "status": {
        "apiGroups": [POLICY_GROUP],
        "resources": [
            "adminnetworkpolicies/status",
            "baselineadminnetworkpolicies/status",
            "clusternetworkpolicies/status",
        ],
        "verbs": ["patch"],
    },
    "crds": {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": READ},
    "engine": {
        "apiGroups": [ENGINE_GROUP],
        "resources": ["policygenerations", "generationslices", "nodeenforcements"],
        "verbs": [*READ, "create", "patch", "delete"],
    },
    "events": {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    "leases": {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "update"],
    },
}


def role(*without):
    """What the controller may do."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ACCOUNT},
        "rules": [rule for name, rule in RULES.items() if name not in without],
    }


def install(plane, *without, policies=True):
    """Prepare a control plane for controllers."""
    definitions = [*(crds(Channel.EXPERIMENTAL) if policies else ()), *engine_crds()]
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    group = "rbac.authorization.k8s.io"
    plane.apply(
        [
            *definitions,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
            role(*without),
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": ACCOUNT},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": ACCOUNT},
                "subjects": [account],
            },
        ]
    )


class Controller(Process):
    """`anp controller` as the service account that it has in a cluster."""

    def __init__(self, plane, name="controller", lease=15):
        arguments = {
            "kubeconfig": str(plane.service_account(NAMESPACE, ACCOUNT)),
            "namespace": NAMESPACE,
            "lease-duration": str(lease),
            "log-format": "json",
        }
        super().__init__(Path(sys.executable).parent / "anp", arguments, plane.logs / f"{name}.log")
        self._command.insert(1, "controller")
        self.name = name

    def records(self):
        """Return what it has logged."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said_so(self, text):
        """Say whether it has logged something with that text."""
        return any(text in record["message"] for record in self.records())


class Reader:
    """Takes what is published, as an agent does, and says who is in it."""

    def __init__(self, rest, node="left"):
        self._rest = rest
        self._reception = Reception(node)
        self.number = 0
        self.generation = None

    def look(self):
        """Take what is published now, if all of it is there; otherwise what was taken before stays."""
        try:
            manifest = self._rest.get(MANIFEST)
        except RefusedError as error:
            if error.code == 404:
                return self.generation
            raise
        while needed := self._reception.needs(manifest):
            for name in needed:
                try:
                    self._reception.give(self._rest.get(f"{SLICES}/{name}"))
                except RefusedError as error:
                    # The next manifest may be there already, and its predecessor's slices gone.
                    if error.code == 404:
                        return self.generation
                    raise
        received = self._reception.take(manifest)
        assert received.number >= self.number
        self.number, self.generation = received.number, received.generation
        return self.generation

    def pods(self):
        """Return the names of the pods that are published."""
        generation = self.look()
        members = generation.members if generation else {}
        return {owner.removeprefix("pod ") for owner in members if owner.startswith("pod ")}

    def origins(self):
        """Return the policies whose rules are published."""
        generation = self.look()
        programs = generation.programs.values() if generation else ()
        return {rule.origin.policy for program in programs for tier in program.tiers for rule in tier.rules}


def node(name):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(where, name, **labels):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where, "labels": labels},
        "spec": {"nodeName": "left", "containers": [{"name": "c", "image": "none"}]},
    }


def address(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def start_pod(rest, where, name, number, **labels):
    """Make a pod that runs and has an address."""
    rest.create(pod(where, name, **labels))
    ip = address(number)
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
    rest.merge(f"/api/v1/namespaces/{where}/pods/{name}/status", {"status": status})


def end_pod(rest, where, name):
    rest.delete(f"/api/v1/namespaces/{where}/pods/{name}", gracePeriodSeconds=0)


def policy(name, priority=10, action="Deny", **more):
    """A policy that is about all pods."""
    return {
        "apiVersion": f"{POLICY_GROUP}/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "tier": "Admin",
            "priority": priority,
            "subject": {"namespaces": {}},
            "ingress": [{"action": action, "from": [{"namespaces": {}}], **more}],
        },
    }


def condition(rest, path, kind):
    """Return a condition of an object, or nothing."""
    conditions = (rest.get(path).get("status") or {}).get("conditions") or ()
    return next((entry for entry in conditions if entry["type"] == kind), {})
