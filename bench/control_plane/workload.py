"""What is in the cluster: namespaces, nodes, hollow pods and policies of a given number, the same every time."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

Document = dict[str, Any]

NODE = "node-0"
"""The node with the agent; it has its part of the pods."""
LAB = "lab"
CLIENT, SERVER = "client", "server"
CLIENT_ADDRESS, SERVER_ADDRESS = IPv4Address("10.127.0.1"), IPv4Address("10.127.0.2")
PORT = 7777
GATE = "gate"

_PODS = int(IPv4Address("10.128.0.0"))
_PASSING = int(IPv4Address("10.200.0.0"))
_NODES = int(IPv4Address("172.30.0.2"))
_APPS, _TEAMS, _ON_NODE = 5, 10, 50


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything; policies come in equal numbers for each namespace."""

    pods: int
    namespaces: int
    policies: int

    @property
    def nodes(self) -> int:
        return max(1, -(-self.pods // _ON_NODE))

    def __str__(self) -> str:
        where = f"{self.namespaces} namespaces on {self.nodes} nodes"
        return f"{self.pods:,} pods in {where}, {self.policies:,} NetworkPolicies"


def namespaces(size: Size) -> Iterator[Document]:
    for number in range(size.namespaces):
        labels = {"team": f"team-{number % _TEAMS}"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns-{number}", "labels": labels}}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LAB}}


def nodes(size: Size) -> Iterator[tuple[Document, Document]]:
    """Yield nodes and their status."""
    for number in range(size.nodes):
        address = {"type": "InternalIP", "address": str(IPv4Address(_NODES + number))}
        yield (
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number}"}},
            {"addresses": [address]},
        )


def node_address(number: int = 0) -> IPv4Address:
    return IPv4Address(_NODES + number)


def policies(size: Size) -> Iterator[Document]:
    """Yield NetworkPolicies: some pods of a namespace are open to some pods of the namespaces of a team."""
    for number in range(size.policies):
        where, which = number % size.namespaces, number // size.namespaces
        peer = {
            "namespaceSelector": {"matchLabels": {"team": f"team-{(where + which) % _TEAMS}"}},
            "podSelector": {"matchLabels": {"app": f"app-{(which + 1) % _APPS}"}},
        }
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"policy-{which}", "namespace": f"ns-{where}"},
            "spec": {
                "podSelector": {"matchLabels": {"app": f"app-{which % _APPS}"}},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [peer], "ports": [{"protocol": "TCP", "port": 8000 + which}]}],
            },
        }


def gate(action: str) -> Document:
    """Return the policy that is turned: whether the client reaches the server. It knows all other pods as well."""
    client = {"namespaceSelector": _named(LAB), "podSelector": {"matchLabels": {"app": CLIENT}}}
    subject = {"namespaceSelector": _named(LAB), "podSelector": {"matchLabels": {"app": SERVER}}}
    web = [{"tcp": {"destinationPort": {"number": 8080}}}]
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": GATE},
        "spec": {
            "tier": "Admin",
            "priority": 10,
            "subject": {"pods": subject},
            "ingress": [
                {"name": "client", "action": action, "from": [{"pods": client}]},
                {"name": "web", "action": "Accept", "from": [{"namespaces": {}}], "protocols": web},
            ],
        },
    }


@dataclass(frozen=True, slots=True)
class HollowPod:
    """A pod that is an object with an address, and nothing else."""

    namespace: str
    name: str
    app: str
    node: str
    address: IPv4Address

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def document(self) -> Document:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {"app": self.app, "pod-template-hash": f"{self.app}-5d78c9869d"},
            },
            "spec": {"nodeName": self.node, "containers": [{"name": "main", "image": "none"}]},
        }

    @property
    def status(self) -> Document:
        ip = str(self.address)
        ready = [{"type": "Ready", "status": "True"}]
        return {"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": ready}}


def pods(size: Size) -> Iterator[HollowPod]:
    for number in range(size.pods):
        yield _pod(size, number, f"pod-{number}", _PODS)


def passing_pod(size: Size, number: int) -> HollowPod:
    """Return one of the pods that come and go; each has an address that no other has had."""
    return _pod(size, number, f"passing-{number}", _PASSING)


def ends() -> tuple[HollowPod, HollowPod]:
    """Return the two pods that are real: who sends, and who is sent to."""
    return (
        HollowPod(LAB, CLIENT, CLIENT, NODE, CLIENT_ADDRESS),
        HollowPod(LAB, SERVER, SERVER, NODE, SERVER_ADDRESS),
    )


def _pod(size: Size, number: int, name: str, first: int) -> HollowPod:
    where, app = number % size.namespaces, number // size.namespaces % _APPS
    return HollowPod(f"ns-{where}", name, f"app-{app}", f"node-{number % size.nodes}", IPv4Address(first + 1 + number))


def _named(namespace: str) -> Document:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
