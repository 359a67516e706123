import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.lab.errors import TopologyError
from anp.lab.topology import LabNode, LabPod, NodePlace, OutsideHost, PodPlace, Topology, topology
from compiler.labels import Labels
from compiler.model import Node, Pod, Protocol, Snapshot

WEB = ((Protocol.TCP, 80),)
ONE, TWO, HOST = map(ip_address, ("10.0.0.1", "10.0.0.2", "192.168.0.1"))
NODE = LabNode("n1", (HOST,))


def pod(name="a", *addresses, node="n1", host_network=False, serves=WEB):
    return LabPod("x", name, node, addresses, host_network, serves)


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"pods": (pod("a", ONE), pod("b", ONE))}, "pod x/a and pod x/b have the same address: 10.0.0.1"),
        ({"pods": (pod("a", HOST),)}, "node n1 and pod x/a have the same address: 192.168.0.1"),
        ({"pods": (pod("a", ONE), pod("a", TWO))}, "have the same name: pod x/a"),
        ({"pods": (pod("a", node="n2"),)}, "pod x/a is on node 'n2', which is not there"),
        ({"pods": (pod("a", ONE, host_network=True),)}, "pod x/a is on its host's network, but 'n1' has not 10.0.0.1"),
        (
            {"pods": (pod("a", HOST, host_network=True), pod("b", HOST, host_network=True))},
            "pod x/a and pod x/b have the same server: tcp/80 of 192.168.0.1",
        ),
        ({"outside": (OutsideHost("o", (ONE, ONE)),)}, "have the same address"),
        ({"pods": (pod(serves=((Protocol.OTHER, 1),)),)}, "pod x/a cannot serve other/1"),
        ({"pods": (pod(serves=((Protocol.UDP, 0),)),)}, "pod x/a cannot serve udp/0"),
        ({"pods": (pod(serves=((Protocol.UDP, 65536),)),)}, "pod x/a cannot serve udp/65536"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(parts, complaint):
    with pytest.raises(TopologyError, match=re.escape(complaint)):
        Topology(**{"nodes": (NODE,), **parts})


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "fe80::7", "::ffff:10.0.0.1"],
)
def test_an_address_that_cannot_be_routed_is_refused(address):
    refuses(address)


@pytest.mark.parametrize("address", ["169.254.1.1", "169.254.1.2", "192.0.0.8", "fd6c:6162::1"])
def test_an_address_that_the_lab_itself_needs_is_refused(address):
    refuses(address)


def refuses(address):
    with pytest.raises(TopologyError, match=f"cannot have the address {re.escape(str(ip_address(address)))}$"):
        Topology(outside=(OutsideHost("o", (ip_address(address),)),))


def test_a_host_network_pod_answers_for_its_node_without_owning_the_address():
    lab = Topology((NODE,), (pod("a", HOST, host_network=True),))

    assert lab.owners() == {HOST: NodePlace("n1")}
    assert lab.servers() == {(HOST, Protocol.TCP, 80): PodPlace("x", "a")}


@given(st.permutations([pod("a", ONE), pod("b", TWO), pod("c", HOST, host_network=True, serves=())]), st.data())
def test_a_pod_that_comes_and_goes_changes_nothing(pods, data):
    lab = Topology((NODE,), tuple(pods))
    newcomer = pod("d", ip_address("10.0.0.9"))
    leaver = data.draw(st.sampled_from(pods))

    assert lab.with_pod(newcomer).without_pod(newcomer.place) == lab
    assert lab.without_pod(leaver.place).with_pod(leaver).hosts() == lab.hosts()


def test_a_pod_that_is_not_there_cannot_go():
    with pytest.raises(TopologyError, match="there is no pod x/a"):
        Topology((NODE,)).without_pod(PodPlace("x", "a"))


def test_a_snapshot_becomes_the_lab_that_runs_it():
    snapshot = Snapshot.of(
        namespaces={"x": Labels()},
        nodes=[Node("n1", addresses=(HOST,))],
        pods=[
            Pod("x", "runs", node="n1", addresses=(ONE,)),
            Pod("x", "host", node="n1", host_network=True),
            Pod("x", "over", node="n1", addresses=(ONE,), terminated=True),
            Pod("x", "waits"),
        ],
    )
    outside = (OutsideHost("o", (TWO,)),)

    assert topology(snapshot, {("x", "runs"): WEB}, outside) == Topology(
        nodes=(NODE,),
        pods=(pod("host", HOST, host_network=True, serves=()), pod("runs", ONE)),
        outside=outside,
    )
