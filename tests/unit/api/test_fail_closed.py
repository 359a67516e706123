"""What we cannot understand never lets traffic through (2.10)."""

import pytest

from anp.api import Admission, Channel, InvalidObjectError, parse, to_node, to_pod, to_policy
from compiler.labels import EVERYTHING, Labels, Selector
from compiler.model import Action, Anyone, AnyTraffic, Direction, NamespaceNamed, PodSelection, Tier
from tests.unit.api.vectors import EVERY_POD, NETWORKS, anp, banp, cnp, egress, ingress, netpol, tcp

SENSELESS = {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]}
HALF_KNOWN = {"matchLabels": {"team": "x"}, **SENSELESS}


def observed(document, channel=Channel.EXPERIMENTAL):
    return to_policy(parse(document, channel, Admission.OBSERVED).object)


UNKNOWN_PEERS = {
    "of nothing": {},
    "of a new kind": {"serviceAccounts": {"a": "b"}},
    "of two kinds": EVERY_POD | NETWORKS,
    "narrowed in a new way": EVERY_POD | {"onlyOn": "Monday"},
    "with a selector without sense": {"namespaces": SENSELESS},
    "with a selector of a new kind": {"namespaces": {"matchFields": []}},
    "with pods without selector": {"pods": {"namespaceSelector": {}}},
    "with pods by a new selector": {"pods": {"podSelector": {}, "nodeSelector": {}}},
    "with a network that is none": {"networks": ["10.0.0.0/8", "example.com/8"]},
    "with networks that are no list": {"networks": "10.0.0.0/8"},
    "of no networks": {"networks": []},
    "of no domain names": {"domainNames": []},
    "that is text": "everyone",
    "that is null": None,
}
UNKNOWN_TRAFFIC = {
    "of nothing": {},
    "of a new kind": {"icmp": {"type": 8}},
    "of two kinds": tcp(number=1) | {"destinationNamedPort": "a"},
    "narrowed in a new way": tcp(number=1) | {"flags": "SYN"},
    "of a protocol with nothing": {"tcp": {}},
    "of a protocol with something new": {"tcp": {"sourcePort": {"number": 1}}},
    "of a port with nothing": {"tcp": {"destinationPort": {}}},
    "of a port and a range": tcp(number=1, range={"start": 1, "end": 2}),
    "of a port that is none": tcp(number=70000),
    "of a range without end": tcp(range={"start": 1}),
    "of a name that is empty": {"destinationNamedPort": ""},
    "that is text": "http",
}


def _assert_closed(rule, action):
    assert rule.failed_closed
    assert "\n" not in rule.failed_closed
    if action in ("Accept", "Allow"):
        assert (rule.action, rule.peers) == (Action.ACCEPT, ())
    else:
        assert (rule.action, rule.peers, rule.traffic) == (Action.DENY, (Anyone(),), (AnyTraffic(),))


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
@pytest.mark.parametrize("peer", UNKNOWN_PEERS.values(), ids=UNKNOWN_PEERS)
def test_one_unknown_peer_closes_its_rule_and_no_other(action, peer):
    rules = [egress("Deny", name="before"), egress(action, (EVERY_POD, peer)), egress("Accept", name="after")]

    translation = observed(cnp(egress=rules))

    before, doubtful, after = translation.policy.egress
    _assert_closed(doubtful, action)
    assert doubtful.index == 1
    assert (before.failed_closed, after.failed_closed) == ("", "")
    assert any(warning.place.startswith("spec.egress[1]") for warning in translation.warnings)


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
@pytest.mark.parametrize("item", UNKNOWN_TRAFFIC.values(), ids=UNKNOWN_TRAFFIC)
def test_one_unknown_protocol_closes_its_rule(action, item):
    translation = observed(cnp(ingress=[ingress(action, protocols=[tcp(number=80), item])]))

    (rule,) = translation.policy.ingress
    _assert_closed(rule, action)


@pytest.mark.parametrize("action", ["Allow", "Deny", "Pass"])
@pytest.mark.parametrize(
    "item", [{}, {"namedPort": ""}, {"portNumber": {}}, {"portRange": {"start": 0, "end": 9}}, {"portSet": [1]}]
)
def test_one_unknown_port_closes_its_rule(action, item):
    (rule,) = observed(anp(egress=[egress(action, ports=[item])])).policy.egress

    _assert_closed(rule, action)


@pytest.mark.parametrize("action", ["Reject", "accept", 5, None, ...])
def test_an_unknown_action_denies_everything_in_its_place(action):
    for document in (cnp(ingress=[ingress(action)]), anp(ingress=[ingress(action)]), banp(ingress=[ingress(action)])):
        (rule,) = observed(document).policy.ingress
        _assert_closed(rule, "Deny")


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
@pytest.mark.parametrize("change", [{"when": "later"}, {"from": ...}, {"from": []}, {"protocols": []}, {"name": 5}])
def test_a_rule_with_something_unknown_is_closed(action, change):
    rule = {key: value for key, value in (ingress(action) | change).items() if value is not ...}

    (meant,) = observed(cnp(ingress=[rule])).policy.ingress

    _assert_closed(meant, action)


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_rules_that_are_no_list_deny_their_direction(direction):
    policy = observed(cnp(**{direction: {"action": "Accept"}})).policy

    (rule,) = policy.rules(Direction(direction))
    _assert_closed(rule, "Deny")


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
@pytest.mark.parametrize("change", [{"forward": []}, {"priority": "first"}, {"tier": "Network"}, {"tier": ...}])
def test_something_unknown_about_the_policy_closes_all_of_its_rules(action, change):
    document = cnp(**({"ingress": [ingress(action)], "egress": [egress(action)]} | change))

    translation = observed(document)

    _assert_closed(translation.policy.ingress[0], action)
    _assert_closed(translation.policy.egress[0], action)
    assert translation.policy.tier is Tier.ADMIN
    assert translation.warnings


@pytest.mark.parametrize(
    ("subject", "widened"),
    [
        ({}, PodSelection()),
        ({"users": {}}, PodSelection()),
        ("all", PodSelection()),
        ({"namespaces": SENSELESS}, PodSelection()),
        ({"namespaces": HALF_KNOWN}, PodSelection(Selector.of({"team": "x"}))),
        ({"namespaces": {"matchLabels": {"team": "x"}, "matchFields": []}}, PodSelection(Selector.of({"team": "x"}))),
        ({"pods": {"namespaceSelector": HALF_KNOWN}}, PodSelection(Selector.of({"team": "x"}))),
        ({"pods": {"podSelector": HALF_KNOWN}}, PodSelection(EVERYTHING, Selector.of({"team": "x"}))),
    ],
)
def test_a_doubtful_subject_is_every_pod_that_may_be_meant_and_accepts_nothing(subject, widened):
    rules = [ingress(action, (EVERY_POD,), protocols=[tcp(number=80)]) for action in ("Accept", "Deny", "Pass")]

    translation = observed(cnp(subject=subject, ingress=rules))

    assert translation.policy.subject == widened
    accept, deny, passing = translation.policy.ingress
    _assert_closed(accept, "Accept")
    for rule in (deny, passing):
        assert (rule.action, rule.peers) == (Action.DENY, (PodSelection(),))
        assert rule.failed_closed
    assert any(warning.place.startswith("spec.subject") for warning in translation.warnings)


def test_a_file_with_a_senseless_subject_is_refused_since_its_author_can_be_asked():
    with pytest.raises(InvalidObjectError, match="subject"):
        parse(cnp(subject={"namespaces": SENSELESS}))


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
def test_a_file_with_a_senseless_peer_is_admitted_and_fails_closed(action):
    document = cnp(egress=[egress(action, ({"nodes": SENSELESS},))])

    (rule,) = to_policy(parse(document).object).policy.egress

    _assert_closed(rule, action)


@pytest.mark.parametrize("action", ["Deny", "Pass"])
def test_domain_names_are_for_accepting_only(action):
    translation = to_policy(parse(cnp(egress=[egress(action, (EVERY_POD, {"domainNames": ["a.b"]}))])).object)

    (rule,) = translation.policy.egress
    _assert_closed(rule, action)
    assert [warning.place for warning in translation.warnings] == ["spec.egress[0].to[1].domainNames"]


def test_a_name_for_ports_of_networks_is_a_warning():
    rule = egress("Accept", (EVERY_POD, NETWORKS), protocols=[{"destinationNamedPort": "web"}])

    translation = to_policy(parse(cnp(egress=[rule]), Channel.STANDARD).object)

    assert not translation.policy.egress[0].failed_closed
    assert [warning.place for warning in translation.warnings] == ["spec.egress[0]"]


@pytest.mark.parametrize("peer", [{"nodes": {}}, {"domainNames": ["a.b"]}])
def test_what_the_installed_channel_does_not_have_is_unknown(peer):
    (rule,) = observed(cnp(egress=[egress("Accept", (peer,))]), Channel.STANDARD).policy.egress

    _assert_closed(rule, "Accept")


def test_bounds_that_protect_the_api_server_may_be_passed_over():
    rules = [ingress("Accept", (EVERY_POD,) * 30, name="n" * 200)] * 30

    policy = observed(cnp(priority=2000, ingress=rules)).policy

    assert policy.priority == 2000
    assert len(policy.ingress) == 30
    assert not any(rule.failed_closed for rule in policy.ingress)


# NetworkPolicy.


@pytest.mark.parametrize(
    "rule",
    [
        {"from": [{}]},
        {"from": [{"podSelector": {}}, {"serviceAccount": "a"}]},
        {"from": [{"podSelector": SENSELESS}]},
        {"from": [{"podSelector": {}, "ipBlock": {"cidr": "::/0"}}]},
        {"from": [{"ipBlock": {"cidr": "::/0", "except": ["x"]}}]},
        {"from": [{"ipBlock": {"cidr": "::/0", "butFor": []}}]},
        {"from": "all"},
        {"from": [None]},
        {"ports": [{"port": 80, "flags": "SYN"}]},
        {"ports": [{"protocol": "ICMP"}]},
        {"ports": [{"port": "Web"}]},
        {"ports": [{"port": "web", "endPort": 80}]},
        {"ports": [{"endPort": 80}]},
        {"ports": 80},
        {"to": [{}]},
        "all",
    ],
)
def test_a_doubtful_rule_of_a_network_policy_accepts_nothing(rule):
    policy = observed(netpol(ingress=[{}, rule])).policy

    assert policy.ingress[0].failed_closed == ""
    _assert_closed(policy.ingress[1], "Accept")
    assert policy.isolates == {Direction.INGRESS}


@pytest.mark.parametrize(
    ("change", "isolated"),
    [
        ({"policyTypes": ["Forward"]}, set(Direction)),
        ({"policyTypes": 5}, set(Direction)),
        ({"egress": 5}, set(Direction)),
        ({"forward": [{}]}, {Direction.INGRESS}),
        ({"podSelector": HALF_KNOWN}, {Direction.INGRESS}),
    ],
)
def test_a_doubtful_network_policy_isolates_and_accepts_nothing(change, isolated):
    policy = observed(netpol(**({"ingress": [{}]} | change))).policy

    _assert_closed(policy.ingress[0], "Accept")
    assert policy.isolates == isolated
    assert policy.subject.namespaces == NamespaceNamed("x")


# Pods and nodes.


def test_what_cannot_be_read_of_an_observed_pod_it_does_not_have():
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "x", "labels": {"not a key": "b"}},
        "spec": {"containers": [{"ports": [{"containerPort": 0}, {"containerPort": 80, "name": "web"}, 5]}, None]},
        "status": {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "nowhere"}, {}]},
    }

    pod = to_pod(parse(document, admission=Admission.OBSERVED).object)

    assert [str(address) for address in pod.addresses] == ["10.0.0.1"]
    assert [port.number for port in pod.ports] == [80]
    assert pod.labels == Labels({"not a key": "b"})


def test_what_cannot_be_read_of_an_observed_node_it_does_not_have():
    addresses = [
        {"type": "InternalIP", "address": "x"},
        {"type": "InternalIP"},
        {"type": "ExternalIP", "address": "::1"},
    ]
    document = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": addresses}}

    node = to_node(parse(document, admission=Admission.OBSERVED).object)

    assert [str(address) for address in node.addresses] == ["::1"]
