import socket
from contextlib import contextmanager

import pytest
from pyroute2 import IPRoute

from anp.lab.errors import LabError, TopologyError
from anp.lab.lab import Lab
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import LabPod, NodePlace, PodPlace, Topology
from compiler.model import PORT_PROTOCOLS, Protocol
from tests.kernel.lab.cluster import CLUSTER, SERVES, both

pytestmark = pytest.mark.kernel

A, C = PodPlace("x", "a"), PodPlace("x", "c")
# The kernel grows tired of telling that there is no route; see Outcome.UNREACHABLE.
GONE = {Outcome.UNREACHABLE, Outcome.TIMEOUT}
EVERYWHERE = A, C, NodePlace("n2")
NEW = LabPod("x", "new", "n2", both(20), serves=SERVES)
AGENT = LabPod("x", "agent", "n2", both(102), host_network=True, serves=SERVES)


@contextmanager
def added(lab, pod):
    lab.add_pod(pod)
    try:
        yield
    finally:
        lab.remove_pod(pod.place)


def wiring_seen():
    """Links, and routes of both families, in the namespace of the thread that asks."""
    with IPRoute() as netlink:
        links = sorted(link.get_attr("IFLA_IFNAME") for link in netlink.get_links())
        return links, sorted((route.get_attr("RTA_DST", ""), route["dst_len"]) for route in netlink.get_routes())


def everything_wired(lab):
    namespaces = {"fabric": lab._fabric, **{str(place): site.namespace for place, site in lab._sites.items()}}
    return {name: namespace.call(wiring_seen) for name, namespace in namespaces.items()}


def outcomes(lab, addresses, sources=EVERYWHERE, retries=2):
    probes = [
        Probe(source, address, protocol, 80)
        for source in sources
        for address in addresses
        for protocol in PORT_PROTOCOLS
    ]
    return {result.outcome for result in lab.probe(probes, seconds=0.3, retries=retries)}


def test_a_pod_that_comes_is_there_at_once_and_one_that_goes_leaves_no_trace(lab):
    before, wired = lab.topology, everything_wired(lab)
    for _ in range(3):
        with added(lab, NEW):
            assert outcomes(lab, NEW.addresses) == {Outcome.CONNECTED}
            assert outcomes(lab, both(3), [NEW.place]) == {Outcome.CONNECTED}

        assert outcomes(lab, NEW.addresses, retries=0) <= GONE
        assert (lab.topology, everything_wired(lab)) == (before, wired)
        with pytest.raises(TopologyError):
            lab.call(NEW.place, lambda: None)


def test_an_address_moves_from_pod_to_pod_and_node_to_node(lab):
    for node in ("n1", "n2"):
        with added(lab, LabPod("x", f"on-{node}", node, both(20), serves=SERVES)):
            (result,) = lab.probe([Probe(A, both(20)[0], Protocol.TCP, 80)], retries=1)

            assert result.server == f"pod x/on-{node}"


@pytest.mark.parametrize("addresses", [both(21), both(21)[:1], both(21)[1:], (both(20)[0], both(21)[1])], ids=str)
def test_a_pod_gets_other_addresses_while_it_runs(lab, addresses):
    with added(lab, NEW):
        wired = everything_wired(lab)
        lab.readdress_pod(NEW.place, addresses)

        assert outcomes(lab, addresses) == {Outcome.CONNECTED}
        assert outcomes(lab, set(NEW.addresses) - set(addresses), retries=0) <= GONE

        lab.readdress_pod(NEW.place, NEW.addresses)
        assert everything_wired(lab) == wired


def test_a_pod_may_lose_all_its_addresses_and_get_them_back(lab):
    with added(lab, NEW):
        lab.readdress_pod(NEW.place, ())
        assert outcomes(lab, NEW.addresses, retries=0) <= GONE

        lab.readdress_pod(NEW.place, NEW.addresses)

        assert outcomes(lab, NEW.addresses) == {Outcome.CONNECTED}


def test_a_host_network_pod_comes_and_goes_in_its_node(lab):
    with added(lab, AGENT):
        assert outcomes(lab, both(102)) == {Outcome.CONNECTED}

    assert outcomes(lab, both(102)) == {Outcome.REFUSED}


@pytest.mark.parametrize("address", [both(1)[0], both(101)[1]], ids=str)
def test_an_address_that_is_taken_is_refused_and_nothing_changes(lab, address):
    before = lab.topology
    with pytest.raises(TopologyError, match="have the same address"):
        lab.add_pod(LabPod("x", "thief", "n2", (address,)))
    with pytest.raises(TopologyError, match="have the same address"):
        lab.readdress_pod(C, (address,))

    assert lab.topology == before
    assert outcomes(lab, both(3), [A]) == {Outcome.CONNECTED}


def test_a_host_network_pod_whose_port_is_taken_does_not_start(lab):
    before = lab.topology
    with lab.in_node("n2", lambda: socket.create_server(("0.0.0.0", 80))):
        with pytest.raises(LabError, match="pod x/agent cannot serve: Address already in use"):
            lab.add_pod(AGENT)

        assert lab.topology == before
    with added(lab, AGENT):
        assert outcomes(lab, both(102)) == {Outcome.CONNECTED}


def test_a_pod_that_the_kernel_refuses_leaves_nothing_half_done():
    with Lab(CLUSTER) as lab:
        lab.in_node("n2", remove_uplink)
        before = lab.topology, lab.in_node("n2", wiring_seen)

        with pytest.raises(LabError, match="somebody took the link veth1 away"):
            lab.add_pod(NEW)

        assert (lab.topology, lab.in_node("n2", wiring_seen)) == before


def remove_uplink():
    with IPRoute() as netlink:
        netlink.link("del", index=netlink.link_lookup(ifname="eth0")[0])


def test_a_lab_that_does_not_run_says_so():
    lab = Lab(CLUSTER)
    with pytest.raises(LabError, match="not running"):
        lab.call(A, lambda: None)
    with lab, pytest.raises(LabError, match="running already"):
        lab.start()
    lab.close()

    with pytest.raises(LabError, match="not running"):
        lab.probe([Probe(A, both(2)[0], Protocol.TCP, 80)])


def test_what_a_function_raises_in_a_namespace_is_raised_here(lab):
    def fail():
        raise RuntimeError("from within")

    with pytest.raises(RuntimeError, match="from within"):
        lab.call(A, fail)
    with pytest.raises(RuntimeError, match="from within"):
        lab.in_node("n1", fail)


def test_an_empty_lab_can_be_built():
    with Lab(Topology()) as lab:
        assert lab.probe([]) == []
