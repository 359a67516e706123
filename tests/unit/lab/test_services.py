"""Services as values: which pods are behind them, what kernels are told, and how connections travel."""

import pathlib
import re
from dataclasses import replace
from ipaddress import ip_address

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anp.conformance.judges import Meaning
from anp.conformance.path import Leg, ManyBackendsError, Path, accepted, path_of
from anp.conformance.runner import run
from anp.conformance.scenario import parse_scenario
from anp.lab.service_rules import services_script
from anp.lab.services import Route, Service, ServicePort, by_cluster_address, by_node_port, routes
from compiler.labels import Labels
from compiler.model import ContainerPort, Flow, Node, Pod, Protocol, Snapshot

VIP, VIP6, ONE, SIX, TWO, FAR = map(
    ip_address, ("10.96.0.1", "fd00:96::1", "10.0.0.1", "fd00::1", "10.0.0.2", "9.9.9.9")
)
HOST1, HOST2, HOST6 = map(ip_address, ("192.0.2.1", "192.0.2.2", "2001:db8::1"))
NODES = (Node("n1", addresses=(HOST1, HOST6)), Node("n2", addresses=(HOST2,)))
WEB = Labels({"app": "web", "other": "x"})
HTTP = ServicePort(Protocol.TCP, 80, 8080, 30080)


def pod(name="web", addresses=(ONE,), node="n1", **parts):
    return Pod("shop", name, **{"labels": WEB, "node": node, "addresses": addresses, **parts})


def cluster(*pods):
    return Snapshot.of(namespaces={"shop": Labels(), "bank": Labels()}, nodes=NODES, pods=pods)


def service(port=HTTP, addresses=(VIP, VIP6), selector=None, name="web"):
    return Service("shop", name, addresses, (port,), Labels({"app": "web"} if selector is None else selector))


def behind(*pods, **parts):
    return [route.backends for route in routes([service(**parts)], cluster(*pods))]


# Who is behind a Service.


def test_each_family_leads_to_the_pods_addresses_of_that_family():
    assert behind(pod(addresses=(ONE, SIX)), pod("old", (TWO,))) == [((TWO, 8080), (ONE, 8080)), ((SIX, 8080),)]


@pytest.mark.parametrize(
    "stranger",
    [
        pod(terminated=True),
        pod(node=""),
        pod(addresses=()),
        pod(labels=Labels({"app": "db"})),
        Pod("bank", "web", WEB, "n1", (ONE,)),
    ],
    ids=["terminated", "nowhere", "no address", "other labels", "other namespace"],
)
def test_who_is_not_behind_a_service(stranger):
    assert behind(stranger) == [(), ()]


def test_a_pod_on_its_hosts_network_is_at_its_nodes_addresses():
    assert behind(pod(addresses=(), host_network=True)) == [((HOST1, 8080),), ((HOST6, 8080),)]


def test_without_a_selector_nobody_is_behind_a_service():
    assert behind(pod(), selector={}) == [(), ()]


def test_a_named_port_is_whatever_the_pod_calls_so_in_that_protocol():
    named = ServicePort(Protocol.UDP, 53, "dns")
    ports = (ContainerPort("dns", Protocol.TCP, 5), ContainerPort("dns", Protocol.UDP, 6))

    assert behind(pod(ports=ports), pod("other", (TWO,)), port=named) == [((ONE, 6),), ()]


def test_of_two_services_that_claim_the_same_the_first_by_name_counts():
    known = routes([service(name="b"), service(name="a")], cluster(pod()))

    assert {route.service for route in (*by_cluster_address(known).values(), *by_node_port(known).values())} == {
        "shop/a"
    }


# What kernels are told.

HOSTILE = st.text(max_size=30) | st.sampled_from(["} flush ruleset", "a\nadd table ip x", '"', "$(x)", "web"])
ADDRESSES = st.sampled_from([VIP, VIP6, HOST1, HOST6]) | st.ip_addresses()


@st.composite
def some_routes(draw):
    address = draw(ADDRESSES)
    same = st.ip_addresses(v=address.version)
    port = st.builds(
        ServicePort,
        st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.SCTP]),
        st.integers(1, 65535),
        HOSTILE,
        st.just(0) | st.integers(1, 65535),
    )
    backends = st.lists(st.tuples(same, st.integers(1, 65535)), max_size=4, unique=True).map(tuple)
    return Route(draw(HOSTILE), address, draw(port), draw(backends))


@given(st.lists(some_routes(), max_size=5), st.lists(st.ip_addresses(), max_size=3), HOSTILE)
def test_what_users_call_things_only_changes_hashes(known, node, other):
    script = services_script(known, node)
    renamed = [replace(route, service=f"{other}{number}") for number, route in enumerate(known)]

    assert re.fullmatch(r"(?:[-a-z0-9_@.:;,=\[\]{} ]*\n)+", script)
    # Chains are in the order of their names.
    assert sorted(without_hashes(services_script(renamed, node))) == sorted(without_hashes(script))


def without_hashes(script):
    return re.sub(r"[0-9a-f]{16}", "#", script).splitlines()


def test_without_services_all_that_is_said_is_to_take_the_tables_away():
    assert services_script([], [HOST1]).splitlines() == [
        line
        for family in ("ip", "ip6")
        for line in (f"add table {family} lab-services", f"delete table {family} lab-services")
    ]


def test_a_node_answers_on_the_first_of_its_addresses_of_a_family():
    script = services_script(routes([service()], cluster(pod())), [HOST1, HOST2, HOST6])

    assert [line for line in script.splitlines() if line.startswith("set node-addresses")] == [
        f"set node-addresses {{ type ipv4_addr; elements = {{ {HOST1} }}; }}",
        f"set node-addresses {{ type ipv6_addr; elements = {{ {HOST6} }}; }}",
    ]


# How connections travel.

CLIENT = pod("client", (TWO,), labels=Labels())


def through(source, destination, *pods, port=80, services=None):
    snapshot = cluster(*pods)
    sent = Flow(source, destination, Protocol.TCP, port)
    return path_of(sent, routes([service()] if services is None else services, snapshot), snapshot)


def legs(path):
    return [(leg.node, str(leg.flow), leg.flow.hairpin) for leg in path.legs]


def test_what_no_service_is_about_travels_as_it_is_sent():
    sent = Flow(TWO, ONE, Protocol.TCP, 80)

    assert through(TWO, ONE, pod(), CLIENT) == Path(sent, (Leg(sent),))
    assert legs(through(TWO, HOST1, pod(), CLIENT)) == [("", "10.0.0.2 -> 192.0.2.1 tcp/80", False)]


def test_a_cluster_address_is_rewritten_before_anybody_looks():
    assert legs(through(TWO, VIP, pod(), CLIENT)) == [("", "10.0.0.2 -> 10.0.0.1 tcp/8080", False)]
    assert legs(through(ONE, VIP, pod(), CLIENT)) == [("", "10.0.0.1 -> 10.0.0.1 tcp/8080", True)]


@pytest.mark.parametrize(
    ("home", "asked", "expected"),
    [
        ("n1", HOST1, [("n1", "10.0.0.2 -> 10.0.0.1 tcp/8080", False)]),
        (
            "n2",
            HOST1,
            [("n2", "10.0.0.2 -> 192.0.2.1 tcp/30080", False), ("n1", "10.0.0.2 -> 10.0.0.1 tcp/8080", False)],
        ),
        (
            "n1",
            HOST2,
            [
                ("n1", "10.0.0.2 -> 192.0.2.2 tcp/30080", False),
                ("n2", "10.0.0.2 -> 10.0.0.1 tcp/8080", False),
                ("n1", "192.0.2.2 -> 10.0.0.1 tcp/8080", False),
            ],
        ),
        (
            "n2",
            HOST2,
            [("n2", "10.0.0.2 -> 10.0.0.1 tcp/8080", False), ("n1", "192.0.2.2 -> 10.0.0.1 tcp/8080", False)],
        ),
    ],
    ids=["all on one node", "the pod's node", "there and back", "the client's node"],
)
def test_a_node_port_is_rewritten_where_it_is_asked_for(home, asked, expected):
    client = pod("client", (TWO,), home, labels=Labels())

    assert legs(through(TWO, asked, pod(), client, port=30080)) == expected


def test_from_outside_only_the_nodes_see_anything():
    path = through(FAR, HOST2, pod(), port=30080)

    assert legs(path) == [
        ("n2", "9.9.9.9 -> 10.0.0.1 tcp/8080", False),
        ("n1", "192.0.2.2 -> 10.0.0.1 tcp/8080", False),
    ]


@pytest.mark.parametrize(
    ("source", "destination", "port", "pods"),
    [(TWO, VIP, 80, []), (TWO, VIP, 81, [pod()]), (TWO, HOST1, 30080, []), (FAR, VIP, 80, [pod()])],
    ids=["nobody behind", "no such port", "nobody behind a node port", "from outside"],
)
def test_what_gets_nowhere_whatever_policies_say(source, destination, port, pods):
    path = through(source, destination, CLIENT, *pods, port=port)

    assert path.lost
    assert not accepted(cluster(CLIENT, *pods), path)


def test_with_several_pods_nobody_can_tell():
    with pytest.raises(ManyBackendsError, match="shop/web has 2 pods"):
        through(TWO, VIP, pod(), pod("b", (ip_address("10.0.0.3"),)), CLIENT)


# In scenarios.

SCENARIO = """
scenario: two
about: two pods behind one Service
objects:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: web}}}
- {apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop, labels: {app: web}}}
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec: {selector: {app: web}, ports: [{port: 80}]}
steps:
- step: one
  expect:
  - {traffic: tcp/80, picture: "web\\nshop/a ."}
"""


@pytest.mark.parametrize(
    ("end", "complaint"),
    [
        ("service shop/web", "the service shop/web has 2 pods behind it"),
        ("service shop/other", "service shop/other has no IPv4 address"),
    ],
)
def test_a_scenario_says_which_service_it_cannot_ask(end, complaint):
    scenario = parse_scenario({**yaml.safe_load(SCENARIO), "aliases": {"web": end}}, pathlib.Path("some.yaml"))

    with Meaning() as judge:
        assert run(scenario, judge).broken == complaint
