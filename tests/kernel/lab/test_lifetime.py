"""That a lab leaves nothing behind however it ends, meets no other, and needs no root."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from anp.lab.lab import Lab
from anp.lab.namespace import Namespace
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import LabNode, LabPod, PodPlace, Topology
from compiler.model import Protocol
from tests.kernel.lab.cluster import CLUSTER, SERVES, both, chain, load

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[3]
A, B = PodPlace("x", "a"), PodPlace("x", "b")

PROGRAM = """
import ctypes, os, sys, threading
from pathlib import Path
from ipaddress import ip_address
from anp.lab import privilege
from anp.lab.lab import Lab
from anp.lab.namespace import Namespace
from anp.lab.probes import Probe
from anp.lab.topology import LabNode, LabPod, Topology
from compiler.model import Protocol
import nftables

def both(number):
    return ip_address(f"10.0.0.{number}"), ip_address(f"fd00::{number}")

serves = tuple((protocol, 80) for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP))
pods = tuple(LabPod("x", name, "n1", both(number), serves=serves) for number, name in ((1, "a"), (2, "b")))
"""
BECOME_NOBODY = """
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
# As if nobody had started it: whoever gives up root loses the say over its own /proc files.
assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0
assert not privilege.sufficient()
"""
STAYS = """
with Lab(Topology((LabNode("n1", both(101)),), pods)):
    print("ready", flush=True)
    sys.stdin.read()
"""
PROBES = """
privilege.ensure()
with Lab(Topology((LabNode("n1", both(101)),), pods)) as lab:
    def drop():
        assert nftables.Nftables().cmd(
            "table inet t { chain forward { type filter hook forward priority 0; udp dport 80 drop; }; }"
        )[0] == 0
    lab.in_node("n1", drop)
    probes = [Probe(pods[0].place, address, protocol, 80) for address in both(2) for protocol in Protocol]
    print(*(result.outcome.value for result in lab.probe(probes, retries=1)))
"""


def links():
    with IPRoute() as netlink:
        return sorted(link.get_attr("IFLA_IFNAME") for link in netlink.get_links())


def as_nobody(program):
    """Run `program` without any right; what it imports was loaded while there was still the right to read it."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + BECOME_NOBODY + program],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=60,
    )


@contextmanager
def canaries(process):
    """Veths from a namespace of ours into each of the other process; one is gone when its namespace is."""
    with_us = Namespace()
    held = [fd for fd in Path(f"/proc/{process.pid}/fd").iterdir() if str(fd.readlink()).startswith("net:")]

    def release():
        with IPRoute() as netlink:
            for number, path in enumerate(held):
                fd = os.open(path, os.O_RDONLY)
                netlink.link("add", ifname=f"canary{number}", kind="veth", peer={"ifname": "coal", "net_ns_fd": fd})
                os.close(fd)

    with_us.call(release)
    try:
        yield lambda: [name for name in with_us.call(links) if name.startswith("canary")]
    finally:
        with_us.close()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_process_frees_every_namespace(end):
    before = links()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM + STAYS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        with canaries(process) as alive:
            # The fabric, one node and two pods.
            assert len(alive()) == 4
            assert not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            assert links() == before

            process.send_signal(end)
            process.wait(timeout=60)

            deadline = time.monotonic() + 60
            while alive() and time.monotonic() < deadline:
                time.sleep(0.02)
            assert alive() == []
    assert links() == before


def test_closing_frees_descriptors_and_threads():
    def held():
        return sorted(str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.exists())

    with Lab(CLUSTER):
        pass
    before, threads = held(), threading.active_count()
    with Lab(CLUSTER) as lab:
        lab.probe([Probe(A, both(2)[0], Protocol.TCP, 80)], retries=1)

    assert (held(), threading.active_count()) == (before, threads)


def test_two_labs_with_the_same_addresses_do_not_meet():
    node = LabNode("n1", both(101))
    one = LabPod("x", "a", "n1", both(1), serves=SERVES)
    other = LabPod("x", "b", "n1", both(1), serves=SERVES)
    with Lab(Topology((node,), (one,))) as left, Lab(Topology((node,), (other,))) as right:
        load(left, "n1", chain("output", "udp dport 80 drop"))
        probe = Probe(node.place, both(1)[0], Protocol.TCP, 80)

        assert [lab.probe([probe], retries=1)[0].server for lab in (left, right)] == ["pod x/a", "pod x/b"]


def test_without_root_everything_works_in_a_user_namespace():
    run = as_nobody(PROGRAM + PROBES)

    passed, dropped = Outcome.CONNECTED.value, Outcome.TIMEOUT.value
    assert (run.stderr, run.stdout.split()) == ("", [passed, dropped, passed, passed] * 2)


def test_without_root_or_user_namespace_the_error_says_what_to_do():
    run = as_nobody("Namespace()")

    assert "PrivilegeError: making a network namespace is not permitted: run as root, or call" in run.stderr


def test_with_threads_running_already_the_error_says_so():
    run = as_nobody("threading.Timer(0.2, int).start(); privilege.ensure()")

    assert "PrivilegeError: no right to make network namespaces" in run.stderr
    assert "other threads are running already" in run.stderr


def test_where_user_namespaces_are_forbidden_the_error_says_what_would_help():
    """Forbidden within a user namespace of our own, so that nothing changes for the machine."""
    run = as_nobody(
        """
privilege.ensure()
Path("/proc/sys/user/max_user_namespaces").write_text("0")
give_up_capabilities = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(*give_up_capabilities) == 0
privilege.ensure()
"""
    )

    assert "PrivilegeError: no right to make network namespaces, nor a user namespace (No space left" in run.stderr
    assert "user.max_user_namespaces" in run.stderr
