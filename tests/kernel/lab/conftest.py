"""A small cluster with everything in it that a probe must tell apart."""

from ipaddress import ip_address

import nftables
import pytest

from anp.lab.lab import Lab
from anp.lab.topology import LabNode, LabPod, OutsideHost, Topology
from compiler.model import PORT_PROTOCOLS


def both(number):
    """One address of each family: the last two groups are the number's."""
    return ip_address(f"10.0.0.{number}"), ip_address(f"fd00::{number}")


SERVES = tuple((protocol, 80) for protocol in PORT_PROTOCOLS)
HOST_SERVES = tuple((protocol, 36363) for protocol in PORT_PROTOCOLS)


@pytest.fixture(scope="session")
def cluster():
    """Pods x/a and x/b on n1, x/c on n2, x/host on n1's own network; one host outside."""
    n1, n2 = both(101), both(102)
    return Topology(
        nodes=(LabNode("n1", n1), LabNode("n2", n2)),
        pods=(
            LabPod("x", "a", "n1", both(1), serves=SERVES),
            LabPod("x", "b", "n1", both(2), serves=SERVES),
            LabPod("x", "c", "n2", both(3), serves=SERVES),
            LabPod("x", "host", "n1", n1, host_network=True, serves=HOST_SERVES),
        ),
        outside=(OutsideHost("far", (ip_address("203.0.113.1"), ip_address("2001:db8::1")), SERVES),),
    )


@pytest.fixture(scope="module")
def shared_lab(cluster):
    with Lab(cluster) as lab:
        yield lab


def load(lab, node, script):
    """Have the kernel of `node` run an nft script."""

    def run():
        code, _, complaint = nftables.Nftables().cmd(script)
        assert code == 0, complaint

    lab.in_node(node, run)


@pytest.fixture
def lab(shared_lab):
    """The lab as it was built: nodes forward everything."""
    yield shared_lab
    for node in shared_lab.topology.nodes:
        load(shared_lab, node.name, "flush ruleset")


@pytest.fixture
def nft(lab):
    """Load an nft script into a node; it is gone after the test."""
    return lambda node, script: load(lab, node, script)
