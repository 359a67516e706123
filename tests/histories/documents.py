"""API objects as documents, the way that an API server would send them; small pools, so that things meet.

The addresses are those of `tests.strategies`: a place i has 10.0.0.i, fd00::i and 10.0.3.i, and whoever is there has
some of them. Documents are values: nobody changes one after it was made.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.strategies import NAMESPACES

Document: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace (empty where there is none) and name."""

POLICY = "policy.networking.k8s.io"
PLACES = range(1, 7)
"""Where pods can be; two at one place have an address in common."""

LABELS: tuple[Mapping[str, str], ...] = (
    {},
    {"a": "0"},
    {"a": "1"},
    {"b": "0"},
    {"a": "0", "b": "0"},
    {"a": "1", "b": "1"},
)


def _in(key: str, *values: str) -> Document:
    return {"key": key, "operator": "In", "values": list(values)}


def _not_in(key: str, *values: str) -> Document:
    return {"key": key, "operator": "NotIn", "values": list(values)}


_NAME = "kubernetes.io/metadata.name"
SELECTORS: tuple[Document, ...] = (
    {},
    {"matchLabels": {"a": "0"}},
    {"matchLabels": {"a": "1"}},
    {"matchLabels": {"b": "0"}},
    {"matchLabels": {"a": "0", "b": "0"}},
    {"matchExpressions": [_in("a", "0", "1")]},
    {"matchExpressions": [_not_in("a", "0")]},
    {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]},
    {"matchLabels": {"a": "0"}, "matchExpressions": [_not_in("b", "0")]},
)
NAMESPACE_SELECTORS: tuple[Document, ...] = (
    *SELECTORS,
    {"matchLabels": {_NAME: "x"}},
    {"matchExpressions": [_in(_NAME, "y", "z")]},
    {"matchExpressions": [_not_in(_NAME, "x")]},
)
NETWORKS: tuple[tuple[str, ...], ...] = (
    ("0.0.0.0/0", "::/0"),
    ("10.0.0.1/32",),
    ("10.0.0.0/30", "fd00::/126"),
    ("10.0.0.0/16",),
    ("10.0.1.0/24", "fd01::/112"),
    ("10.0.3.0/24",),
    ("203.0.113.0/24", "2001:db8::/32"),
)
BLOCKS: tuple[Document, ...] = (
    {"cidr": "0.0.0.0/0"},
    {"cidr": "::/0", "except": ["fd00::/126"]},
    {"cidr": "10.0.0.0/16", "except": ["10.0.0.2/31"]},
    {"cidr": "10.0.0.1/32"},
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "203.0.113.7/32"]},
    {"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32", "10.0.0.3/32"]},
)
DOMAIN_NAMES: tuple[tuple[str, ...], ...] = (("example.com",), ("*.example.com",), ("*.b.example.com", "Example.com."))
LEARNED: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {"example.com": ("203.0.113.7", "2001:db8::7")},
    {"example.com": ("203.0.113.7",), "a.example.com": ("203.0.113.8", "2001:db8::8")},
    {"a.b.example.com": ("10.0.0.2", "203.0.113.7"), "b.example.com": ("fd00::1",)},
    {},
)
PORTS: tuple[tuple[tuple[str, str, int], ...], ...] = (
    (),
    (("web", "TCP", 80),),
    (("web", "TCP", 81),),
    (("web", "UDP", 80), ("dns", "UDP", 53)),
    (("web", "TCP", 80), ("web-too", "TCP", 81)),
    (("dns", "SCTP", 53), ("web", "TCP", 81)),
)
"""What containers declare: name, protocol and number."""
PRIORITIES = (5, 0, 6)
CLUSTER_KINDS = ("ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")

# Traffic: (NetworkPolicy, v1alpha1, v1alpha2), each as it writes the same.
_NUMBERS = (("TCP", 80), ("TCP", 81), ("UDP", 53), ("SCTP", 53))
_RANGES = (("TCP", 80, 81), ("UDP", 1, 79))
_NAMES = ("web", "dns", "nowhere")
_TRAFFIC: tuple[tuple[Document, Document, Document], ...] = (
    *(
        (
            {"protocol": protocol, "port": number},
            {"portNumber": {"protocol": protocol, "port": number}},
            {protocol.lower(): {"destinationPort": {"number": number}}},
        )
        for protocol, number in _NUMBERS
    ),
    *(
        (
            {"protocol": protocol, "port": first, "endPort": last},
            {"portRange": {"protocol": protocol, "start": first, "end": last}},
            {protocol.lower(): {"destinationPort": {"range": {"start": first, "end": last}}}},
        )
        for protocol, first, last in _RANGES
    ),
)
_NAMED: tuple[tuple[Document, Document, Document], ...] = (
    *(({"port": name}, {"namedPort": name}, {"destinationNamedPort": name}) for name in _NAMES),
)
_OF_A_NEWER_API: Document = {"tenants": {"matchLabels": {"a": "0"}}}
"""A peer that nobody here knows: its rule fails closed."""


def key_of(document: Document) -> Key:
    """Return what names an object."""
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


def namespace(name: str, labels: Mapping[str, str]) -> Document:
    """Make a Namespace; servers add its name to its labels."""
    metadata = {"name": name, "labels": {**labels, _NAME: name}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def node(name: str, labels: Mapping[str, str], addresses: Iterable[str]) -> Document:
    """Make a Node."""
    reached = [{"type": "InternalIP", "address": address} for address in addresses]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels)},
        "status": {"addresses": [*reached, {"type": "Hostname", "address": name}]},
    }


def addresses_at(place: int, which: str = "46") -> tuple[str, ...]:
    """Return addresses of a place: ``4`` and ``6``, and with ``+`` a second IPv4 address."""
    return tuple({"4": f"10.0.0.{place}", "6": f"fd00::{place}", "+": f"10.0.3.{place}"}[part] for part in which)


def pod(  # noqa: PLR0917 - the fields of a pod
    name: Key,
    labels: Mapping[str, str],
    home: str,
    addresses: Iterable[str],
    ports: Iterable[tuple[str, str, int]],
    born: int,
    *,
    host_network: bool = False,
) -> Document:
    """Make a Pod that runs; `born` is a moment, the later the larger. Without addresses it is still starting."""
    declared = [{"name": port, "protocol": protocol, "containerPort": number} for port, protocol, number in ports]
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": name[1],
            "name": name[2],
            "labels": dict(labels),
            "creationTimestamp": f"2026-01-01T{born // 3600:02}:{born // 60 % 60:02}:{born % 60:02}Z",
        },
        "spec": {
            "nodeName": home,
            "containers": [{"name": "main", "ports": declared}],
            **({"hostNetwork": True} if host_network else {}),
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    return with_addresses(document, addresses)


def with_addresses(document: Document, addresses: Iterable[str]) -> Document:
    """Return a Pod that has these addresses."""
    texts = list(addresses)
    status = {name: value for name, value in document["status"].items() if name not in ("podIP", "podIPs")}
    if texts:
        status |= {"podIP": texts[0], "podIPs": [{"ip": text} for text in texts]}
    return {**document, "status": status}


def addresses_of(document: Document) -> tuple[str, ...]:
    """Return the addresses of a Pod."""
    return tuple(entry["ip"] for entry in document["status"].get("podIPs", ()))


def is_finished(document: Document) -> bool:
    """Say whether a Pod has ended, so that its addresses may be somebody else's."""
    return document["status"]["phase"] in ("Succeeded", "Failed")


def with_labels(document: Document, labels: Mapping[str, str]) -> Document:
    """Return an object with these labels, and with the one that servers add to a Namespace."""
    kept = {name: value for name, value in document["metadata"].get("labels", {}).items() if name == _NAME}
    return {**document, "metadata": {**document["metadata"], "labels": {**labels, **kept}}}


# Policies.


_EVERYONE: tuple[Document, ...] = ({"namespaces": {}}, {"pods": {"namespaceSelector": {}, "podSelector": {}}})


@st.composite
def _traffic(draw: st.DrawFn, version: int, *, by_name: bool) -> list[Document] | None:
    """Draw what is carried; None for all there is. `version` says how it is written."""
    pool = (*_TRAFFIC, *_NAMED, *_NAMED[:2]) if by_name else _TRAFFIC
    count = draw(st.sampled_from((0, 1, 1, 2)))
    return [draw(st.sampled_from(pool))[version] for _ in range(count)] or None


@st.composite
def _pods(draw: st.DrawFn) -> Document:
    if draw(st.booleans()):
        return {"namespaces": draw(st.sampled_from(NAMESPACE_SELECTORS))}
    both = {
        "namespaceSelector": draw(st.sampled_from(NAMESPACE_SELECTORS)),
        "podSelector": draw(st.sampled_from(SELECTORS)),
    }
    return {"pods": both}


@st.composite
def _egress_peer(draw: st.DrawFn, version: int, action: str) -> Document:
    kinds = ["pods", "pods", "networks", "nodes", *(["domains"] if version == 2 and action == "Accept" else [])]
    match draw(st.sampled_from(kinds)):
        case "networks":
            return {"networks": list(draw(st.sampled_from(NETWORKS)))}
        case "nodes":
            return {"nodes": draw(st.sampled_from(SELECTORS))}
        case "domains":
            return {"domainNames": list(draw(st.sampled_from(DOMAIN_NAMES)))}
        case _:
            return draw(_pods())


@st.composite
def _cluster_rule(draw: st.DrawFn, direction: str, version: int, actions: tuple[str, ...]) -> Document:
    action = draw(st.sampled_from(actions))
    count = draw(st.sampled_from((1, 1, 2)))
    side, one = ("from", _pods()) if direction == "ingress" else ("to", _egress_peer(version, action))
    peers = [draw(one) for _ in range(count)]
    if draw(st.integers(0, 19)) == 19:
        peers[0] = _OF_A_NEWER_API
    by_name = all("pods" in peer or "namespaces" in peer for peer in peers)
    traffic = draw(_traffic(version, by_name=by_name))
    field = "ports" if version == 1 else "protocols"
    return {"action": action, side: peers, **({field: traffic} if traffic else {})}


@st.composite
def cluster_policies(draw: st.DrawFn, kind: str) -> Document:
    """Draw a policy of a cluster's administrators."""
    version = 2 if kind == "ClusterNetworkPolicy" else 1
    accept = "Accept" if version == 2 else "Allow"
    actions = ("Deny", accept, accept, *(() if kind == "BaselineAdminNetworkPolicy" else ("Pass",)))
    spec: dict[str, Any] = {"subject": draw(st.sampled_from(_EVERYONE) | _pods())}
    if version == 2:
        spec["tier"] = draw(st.sampled_from(("Admin", "Baseline")))
    if kind != "BaselineAdminNetworkPolicy":
        spec["priority"] = draw(st.sampled_from(PRIORITIES))
    for direction in ("ingress", "egress"):
        spec[direction] = [
            draw(_cluster_rule(direction, version, actions)) for _ in range(draw(st.sampled_from((2, 1, 3, 0))))
        ]
    name = "default" if kind == "BaselineAdminNetworkPolicy" else draw(st.sampled_from("ab"))
    return {"apiVersion": f"{POLICY}/v1alpha{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


@st.composite
def _network_policy_rule(draw: st.DrawFn, side: str) -> Document:
    peers: list[Document] = []
    for _ in range(draw(st.sampled_from((1, 2, 0)))):
        match draw(st.sampled_from(("pods", "namespaces", "both", "block"))):
            case "pods":
                peers.append({"podSelector": draw(st.sampled_from(SELECTORS))})
            case "namespaces":
                peers.append({"namespaceSelector": draw(st.sampled_from(NAMESPACE_SELECTORS))})
            case "both":
                some, where = draw(st.sampled_from(SELECTORS)), draw(st.sampled_from(NAMESPACE_SELECTORS))
                peers.append({"podSelector": some, "namespaceSelector": where})
            case _:
                peers.append({"ipBlock": draw(st.sampled_from(BLOCKS))})
    traffic = draw(_traffic(0, by_name=True))
    return {**({side: peers} if peers else {}), **({"ports": traffic} if traffic else {})}


@st.composite
def network_policies(draw: st.DrawFn) -> Document:
    """Draw a NetworkPolicy."""
    types = draw(st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"], None)))
    spec: dict[str, Any] = {"podSelector": draw(st.sampled_from((*[{}] * 6, *SELECTORS)))}
    spec |= {"policyTypes": types} if types else {}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        spec[direction] = [draw(_network_policy_rule(side)) for _ in range(draw(st.sampled_from((1, 0, 2))))]
    metadata = {"namespace": draw(st.sampled_from(NAMESPACES)), "name": draw(st.sampled_from("ab"))}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


OF_KIND: Mapping[str, st.SearchStrategy[Document]] = {
    **{kind: cluster_policies(kind) for kind in CLUSTER_KINDS},
    "NetworkPolicy": network_policies(),
}
"""Policies by their kind."""

policies: st.SearchStrategy[Document] = st.one_of(*OF_KIND.values())
