"""Services with real packets, all protocols and both families."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.lab.lab import Lab
from anp.lab.namespace import Namespace
from anp.lab.probes import Outcome, Probe
from anp.lab.service_proxy import ServiceProxy
from anp.lab.service_rules import services_script
from anp.lab.services import Route, ServicePort
from anp.lab.topology import NodePlace, OutsidePlace, PodPlace
from compiler.model import PORT_PROTOCOLS, Protocol
from enforcer.kernel import KernelDataplane
from tests.kernel.lab.cluster import CLUSTER, both, chain, load

pytestmark = pytest.mark.kernel

A, B, C, HOST = (PodPlace("x", name) for name in ("a", "b", "c", "host"))
N1, N2, FAR = NodePlace("n1"), NodePlace("n2"), OutsidePlace("far")
INSIDE = A, B, C, HOST, N1, N2
SHORT = 0.2

WEB, NONE, PAIR, AGENT = ((ip_address(f"10.96.0.{n}"), ip_address(f"fd00:10:96::{n}")) for n in range(1, 5))


def lead(addresses, *numbers, name="x/web", target=80, node_port=30080):
    """Routes of every protocol from port 8000 of a Service's addresses to the pods of these numbers."""
    return tuple(
        Route(name, address, ServicePort(protocol, 8000, target, node_port), backends)
        for protocol in PORT_PROTOCOLS
        for family, address in enumerate(addresses)
        for backends in [tuple((both(number)[family], target) for number in numbers)]
    )


ROUTES = (
    *lead(WEB, 1),
    *lead(NONE, name="x/none", node_port=30081),
    *lead(PAIR, 2, 3, name="x/pair", node_port=30082),
    *lead(AGENT, 101, name="x/agent", target=36363, node_port=30083),
)


@pytest.fixture(scope="module")
def running():
    """The cluster, and what brings Services to its nodes."""
    proxy = ServiceProxy()
    with Lab(CLUSTER) as lab:
        kernels = [(node, lab.call(node.place, KernelDataplane)) for node in CLUSTER.nodes]
        for node, kernel in kernels:
            proxy.add(node, kernel)
        yield lab, proxy
        for _node, kernel in kernels:
            kernel.close()


@pytest.fixture
def lab(running):
    lab, proxy = running
    proxy.bring(ROUTES)
    yield lab
    for node in CLUSTER.nodes:
        load(lab, node.name, "add table inet by-hand; delete table inet by-hand")


def asked(source, addresses, port=8000, protocols=PORT_PROTOCOLS):
    return [Probe(source, address, protocol, port) for address in addresses for protocol in protocols]


def seen(lab, *probes, seconds=0.5, retries=2):
    """Who answered, or what came of it instead."""
    results = lab.probe(probes, seconds=seconds, retries=retries)
    return {result.server or result.outcome for result in results}


@pytest.mark.parametrize("source", INSIDE, ids=str)
def test_a_cluster_address_leads_to_the_pod_behind_it(lab, source):
    assert seen(lab, *asked(source, WEB)) == {"pod x/a"}
    assert seen(lab, *asked(source, AGENT)) == {"pod x/host"}


@pytest.mark.parametrize("source", [*INSIDE, FAR], ids=str)
@pytest.mark.parametrize("node", [101, 102])
def test_every_node_answers_for_a_node_port(lab, source, node):
    assert seen(lab, *asked(source, both(node), 30080)) == {"pod x/a"}
    assert seen(lab, *asked(source, both(node), 30083)) == {"pod x/host"}


@pytest.mark.parametrize("source", [A, C], ids=str)
def test_where_nobody_is_behind_it_a_service_refuses(lab, source):
    probes = [*asked(source, NONE), *asked(source, both(101), 30081), *asked(source, WEB, 8001)]

    assert seen(lab, *probes, *asked(FAR, both(102), 30081)) == {Outcome.REFUSED}


def test_connections_are_spread_over_all_pods(lab):
    assert seen(lab, *asked(A, PAIR) * 8) == {"pod x/b", "pod x/c"}


def test_outside_nobody_knows_cluster_addresses(lab):
    assert seen(lab, *asked(FAR, WEB), seconds=SHORT, retries=0) <= {Outcome.UNREACHABLE, Outcome.TIMEOUT}


@pytest.mark.parametrize("protocol", PORT_PROTOCOLS)
def test_forwarding_sees_the_pod_behind_a_service_and_the_one_that_asks(lab, protocol):
    """That holds for a pod that asks itself, too: its source is rewritten only later."""
    for source, number in ((A, 1), (B, 2)):
        four, six = both(number)
        rules = [
            f"ip saddr {four} ip daddr {both(1)[0]} {protocol.value} dport 80 drop",
            f"ip6 saddr {six} ip6 daddr {both(1)[1]} {protocol.value} dport 80 drop",
        ]
        load(lab, "n1", f"add table inet by-hand\ndelete table inet by-hand\n{chain('forward', *rules)}")
        other = {A: B, B: A}[source]

        assert seen(lab, *asked(source, WEB, protocols=[protocol]), seconds=SHORT, retries=0) == {Outcome.TIMEOUT}
        assert seen(lab, *asked(other, WEB, protocols=[protocol])) == {"pod x/a"}


def test_through_another_node_the_source_is_that_node(lab):
    four, six = both(102)
    rules = ["ct state established accept", f"ip saddr {four} accept", f"ip6 saddr {six} accept", "drop"]
    load(lab, "n1", chain("forward", *rules))

    assert seen(lab, *asked(FAR, both(102), 30080)) == {"pod x/a"}
    assert seen(lab, *asked(FAR, both(101), 30080), seconds=SHORT, retries=0) == {Outcome.TIMEOUT}


def test_changes_count_at_once_and_leave_nothing_behind(running):
    lab, proxy = running
    proxy.bring(lead(WEB, 1))
    assert seen(lab, *asked(B, WEB)) == {"pod x/a"}

    proxy.bring(lead(WEB, 3))
    assert seen(lab, *asked(B, WEB)) == {"pod x/c"}

    proxy.bring(())
    assert seen(lab, *asked(B, WEB), seconds=SHORT, retries=0) <= {Outcome.UNREACHABLE, Outcome.TIMEOUT}
    assert seen(lab, *asked(B, both(1), 80)) == {"pod x/a"}


# What kernels take.


@pytest.fixture(scope="module")
def kernel():
    namespace = Namespace()
    with KernelDataplane(namespace.fd) as dataplane:
        yield dataplane
    namespace.close()


@st.composite
def any_routes(draw):
    """Routes that may contradict each other in every way."""
    address = draw(st.sampled_from(WEB) | st.ip_addresses())
    ports = st.sampled_from([80, 30080]) | st.integers(1, 65535)
    service_port = st.builds(ServicePort, st.sampled_from(PORT_PROTOCOLS), ports, st.just(80), st.just(0) | ports)
    backend = st.tuples(st.ip_addresses(v=address.version), ports)
    backends = st.lists(backend, max_size=3, unique=True).map(tuple)
    return Route(draw(st.sampled_from("ab") | st.text(max_size=5)), address, draw(service_port), draw(backends))


@settings(max_examples=40)
@given(st.lists(any_routes(), max_size=6), st.lists(st.ip_addresses(), max_size=3))
def test_every_kernel_takes_every_script(kernel, known, node):
    kernel.run_script(services_script(known, node))
    kernel.run_script(services_script(known, node))


def test_a_port_that_a_service_has_twice_is_no_mistake(kernel):
    first, second = ServicePort(Protocol.TCP, 80, 80, 30080), ServicePort(Protocol.TCP, 80, "http", 30081)
    known = [Route("x/a", WEB[0], first, ((WEB[0], 80),)), Route("x/a", WEB[0], second, ())]

    for order in (known, known[::-1]):
        kernel.run_script(services_script(order, both(101)))
