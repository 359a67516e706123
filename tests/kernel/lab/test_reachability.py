from ipaddress import ip_address

import pytest

from anp.lab.errors import TopologyError
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import LabPod, NodePlace, OutsidePlace, PodPlace
from compiler.model import PORT_PROTOCOLS, Protocol
from tests.kernel.lab.cluster import chain

pytestmark = pytest.mark.kernel

A, B, C, HOST = (PodPlace("x", name) for name in ("a", "b", "c", "host"))
FAR = OutsidePlace("far")
NOWHERE = {4: ip_address("198.51.100.1"), 6: ip_address("2001:db8:dead::1")}
VERSIONS = (4, 6)


def outcomes(lab, probes):
    return {str(probe): result.outcome for probe, result in zip(probes, lab.probe(probes, retries=1), strict=True)}


def address(lab, place, version):
    return next(item for item in lab.topology.hosts()[place].addresses if item.version == version)


def test_everybody_reaches_every_server_and_is_answered_by_it(lab):
    probes = [Probe(source, *endpoint) for source in lab.topology.hosts() for endpoint in lab.topology.servers()]
    results = lab.probe(probes, retries=1)

    assert len(probes) == 7 * 5 * 2 * 3
    assert {str(p): str(r) for p, r in zip(probes, results, strict=True) if r.outcome is not Outcome.CONNECTED} == {}
    servers = lab.topology.servers()
    assert [r.server for r in results] == [str(servers[p.destination, p.protocol, p.port]) for p in probes]


def test_everybody_echoes_everybody(lab):
    probes = [
        Probe(source, destination, Protocol.OTHER)
        for source in lab.topology.hosts()
        for destination in lab.topology.owners()
    ]

    assert set(outcomes(lab, probes).values()) == {Outcome.CONNECTED}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("place", [A, B, C, NodePlace("n1"), NodePlace("n2"), FAR], ids=str)
def test_a_port_that_nobody_serves_refuses(lab, place, version):
    probes = [Probe(A, address(lab, place, version), protocol, 81) for protocol in PORT_PROTOCOLS]

    assert set(outcomes(lab, probes).values()) == {Outcome.REFUSED}


def test_many_refusals_in_a_row_are_all_told(lab):
    probes = [Probe(A, address(lab, C, version), Protocol.UDP, port) for version in VERSIONS for port in range(81, 181)]

    assert set(outcomes(lab, probes).values()) == {Outcome.REFUSED}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("protocol", Protocol)
def test_an_address_that_nobody_has_is_unreachable(lab, protocol, version):
    probes = [Probe(source, NOWHERE[version], protocol, 80) for source in (A, HOST, NodePlace("n2"), FAR)]

    assert set(outcomes(lab, probes).values()) == {Outcome.UNREACHABLE}


def test_a_source_without_an_address_of_the_family_reaches_nothing(lab):
    mute, old = LabPod("x", "mute", "n1"), LabPod("x", "old", "n1", (ip_address("10.0.0.50"),))
    lab.add_pod(mute)
    lab.add_pod(old)
    try:
        probes = [
            Probe(pod.place, address(lab, A, version), Protocol.TCP, 80) for pod in (mute, old) for version in VERSIONS
        ]
        expected = [Outcome.UNREACHABLE, Outcome.UNREACHABLE, Outcome.CONNECTED, Outcome.UNREACHABLE]

        assert [result.outcome for result in lab.probe(probes, retries=1)] == expected
    finally:
        lab.remove_pod(mute.place)
        lab.remove_pod(old.place)


def test_a_source_that_is_not_there_is_an_error(lab):
    with pytest.raises(TopologyError, match="there is no pod x/z"):
        lab.probe([Probe(PodPlace("x", "z"), address(lab, A, 4), Protocol.TCP, 80)])


@pytest.mark.parametrize("protocol", PORT_PROTOCOLS)
def test_an_answer_from_the_wrong_server_is_no_connection(lab, nft, protocol):
    nft(
        "n1",
        chain(
            "prerouting",
            f"ip daddr {address(lab, B, 4)} dnat to {address(lab, C, 4)}",
            family="ip",
            kind="nat",
            priority="dstnat",
        ),
    )
    (result,) = lab.probe([Probe(A, address(lab, B, 4), protocol, 80)], retries=1)

    assert (result.outcome, result.server) == (Outcome.ERROR, "pod x/c")
    assert result.detail == "answered by pod x/c, not pod x/b"


@pytest.mark.parametrize("protocol", PORT_PROTOCOLS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_virtual_address_is_answered_by_whoever_is_behind_it(lab, nft, protocol, version):
    family = {4: "ip", 6: "ip6"}[version]
    nft(
        "n1",
        chain(
            "prerouting",
            f"{family} daddr {NOWHERE[version]} dnat to {address(lab, C, version)}",
            family=family,
            kind="nat",
            priority="dstnat",
        ),
    )
    (result,) = lab.probe([Probe(A, NOWHERE[version], protocol, 80)], retries=1)

    assert (result.outcome, result.server) == (Outcome.CONNECTED, "pod x/c")
