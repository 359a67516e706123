"""A small cluster with everything in it that a probe must tell apart, and firewalls written by hand."""

from ipaddress import ip_address

import nftables

from anp.lab.topology import LabNode, LabPod, OutsideHost, Topology
from compiler.model import PORT_PROTOCOLS

SERVES = tuple((protocol, 80) for protocol in PORT_PROTOCOLS)
HOST_SERVES = tuple((protocol, 36363) for protocol in PORT_PROTOCOLS)


def both(number):
    """One address of each family, told apart from others by its number."""
    return ip_address(f"10.0.0.{number}"), ip_address(f"fd00::{number}")


CLUSTER = Topology(
    nodes=(LabNode("n1", both(101)), LabNode("n2", both(102))),
    pods=(
        LabPod("x", "a", "n1", both(1), serves=SERVES),
        LabPod("x", "b", "n1", both(2), serves=SERVES),
        LabPod("x", "c", "n2", both(3), serves=SERVES),
        LabPod("x", "host", "n1", both(101), host_network=True, serves=HOST_SERVES),
    ),
    outside=(OutsideHost("far", (ip_address("203.0.113.1"), ip_address("2001:db8::1")), SERVES),),
)


def chain(hook, *rules, family="inet", kind="filter", priority="filter"):
    """Write the nft script of one base chain."""
    lines = "\n".join((f"type {kind} hook {hook} priority {priority};", *rules))
    return f"table {family} by-hand {{\nchain {hook} {{\n{lines}\n}}\n}}\n"


def load(lab, node, script):
    """Have the kernel of `node` run an nft script."""

    def run():
        code, _, complaint = nftables.Nftables().cmd(script)
        assert code == 0, complaint

    lab.in_node(node, run)
