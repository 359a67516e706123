"""Random documents: good ones, good ones with a mistake, and what is no document at all."""

import json

from hypothesis import strategies as st

from tests.unit.api import vectors
from tests.unit.api.vectors import DOMAINS, EVERY_POD, NETWORKS, NODES, PODS, anp, banp, cnp, egress, ingress, tcp

SELECTED = {
    "pods": {
        "namespaceSelector": {"matchLabels": {"a": "b"}},
        "podSelector": {"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]},
    }
}
OLD_PORTS = [{"portNumber": {"port": 80}}, {"portRange": {"protocol": "UDP", "start": 1, "end": 9}}]
NEW_PORTS = [tcp(number=80), {"udp": {"destinationPort": {"range": {"start": 1, "end": 9}}}}]
NAME = [{"destinationNamedPort": "web"}]

GOOD = (
    cnp(
        subject=SELECTED,
        ingress=[ingress("Accept", (EVERY_POD, SELECTED), protocols=NEW_PORTS), ingress("Deny")],
        egress=[egress("Accept", (NETWORKS, NODES, DOMAINS), name="n"), egress("Pass", protocols=NAME)],
    ),
    cnp(tier="Baseline", egress=[egress("Accept", (PODS,), protocols=NAME), egress("Accept", (NETWORKS,))]),
    anp(
        subject=SELECTED,
        ingress=[ingress("Allow", (SELECTED,), ports=OLD_PORTS), ingress("Pass")],
        egress=[egress("Allow", (NETWORKS, NODES, DOMAINS)), egress("Allow", ports=[{"namedPort": "web"}])],
    ),
    banp(ingress=[ingress("Allow", (SELECTED,))], egress=[egress("Allow", (NETWORKS, NODES), ports=OLD_PORTS)]),
    vectors.netpol(
        podSelector={"matchLabels": {"a": "b"}},
        policyTypes=["Ingress", "Egress"],
        ingress=[
            {
                "from": [{"podSelector": {}, "namespaceSelector": {"matchLabels": {"a": "b"}}}, {"podSelector": {}}],
                "ports": [{"port": 80, "endPort": 90}, {"port": "web", "protocol": "UDP"}, {}],
            },
            {},
        ],
        egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
    ),
)

OBJECTS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": {"a": "b"}}},
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n"},
        "spec": {"podCIDRs": ["10.0.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "creationTimestamp": "2026-01-31T12:00:00Z"},
        "spec": {
            "nodeName": "n",
            "hostNetwork": False,
            "containers": [{"ports": [{"name": "w", "containerPort": 80}]}],
            "initContainers": [{"restartPolicy": "Always", "ports": [{"containerPort": 81, "protocol": "UDP"}]}],
        },
        "status": {"phase": "Running", "podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}, {"ip": "fd00::9"}]},
    },
)

WORDS = st.sampled_from(
    [
        "",
        "a",
        "In",
        "Exists",
        "Allow",
        "Accept",
        "Deny",
        "TCP",
        "ICMP",
        "Egress",
        "10.0.0.0/8",
        "10.0.0.1",
        "a.b",
        "x y",
    ]
)
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([0, 1, 80, 65536, 10**40]), st.floats(), WORDS, st.text()
)
JSON = st.recursive(
    STRANGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Yield the path of everything below `value`."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in entries:
        yield (*path, step)
        yield from places(child, (*path, step))


@st.composite
def mutations(draw, documents=GOOD + OBJECTS, below=()):
    """Draw a good document, the same with one thing changed below `below`, and where."""
    good = draw(st.sampled_from(documents))
    document = json.loads(json.dumps(good))  # shares nothing, not even with itself
    path = draw(st.sampled_from([path for path in places(good) if path[: len(below)] == below != path]))
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    how = draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "replace":
        parent[path[-1]] = draw(JSON)
    elif how == "remove":
        del parent[path[-1]]
    elif isinstance(parent, dict):
        path = (*path[:-1], draw(st.sampled_from(["somethingNew", "nodes", "from", "networks", "except"])))
        parent.setdefault(path[-1], draw(JSON))
    else:
        parent.insert(path[-1], draw(JSON))
    return good, document, path


@st.composite
def mutated_documents(draw):
    """Draw a cluster policy with one thing changed, which still says what kind it is."""
    _, document, _ = draw(mutations(GOOD[:4], ("spec",)))
    return document
