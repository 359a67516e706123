from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.api import Admission, parse
from anp.sources import manifests
from anp.sources.addressing import place
from anp.sources.diagnostics import Severity
from anp.state.advice import advice
from anp.state.assembly import assemble
from anp.state.selection import PodIndex, selects
from compiler.addresses import AddressSet
from compiler.labels import Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection, Snapshot
from tests.unit.sources.manifest_strategies import distinct_documents, text_of

CNP = "policy.networking.k8s.io/v1alpha2"
EVERYBODY = {"namespaces": {}}


def observed(document):
    return parse(document, admission=Admission.OBSERVED).object


def pod(name, namespace="x", *, labels=None, status=None, spec=None, **metadata):
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, **metadata}
    return observed(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec or {}, "status": status or {}}
    )


def namespace(name, **labels):
    return observed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def cluster_policy(name, *, tier="Admin", priority=5, subject=None, ingress=(), egress=()):
    spec = {
        "tier": tier,
        "priority": priority,
        "subject": subject or EVERYBODY,
        "ingress": list(ingress),
        "egress": list(egress),
    }
    return observed({"apiVersion": CNP, "kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": spec})


def network_policy(name, namespace="x", **spec):
    metadata = {"name": name, "namespace": namespace}
    return observed({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})


DENY_IN = {"action": "Deny", "from": [EVERYBODY]}
DENY_OUT = {"action": "Deny", "to": [EVERYBODY]}


def told(*objects, **options):
    return [
        (found.severity, found.object, found.field, found.message) for found in assemble(objects, **options).diagnostics
    ]


def said(*objects, about, **options):
    return [(severity, message) for severity, _, field, message in told(*objects, **options) if field.startswith(about)]


def owners(*objects):
    return {str(address): one.name for one in assemble(objects).snapshot.pods for address in one.addresses}


@given(distinct_documents, st.randoms())
def test_the_order_of_objects_does_not_matter(documents, random):
    objects = list(place(manifests.parse(text_of(documents), "f.yaml").objects))
    shuffled = objects.copy()
    random.shuffle(shuffled)

    assert assemble(shuffled) == assemble(objects)


@given(distinct_documents)
def test_every_object_is_in_the_snapshot_and_every_word_has_a_place(documents):
    loaded = manifests.parse(text_of(documents), "f.yaml").objects
    assembly = assemble(loaded)
    snapshot = assembly.snapshot

    kinds = [document["kind"] for document in documents]
    assert len(snapshot.pods) == kinds.count("Pod")
    assert len(snapshot.nodes) == kinds.count("Node")
    assert len(snapshot.policies) == len(kinds) - sum(map(kinds.count, ("Pod", "Node", "Namespace")))
    assert {one.namespace for one in snapshot.pods} <= snapshot.namespaces.keys()
    assert all(found.file == "f.yaml" and found.line and found.object for found in assembly.diagnostics)


def test_an_undeclared_namespace_is_made_and_told_of_once():
    objects = pod("a"), pod("b"), pod("c", "default")

    assert assemble(objects).snapshot.namespaces["x"] == Labels({"kubernetes.io/metadata.name": "x"})
    assert [severity for severity, _ in said(*objects, about="metadata.namespace")] == [Severity.WARNING, Severity.INFO]
    assert not said(*objects, namespace("x"), namespace("default"), about="metadata.namespace")


def test_a_network_policy_without_a_namespace_is_told_of():
    [(severity, message)] = said(network_policy("p"), about="metadata.namespace")

    assert severity is Severity.WARNING
    assert "no pods" in message
    assert not said(network_policy("p"), namespace("x"), about="metadata.namespace")


ONE = {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}
OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (
            pod("b", status={**ONE, "phase": "Running"}, creationTimestamp=OLD),
            pod("a", status=ONE, creationTimestamp=NEW),
        ),
        (
            pod("b", status=ONE, creationTimestamp=OLD),
            pod("a", status=ONE, creationTimestamp=NEW, deletionTimestamp=NEW),
        ),
        (pod("b", status=ONE, creationTimestamp=NEW), pod("a", status=ONE, creationTimestamp=OLD)),
        (pod("b", status=ONE, creationTimestamp=OLD), pod("a", status=ONE)),
        (pod("b", status=ONE, creationTimestamp="2026-02-01T00:00:00"), pod("a", status=ONE, creationTimestamp=OLD)),
        (pod("a", status=ONE), pod("b", status=ONE)),
        (pod("b", "w", status=ONE), pod("a", status=ONE)),
    ],
    ids=["running", "staying", "newest", "dated", "no zone", "name", "namespace"],
)
def test_one_of_two_pods_keeps_the_address(winner, loser):
    for objects in ((winner, loser), (loser, winner)):
        assert owners(*objects) == {"10.0.0.1": winner.metadata.name, "fd00::1": winner.metadata.name}
        errors = [found for found in told(*objects) if found[0] is Severity.ERROR]
        assert [about for _, about, _, _ in errors] == [f"Pod {loser.metadata.namespace}/{loser.metadata.name}"] * 2
        assert all(f"{winner.metadata.namespace}/{winner.metadata.name}" in message for *_, message in errors)


def test_pods_that_policies_cannot_govern_may_share_addresses():
    finished = pod("a", status={**ONE, "phase": "Succeeded"})
    host = pod("b", status=ONE, spec={"hostNetwork": True})

    assert len(assemble([finished, host, pod("c", status=ONE)]).snapshot.pods[2].addresses) == 2
    assert not [found for found in told(finished, host, pod("c", status=ONE)) if found[0] is Severity.ERROR]


def test_only_the_shared_address_is_lost():
    both = pod("b", status={"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]})

    assert owners(pod("a", status=ONE), both)["10.0.0.2"] == "b"


def test_an_address_that_is_none_is_an_error():
    bad = pod("a", status=ONE)
    part = bad.status.pod_ips[0].model_copy(update={"ip": "10.0.0.300"})
    bad = bad.model_copy(update={"status": bad.status.model_copy(update={"pod_ips": (part, bad.status.pod_ips[1])})})
    [found] = said(bad, about="status")

    assert found[0] is Severity.ERROR
    assert "10.0.0.300" in found[1]
    assert assemble([bad]).snapshot.pods[0].addresses == (ip_address("fd00::1"),)


def test_an_unknown_node_is_told_of_once():
    [(severity, message)] = said(*(pod(name, spec={"nodeName": "n"}) for name in "abc"), about="spec.nodeName")

    assert severity is Severity.WARNING
    assert "3 pods" in message


def test_ties_are_told_with_both_names():
    objects = [cluster_policy(name, ingress=[DENY_IN]) for name in ("a", "b", "c")]
    ties = said(*objects, about="spec.priority")

    assert [severity for severity, _ in ties] == [Severity.WARNING] * 2
    assert "ClusterNetworkPolicy a " in ties[0][1]
    assert "ClusterNetworkPolicy b " in ties[1][1]


@pytest.mark.parametrize(
    "other",
    [
        cluster_policy("b", priority=6, ingress=[DENY_IN]),
        cluster_policy("b", tier="Baseline", ingress=[DENY_IN]),
        cluster_policy("b", egress=[DENY_OUT]),
        network_policy("b"),
    ],
    ids=["priority", "tier", "direction", "kind"],
)
def test_policies_that_do_not_compete_are_no_tie(other):
    assert not said(cluster_policy("a", ingress=[DENY_IN]), other, about="spec.priority")


def test_two_network_policies_are_no_tie():
    assert not said(network_policy("a"), network_policy("b"), about="spec.priority")


def test_a_rule_that_fails_closed_is_told_of():
    [(severity, message)] = said(
        cluster_policy("a", egress=[DENY_OUT, {"action": "Deny", "to": [{"moon": {}}]}]), about="spec.egress"
    )

    assert severity is Severity.WARNING
    assert "fails closed" in message


@pytest.mark.parametrize("policy", [cluster_policy("a"), network_policy("a")])
def test_a_policy_that_selects_nobody_is_told_of(policy):
    path = "spec.podSelector" if policy.kind == "NetworkPolicy" else "spec.subject"

    assert said(policy, about=path) == [(Severity.INFO, "the policy selects no pod at present")]
    assert said(policy, pod("a", status={"phase": "Failed"}), about=path)
    assert not said(policy, pod("a"), about=path)
    assert not said(policy, about=path, advise=False)


def test_host_network_pods_that_seem_selected_are_told_of():
    host = pod("h", spec={"hostNetwork": True})
    [(severity, message)] = said(cluster_policy("a"), host, pod("b"), about="spec.subject")

    assert severity is Severity.INFO
    assert "x/h" in message


def with_port(name, protocol="TCP"):
    ports = [{"name": name, "containerPort": 80, "protocol": protocol}]
    return {"containers": [{"name": "c", "ports": ports}]}


@pytest.mark.parametrize(
    ("policy", "declared"),
    [
        (
            cluster_policy("p", ingress=[{**DENY_IN, "protocols": [{"destinationNamedPort": "web"}]}]),
            with_port("web", "UDP"),
        ),
        (cluster_policy("p", egress=[{**DENY_OUT, "protocols": [{"destinationNamedPort": "web"}]}]), with_port("web")),
        (network_policy("p", egress=[{"ports": [{"port": "web"}]}]), with_port("web")),
        (network_policy("p", ingress=[{"ports": [{"port": "web"}]}]), with_port("web")),
    ],
    ids=["ingress", "egress", "anyone", "network policy"],
)
def test_a_named_port_that_nobody_declares_is_told_of(policy, declared):
    def undeclared(*objects):
        return [
            message for _, _, field, message in told(policy, *objects) if "gress[0]" in field and "declares" in message
        ]

    assert undeclared(pod("a", spec=with_port("other")))
    assert undeclared(pod("a", spec=with_port("Web".lower() + "-2")))
    assert not undeclared(pod("a", spec=declared))
    assert not undeclared()


def test_a_named_port_needs_its_protocol():
    policy = network_policy("p", ingress=[{"ports": [{"port": "web", "protocol": "UDP"}]}])

    assert [1 for *_, message in told(policy, pod("a", spec=with_port("web"))) if "declares" in message]


def test_names_that_were_not_learned_are_told_of():
    policy = cluster_policy(
        "p", egress=[{"action": "Accept", "to": [{"domainNames": ["a.example.org", "*.example.net"]}]}]
    )

    def waiting(learned):
        return [
            message.split()[6] for _, message in said(policy, about="spec.egress", learned=learned) if "yet" in message
        ]

    some = AddressSet.of("192.0.2.1")
    assert waiting({}) == ["*.example.net", "a.example.org"]
    assert waiting({"a.example.org": some, "example.net": some}) == ["*.example.net"]
    assert waiting({"a.example.org": AddressSet(), "x.y.example.net": some}) == ["a.example.org"]
    assert waiting(None) == []
    assert assemble([policy], learned={"a.example.org": some}).snapshot.learned == {"a.example.org": some}


def test_advice_asks_for_nothing_in_an_empty_cluster():
    assert list(advice(Snapshot.of(), learning=True)) == []


LABELS = st.dictionaries(st.sampled_from("kl"), st.sampled_from(["1", "2"])).map(Labels)
REQUIREMENTS = st.builds(
    lambda key, operator, values: Requirement(key, operator, tuple(values)),
    st.sampled_from("kl"),
    st.sampled_from(Operator),
    st.lists(st.sampled_from(["1", "2"]), min_size=1, unique=True),
)


@given(LABELS, REQUIREMENTS)
def test_operators_mean_what_the_api_says(labels, requirement):
    inverse = {
        Operator.IN: Operator.NOT_IN,
        Operator.NOT_IN: Operator.IN,
        Operator.EXISTS: Operator.DOES_NOT_EXIST,
        Operator.DOES_NOT_EXIST: Operator.EXISTS,
    }
    opposite = Requirement(requirement.key, inverse[requirement.operator], requirement.values)

    assert selects(Selector((requirement,)), labels) is not selects(Selector((opposite,)), labels)
    if requirement.key not in labels:
        negative = requirement.operator in (Operator.NOT_IN, Operator.DOES_NOT_EXIST)
        assert selects(Selector((requirement,)), labels) is negative
    elif requirement.operator is Operator.IN:
        assert selects(Selector((requirement,)), labels) is (labels[requirement.key] in requirement.values)
    elif requirement.operator is Operator.EXISTS:
        assert selects(Selector((requirement,)), labels)


def test_an_index_finds_by_name_and_by_label():
    snapshot = assemble([pod("a", labels={"k": "1"}), pod("b", "y"), namespace("y", team="t")]).snapshot
    index = PodIndex(snapshot.namespaces, snapshot.pods)

    def found(namespaces, pods=None):
        return [str(one) for one in index.governed(PodSelection(namespaces, Selector.of(pods)))]

    assert found(NamespaceNamed("x")) == ["x/a"]
    assert found(NamespaceNamed("nowhere")) == []
    assert found(Selector.of({"team": "t"})) == ["y/b"]
    assert found(Selector(), {"k": "1"}) == ["x/a"]
    assert found(Selector()) == ["x/a", "y/b"]


def test_a_pod_does_not_keep_the_address_of_a_node():
    address = {"podIPs": [{"ip": "192.0.2.7"}, {"ip": "10.0.0.7"}]}
    node = observed(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]},
        }
    )
    objects = (namespace("x"), node, pod("a", status=address, spec={"nodeName": "n"}))

    assert owners(*objects) == {"10.0.0.7": "a"}
    assert told(*objects) == [
        (Severity.ERROR, "Pod x/a", "status.podIPs", "the address 192.0.2.7 belongs to node n too, which keeps it")
    ]
