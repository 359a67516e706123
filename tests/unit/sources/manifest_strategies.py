"""Manifests to draw from: sound ones of every kind that we read, and ways to break their text."""

import json

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "web-1"])
NAMESPACES = st.sampled_from(["default", "shop", "bank"])
LABELS = st.dictionaries(st.sampled_from(["app", "team"]), st.sampled_from(["web", "db"]), max_size=2)


def _object(api_version, kind, **parts):
    return {"apiVersion": api_version, "kind": kind, **parts}


def _selector(labels):
    return {"matchLabels": labels}


pods = st.builds(
    lambda name, namespace, labels, host: _object(
        "v1",
        "Pod",
        metadata={"name": name, "namespace": namespace, "labels": labels},
        spec={"hostNetwork": host, "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}]}]},
    ),
    NAMES,
    NAMESPACES,
    LABELS,
    st.booleans(),
)
namespaces = st.builds(
    lambda name, labels: _object("v1", "Namespace", metadata={"name": name, "labels": labels}), NAMESPACES, LABELS
)
nodes = st.builds(lambda name: _object("v1", "Node", metadata={"name": name}), NAMES)
network_policies = st.builds(
    lambda name, namespace, labels, types: _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        metadata={"name": name, "namespace": namespace},
        spec={
            "podSelector": _selector(labels),
            "policyTypes": types,
            "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}],
        },
    ),
    NAMES,
    NAMESPACES,
    LABELS,
    st.sampled_from([["Ingress"], ["Ingress", "Egress"]]),
)
cluster_policies = st.builds(
    lambda name, tier, priority, labels, action: _object(
        "policy.networking.k8s.io/v1alpha2",
        "ClusterNetworkPolicy",
        metadata={"name": name},
        spec={
            "tier": tier,
            "priority": priority,
            "subject": {"namespaces": _selector(labels)},
            "egress": [{"action": action, "to": [{"networks": ["10.0.0.0/8", "fd00::/8"]}, {"namespaces": {}}]}],
        },
    ),
    NAMES,
    st.sampled_from(["Admin", "Baseline"]),
    st.integers(0, 3),
    LABELS,
    st.sampled_from(["Accept", "Deny", "Pass"]),
)
documents = st.one_of(pods, namespaces, nodes, network_policies, cluster_policies)


def name_of(document):
    """Return what no two objects share."""
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


distinct_documents = st.lists(documents, max_size=6, unique_by=name_of)


def text_of(objects):
    """Write objects as one file. Each is a line of JSON, so that a broken one is easy to make."""
    return "".join(f"---\n{json.dumps(document)}\n" for document in objects)


@st.composite
def mutated_texts(draw):
    """Draw the text of a sound file with a few characters replaced, removed or put in."""
    text = text_of(draw(distinct_documents))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        removed = draw(st.integers(0, 3))
        text = text[:start] + draw(st.text(alphabet='{}[],:"-&*!|\n ax0\ud7ff', max_size=3)) + text[start + removed :]
    return text
