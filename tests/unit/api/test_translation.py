"""What well-formed objects mean, in the compiler's words (2.5 to 2.11)."""

import pytest

from anp.api import parse, served_ports, to_namespace, to_node, to_pod, to_policy
from compiler.addresses import AddressSet
from compiler.labels import EVERYTHING, Labels, Operator, Requirement, Selector
from compiler.model import (
    PORT_PROTOCOLS,
    Action,
    AddressBlock,
    Anyone,
    AnyTraffic,
    ContainerPort,
    Direction,
    DomainSelection,
    NamedPort,
    NamespaceNamed,
    NodeSelection,
    PodSelection,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Tier,
)
from tests.unit.api.vectors import anp, banp, cnp, egress, ingress, netpol, tcp

X = {"matchLabels": {"team": "x"}}
TEAM_X = Selector.of({"team": "x"})
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def meaning(document):
    return to_policy(parse(document).object).policy


def warnings(document):
    return {problem.place: problem.message for problem in to_policy(parse(document).object).warnings}


@pytest.mark.parametrize(
    ("document", "kind", "tier", "priority"),
    [
        (anp("a", priority=7), PolicyKind.ADMIN_NETWORK_POLICY, Tier.ADMIN, 7),
        (banp(), PolicyKind.BASELINE_ADMIN_NETWORK_POLICY, Tier.BASELINE, 0),
        (cnp("a", tier="Admin", priority=3), PolicyKind.CLUSTER_NETWORK_POLICY, Tier.ADMIN, 3),
        (cnp("a", tier="Baseline", priority=4), PolicyKind.CLUSTER_NETWORK_POLICY, Tier.BASELINE, 4),
        (netpol("a"), PolicyKind.NETWORK_POLICY, Tier.NETWORK_POLICY, 0),
    ],
)
def test_a_policy_has_the_tier_and_priority_of_its_kind(document, kind, tier, priority):
    policy = meaning(document)

    assert (policy.kind, policy.tier, policy.priority) == (kind, tier, priority)
    assert policy.name == document["metadata"]["name"]


@pytest.mark.parametrize(
    ("subject", "selection"),
    [
        ({"namespaces": {}}, PodSelection()),
        ({"namespaces": X}, PodSelection(TEAM_X)),
        ({"pods": {"podSelector": X}}, PodSelection(EVERYTHING, TEAM_X)),
        ({"pods": {"namespaceSelector": X, "podSelector": {}}}, PodSelection(TEAM_X)),
    ],
)
def test_a_subject_selects_pods(subject, selection):
    assert meaning(cnp(subject=subject)).subject == selection
    (rule,) = meaning(cnp(ingress=[ingress(peers=(subject,))])).ingress
    assert rule.peers == (selection,)
    (rule,) = meaning(cnp(egress=[egress(peers=(subject,))])).egress
    assert rule.peers == (selection,)


@pytest.mark.parametrize(
    ("expression", "requirement"),
    [
        ({"operator": "In", "values": ["b", "a", "b"]}, Requirement("k", Operator.IN, ("a", "b"))),
        ({"operator": "NotIn", "values": ["a"]}, Requirement("k", Operator.NOT_IN, ("a",))),
        ({"operator": "Exists"}, Requirement("k", Operator.EXISTS)),
        ({"operator": "DoesNotExist", "values": []}, Requirement("k", Operator.DOES_NOT_EXIST)),
    ],
)
def test_a_selector_is_the_conjunction_of_its_parts(expression, requirement):
    selector = {"matchLabels": {"team": "x"}, "matchExpressions": [{"key": "k", **expression}]}

    assert meaning(cnp(subject={"namespaces": selector})).subject.namespaces == Selector.of({"team": "x"}, requirement)


@pytest.mark.parametrize(
    ("peer", "meant"),
    [
        ({"nodes": X}, NodeSelection(TEAM_X)),
        ({"networks": ["10.0.0.1/8", "fd00::/8"]}, AddressBlock(AddressSet.of("10.0.0.0/8", "fd00::/8"))),
        ({"domainNames": ["B.Example.com.", "*.a.example"]}, DomainSelection(("*.a.example", "b.example.com"))),
    ],
)
def test_an_egress_peer_can_be_no_pod(peer, meant):
    for document in (cnp(egress=[egress("Accept", (peer,))]), anp(egress=[egress("Allow", (peer,))])):
        (rule,) = meaning(document).egress
        assert rule.peers == (meant,)
        assert not rule.failed_closed


@pytest.mark.parametrize(
    ("item", "traffic"),
    [
        (tcp(number=80), PortRange(TCP, 80, 80)),
        ({"udp": {"destinationPort": {"number": 53}}}, PortRange(UDP, 53, 53)),
        ({"sctp": {"destinationPort": {"range": {"start": 1, "end": 65535}}}}, PortRange(SCTP, 1, 65535)),
        ({"destinationNamedPort": "web"}, NamedPort("web", PORT_PROTOCOLS)),
    ],
)
def test_protocols_of_a_cluster_network_policy(item, traffic):
    (rule,) = meaning(cnp(ingress=[ingress(protocols=[item])])).ingress

    assert rule.traffic == (traffic,)


@pytest.mark.parametrize(
    ("item", "traffic"),
    [
        ({"portNumber": {"port": 80}}, (PortRange(TCP, 80, 80),)),
        ({"portNumber": {"port": 53, "protocol": "UDP"}}, (PortRange(UDP, 53, 53),)),
        ({"portRange": {"start": 5, "end": 9, "protocol": "SCTP"}}, (PortRange(SCTP, 5, 9),)),
        ({"portRange": {"start": 5, "end": 5}}, (PortRange(TCP, 5, 5),)),
        ({"portRange": {"start": 9, "end": 5}}, (PortRange(TCP, 9, 5),)),
        ({"namedPort": "web"}, (NamedPort("web", PORT_PROTOCOLS),)),
        ({"portNumber": {"port": 80, "protocol": "ICMP"}}, ()),
        ({"portRange": {"start": 5, "end": 9, "protocol": "tcp"}}, ()),
    ],
)
def test_ports_of_an_admin_network_policy(item, traffic):
    for document in (anp(ingress=[ingress(ports=[item])]), banp(ingress=[ingress(ports=[item])])):
        (rule,) = meaning(document).ingress
        assert rule == Rule(0, Action.DENY, (PodSelection(),), traffic)


def test_without_ports_a_rule_is_about_any_traffic():
    (rule,) = meaning(cnp(ingress=[ingress("Pass", name="first")])).ingress

    assert rule == Rule(0, Action.PASS, (PodSelection(),), (AnyTraffic(),), "first")


def test_rules_keep_their_order_and_number():
    policy = meaning(anp(egress=[egress(action, name=action) for action in ("Allow", "Deny", "Pass")]))

    assert [(rule.index, rule.action, rule.name) for rule in policy.egress] == [
        (0, Action.ACCEPT, "Allow"),
        (1, Action.DENY, "Deny"),
        (2, Action.PASS, "Pass"),
    ]


# NetworkPolicy.


@pytest.mark.parametrize("spec", [{}, {"podSelector": None}, {"podSelector": {}}])
def test_a_network_policy_without_selector_is_about_its_whole_namespace(spec):
    policy = meaning(netpol(**spec))

    assert policy.subject == PodSelection(NamespaceNamed("x"), EVERYTHING)
    assert policy.namespace == "x"


INGRESS, EGRESS = frozenset({Direction.INGRESS}), frozenset({Direction.EGRESS})


@pytest.mark.parametrize(
    ("spec", "isolated"),
    [
        ({}, INGRESS),
        ({"ingress": []}, INGRESS),
        ({"egress": []}, INGRESS),
        ({"egress": [{}]}, INGRESS | EGRESS),
        ({"policyTypes": []}, INGRESS),
        ({"policyTypes": ["Egress"]}, EGRESS),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, EGRESS),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, INGRESS),
        ({"policyTypes": ["Ingress", "Egress"]}, INGRESS | EGRESS),
    ],
)
def test_a_network_policy_isolates_the_directions_of_its_types(spec, isolated):
    assert meaning(netpol(**spec)).isolates == isolated


@pytest.mark.parametrize(
    ("peer", "meant"),
    [
        ({"podSelector": X}, PodSelection(NamespaceNamed("x"), TEAM_X)),
        ({"podSelector": {}}, PodSelection(NamespaceNamed("x"))),
        ({"namespaceSelector": X}, PodSelection(TEAM_X)),
        ({"namespaceSelector": {}}, PodSelection()),
        ({"namespaceSelector": X, "podSelector": X}, PodSelection(TEAM_X, TEAM_X)),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, AddressBlock(AddressSet.of("10.0.0.0/8"))),
        (
            {"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.0/31", "::ffff:10.0.0.3/128"]}},
            AddressBlock(AddressSet.of("10.0.0.2/32")),
        ),
    ],
)
def test_peers_of_a_network_policy(peer, meant):
    assert meaning(netpol(ingress=[{"from": [peer]}])).ingress == (Rule(0, Action.ACCEPT, (meant,)),)
    assert meaning(netpol(egress=[{"to": [peer]}])).egress == (Rule(0, Action.ACCEPT, (meant,)),)


@pytest.mark.parametrize("rule", [{}, {"from": None, "ports": None}, {"from": [], "ports": []}])
def test_an_empty_rule_accepts_anyone_and_anything(rule):
    assert meaning(netpol(ingress=[rule])).ingress == (Rule(0, Action.ACCEPT, (Anyone(),), (AnyTraffic(),)),)


@pytest.mark.parametrize(
    ("port", "traffic"),
    [
        ({}, PortRange(TCP)),
        ({"protocol": "UDP"}, PortRange(UDP)),
        ({"port": 80}, PortRange(TCP, 80, 80)),
        ({"port": 80, "endPort": 80}, PortRange(TCP, 80, 80)),
        ({"port": 80, "endPort": 90, "protocol": "SCTP"}, PortRange(SCTP, 80, 90)),
        ({"port": "web"}, NamedPort("web", (TCP,))),
        ({"port": "dns", "protocol": "UDP"}, NamedPort("dns", (UDP,))),
    ],
)
def test_ports_of_a_network_policy(port, traffic):
    (rule,) = meaning(netpol(ingress=[{"ports": [port]}])).ingress

    assert rule.traffic == (traffic,)


# Warnings.


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (
            anp(egress=[egress(ports=[{"portNumber": {"port": 1, "protocol": "ICMP"}}])]),
            "spec.egress[0].ports[0].portNumber.protocol",
            "matches nothing",
        ),
        (
            anp(egress=[egress(ports=[{"portRange": {"start": 2, "end": 1}}])]),
            "spec.egress[0].ports[0].portRange",
            "matches nothing",
        ),
        (cnp(egress=[egress("Accept", ({"domainNames": ["a.b"]},))]), "spec.egress[0].to[0].domainNames", "learned"),
        (
            netpol(egress=[{"to": [{"ipBlock": {"cidr": "010.0.0.0/8"}}]}]),
            "spec.egress[0].to[0].ipBlock.cidr",
            "10.0.0.0/8",
        ),
    ],
)
def test_what_may_surprise_is_a_warning(document, place, words):
    found = warnings(document)

    assert set(found) == {place}
    assert words in found[place]


def test_what_is_plain_has_no_warnings():
    assert warnings(cnp(ingress=[ingress()], egress=[egress("Accept", ({"nodes": {}}, {"networks": ["::/0"]}))])) == {}


# Pods, nodes, namespaces.


def pod(spec=None, status=None, **metadata):
    metadata = {"name": "a", "namespace": "x"} | metadata
    return parse(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec or {}, "status": status or {}}
    ).object


def test_a_pod_has_labels_a_node_and_a_network():
    translated = to_pod(pod({"nodeName": "n", "hostNetwork": True}, labels={"app": "web"}))

    assert translated.key == ("x", "a")
    assert translated.labels == Labels({"app": "web"})
    assert (translated.node, translated.host_network, translated.terminated) == ("n", True, False)


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ({}, []),
        ({"podIP": "10.0.0.1"}, ["10.0.0.1"]),
        ({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}, ["10.0.0.1", "fd00::1"]),
        ({"podIP": "10.0.0.1", "podIPs": []}, ["10.0.0.1"]),
    ],
)
def test_a_pod_has_all_of_its_addresses(status, addresses):
    assert [str(address) for address in to_pod(pod(status=status)).addresses] == addresses


@pytest.mark.parametrize(
    ("phase", "terminated"),
    [("", False), ("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True)],
)
def test_a_pod_that_has_run_is_terminated(phase, terminated):
    assert to_pod(pod(status={"phase": phase})).terminated == terminated


def test_ports_are_those_of_containers_and_sidecars():
    translated = pod(
        {
            "containers": [
                {"name": "one", "image": "i", "ports": [{"name": "web", "containerPort": 80}, {"containerPort": 81}]},
                {"name": "two", "ports": [{"name": "web", "containerPort": 53, "protocol": "UDP"}]},
            ],
            "initContainers": [
                {"name": "sidecar", "restartPolicy": "Always", "ports": [{"name": "s", "containerPort": 90}]},
                {"name": "setup", "ports": [{"name": "gone", "containerPort": 91}]},
            ],
        }
    )

    assert to_pod(translated).ports == (
        ContainerPort("web", TCP, 80),
        ContainerPort("web", UDP, 53),
        ContainerPort("s", TCP, 90),
    )
    assert served_ports(translated) == ((TCP, 80), (TCP, 81), (UDP, 53), (TCP, 90))


def test_a_node_has_its_internal_and_external_addresses():
    document = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n", "labels": {"zone": "a"}},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.0.0.1"},
                {"type": "InternalIP", "address": "fd00::1"},
                {"type": "ExternalIP", "address": "192.0.2.1"},
                {"type": "Hostname", "address": "10.9.9.9"},
                {"type": "InternalDNS", "address": "n.example"},
            ]
        },
    }

    node = to_node(parse(document).object)

    assert (node.name, node.labels) == ("n", Labels({"zone": "a"}))
    assert [str(address) for address in node.addresses] == ["10.0.0.1", "fd00::1", "192.0.2.1"]


def test_a_namespace_has_the_label_with_its_name():
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": {"a": "b"}}}

    assert to_namespace(parse(document).object) == (
        "x",
        Labels({"a": "b", "kubernetes.io/metadata.name": "x"}),
    )


def test_fields_of_pods_that_do_not_matter_are_no_surprise():
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"dnsPolicy": "Default", "containers": [{"name": "c", "image": "i", "env": []}]},
        "status": {"qosClass": "BestEffort"},
        "other": 1,
    }

    assert parse(document).warnings == ()
