import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.lab.lab import Lab
from anp.lab.topology import LabNode, LabPod, PodPlace, Topology
from compiler.addresses import Address
from compiler.model import Protocol
from enforcer.kernel import KernelDataplane
from tests.kubelet.connect import Said, asks_sctp, capped, connect_sctp, seconds
from tests.kubelet.errors import UnsupportedError
from tests.kubelet.plan import node_plans
from tests.kubelet.workloads import flags

durations = st.builds("{}{}".format, st.integers(1, 5000), st.sampled_from(["ms", "s", "m", "h"]))


@pytest.mark.parametrize(("text", "meant"), [("3s", 3), ("500ms", 0.5), ("1m30s", 90), ("1.5s", 1.5), ("2h", 7200)])
def test_durations_are_those_of_go(text, meant):
    assert seconds(text) == meant


@pytest.mark.parametrize("text", ["", "3", "s", "3 s", "-3s", "3d", "3s!"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UnsupportedError):
        seconds(text)


@given(durations, durations, st.booleans())
def test_nobody_waits_longer_than_the_cap_nor_longer_than_told(told, longest, apart):
    given_flag = ["--timeout", told] if apart else [f"--timeout={told}"]

    words = capped(["connect", *given_flag, "--protocol=tcp", "10.0.0.1:80"], longest)

    assert seconds(flags(words[1:])["timeout"]) == min(seconds(told), seconds(longest))
    assert "10.0.0.1:80" in words


def test_who_would_wait_for_ever_is_capped_and_other_commands_are_left_alone():
    assert capped(["connect", "10.0.0.1:80"], "1s") == ["connect", "10.0.0.1:80", "--timeout=1s"]
    assert capped(["connect", "--timeout=0s", "10.0.0.1:80"], "1s")[-1] == "--timeout=1s"
    assert capped(["netexec", "--timeout=9s"], "1s") == ["netexec", "--timeout=9s"]
    assert capped([], "1s") == []


def test_only_connect_with_that_protocol_asks_for_sctp():
    assert asks_sctp(["connect", "--protocol=sctp", "10.0.0.1:80"])
    assert asks_sctp(["connect", "10.0.0.1:80", "--protocol", "sctp"])
    assert not asks_sctp(["connect", "--protocol=tcp", "10.0.0.1:80"])
    assert not asks_sctp(["netexec", "--protocol=sctp"])
    assert not asks_sctp([])


@pytest.fixture(scope="module")
def lab():
    [node] = node_plans(["node"])
    pods = (
        LabPod("x", "a", "node", _some(node, 2)),
        LabPod("x", "b", "node", _some(node, 3), serves=((Protocol.SCTP, 9),)),
    )
    with Lab(Topology((LabNode("node", node.addresses),), pods)) as lab:
        yield lab


def _some(node, number) -> tuple[Address, ...]:
    return tuple(network[number] for network in node.ranges)


@pytest.mark.kernel
@pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])
def test_the_lab_says_what_agnhost_would(lab, family):
    address = lab.topology.pod(PodPlace("x", "b")).addresses[family]
    host = f"[{address}]" if address.version == 6 else str(address)
    nobody = "[2001:db8::1]" if address.version == 6 else "192.0.2.1"

    def connect(target, timeout="30s"):
        words = ["connect", f"--timeout={timeout}", "--protocol=sctp", target]
        return connect_sctp(lab, PodPlace("x", "a"), words)

    assert connect(f"{host}:9") == Said()
    refused = connect(f"{host}:10")
    assert (refused.code, refused.complaints[:6]) == (1, "OTHER:")
    with lab.in_node("node", KernelDataplane) as dataplane:
        dataplane.run_script("table inet t { chain c { type filter hook forward priority 0; policy drop; }; }\n")
        assert connect(f"{host}:9", "200ms") == Said("", "TIMEOUT\n", 1)
        assert connect(f"{nobody}:9", "200ms") == Said("", "TIMEOUT\n", 1)
        dataplane.run_script("delete table inet t\n")
    assert connect(f"{host}:9") == Said()


@pytest.mark.parametrize("target", [[], ["10.0.0.1"], ["name:80"], ["10.0.0.1:80", "10.0.0.2:80"]])
def test_a_target_is_one_address_and_port(target):
    with pytest.raises(UnsupportedError):
        connect_sctp(Lab(Topology()), PodPlace("x", "a"), ["connect", "--protocol=sctp", *target])
