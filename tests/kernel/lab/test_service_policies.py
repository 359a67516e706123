"""Policies hold through Services: what packets do is what is meant of the pods behind them, whatever the way."""

from ipaddress import ip_address

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from anp.conformance.judges import Packets, Traced
from anp.conformance.path import accepted, path_of
from anp.conformance.world import View
from anp.lab.services import Service, ServicePort, routes
from anp.lab.topology import OutsideHost
from compiler.addresses import AddressSet
from compiler.labels import Labels
from compiler.model import (
    PORT_PROTOCOLS,
    Action,
    AddressBlock,
    Anyone,
    AnyTraffic,
    Flow,
    NamedPort,
    NodeSelection,
    PodSelection,
    PortRange,
    Protocol,
)
from tests.builders import admin, baseline, cluster, having, host_pod, network_policy, node, pod, rule, serving

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

NODES = node("n1"), node("n2")
PORTS = [serving(protocol.value, protocol, 8080) for protocol in PORT_PROTOCOLS]
PODS = (
    pod("x/a", ports=PORTS),
    pod("x/b", ports=PORTS),
    pod("y/c", node="n2", ports=PORTS),
    host_pod("y/h", NODES[1]),
)
OUTSIDE = OutsideHost("far", (ip_address("203.0.113.1"), ip_address("2001:db8::1")))
SERVES = {item.key: tuple((protocol, 8080) for protocol in PORT_PROTOCOLS) for item in PODS}
SERVICES = tuple(
    Service(
        item.namespace,
        item.name,
        (ip_address(f"10.96.0.{number}"), ip_address(f"fd00:10:96::{number}")),
        tuple(ServicePort(protocol, 80, 8080, 30000 + number) for protocol in PORT_PROTOCOLS),
        Labels({"pod": item.name}),
    )
    for number, item in enumerate(PODS, 1)
)
SENT = [
    Flow(source, destination, protocol, port)
    for ends in (*PODS[:3], *NODES, OUTSIDE)
    for source in ends.addresses
    for number, service in enumerate(SERVICES, 1)
    for addresses, port in ((service.addresses, 80), *((item.addresses, 30000 + number) for item in NODES))
    for destination in addresses
    if source.version == destination.version and (ends is not OUTSIDE or port != 80)
    for protocol in PORT_PROTOCOLS
]

PEERS = st.sampled_from(
    [
        Anyone(),
        PodSelection(),
        *(PodSelection(pods=having(pod=name)) for name in "abc"),
        NodeSelection(having()),
        NodeSelection(having(node="n2")),
        AddressBlock(AddressSet.of("10.96.0.0/16", "fd00:10:96::/112")),
        AddressBlock(AddressSet.of(*map(str, NODES[1].addresses))),
        AddressBlock(AddressSet.of("203.0.113.0/24", "2001:db8::/64")),
    ]
)
INGRESS_PEERS = PEERS.filter(lambda peer: not isinstance(peer, NodeSelection))
TRAFFIC = st.sampled_from(
    [
        AnyTraffic(),
        PortRange(Protocol.TCP, 8080, 8080),
        PortRange(Protocol.UDP, 80, 80),
        PortRange(Protocol.SCTP, 1, 9000),
        PortRange(Protocol.TCP, 30000, 30010),
        NamedPort("udp"),
    ]
)


def rules(peers, actions=tuple(Action)):
    return st.lists(st.builds(rule, st.sampled_from(actions), peers, TRAFFIC), max_size=3)


SUBJECTS = st.sampled_from([PodSelection(), PodSelection(pods=having(pod="a")), PodSelection(pods=having(pod="c"))])
ACCEPTS = rules(INGRESS_PEERS, (Action.ACCEPT,)) | st.none()


@st.composite
def policies(draw):
    """Up to one policy of each tier; more would only hide one another."""
    found = [
        make(name, draw(SUBJECTS), ingress=draw(rules(INGRESS_PEERS)), egress=draw(rules(PEERS)))
        for name, make in (("first", admin), ("last", baseline))
    ]
    if draw(st.booleans()):
        found.append(network_policy(draw(st.sampled_from(["x/p", "y/p"])), ingress=draw(ACCEPTS), egress=draw(ACCEPTS)))
    return found


@pytest.fixture(scope="module")
def judge():
    with Packets(seconds=0.3) as judge:
        yield judge


# Shrinking would take minutes, and what went wrong is told flow by flow.
@settings(max_examples=12, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(policies(), st.data())
def test_packets_do_what_is_meant_of_the_pods_behind_a_service(judge, some, data):
    snapshot = cluster(*some, pods=PODS, nodes=NODES)
    view = View(snapshot, SERVES, (OUTSIDE,), SERVICES)
    known = routes(SERVICES, snapshot)
    sent = data.draw(st.lists(st.sampled_from(SENT), min_size=80, max_size=80, unique=True))
    paths = [path_of(flow, known, snapshot) for flow in sent]
    judge.see(view)

    with Traced() as traced:
        traced.see(view)
        compiled = [answer.through for answer in traced.answer(paths)]
    answers = judge.answer(paths)

    meant = [accepted(snapshot, path) for path in paths]
    assert compiled == meant
    wrong = [f"{p.sent}: {a.seen}" for p, a, m in zip(paths, answers, meant, strict=True) if a.through is not m]
    assert wrong == []
