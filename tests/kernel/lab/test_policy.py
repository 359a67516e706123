"""What the lab shows of a firewall in its nodes; the rules here are written by hand."""

import asyncio
import time

import pytest

from anp.lab.prober import ask_all
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import LabPod, NodePlace, PodPlace
from compiler.model import PORT_PROTOCOLS, Protocol
from tests.kernel.lab.cluster import both, chain

pytestmark = pytest.mark.kernel

A, B, C = (PodPlace("x", name) for name in "abc")
NODE = NodePlace("n1")
SHORT = 0.2


def everything(lab, source, destination, port=80):
    """One probe of each protocol and family."""
    return [
        Probe(source, address, protocol, port)
        for address in lab.topology.hosts()[destination].addresses
        for protocol in Protocol
    ]


def outcomes(lab, probes, **options):
    return {result.outcome for result in lab.probe(probes, **options)}


@pytest.mark.parametrize("destination", [B, C], ids=["same node", "other node"])
def test_a_drop_in_forward_times_out(lab, nft, destination):
    nft("n1", chain("forward", "drop"))

    assert outcomes(lab, everything(lab, A, destination), seconds=SHORT) == {Outcome.TIMEOUT}


def test_a_drop_at_the_destination_node_times_out_and_concerns_nobody_else(lab, nft):
    nft("n2", chain("forward", "drop"))

    assert outcomes(lab, everything(lab, A, C), seconds=SHORT) == {Outcome.TIMEOUT}
    assert outcomes(lab, everything(lab, A, B), retries=1) == {Outcome.CONNECTED}


def test_from_a_pod_to_its_own_node_is_input_and_not_forward(lab, nft):
    nft(
        "n1",
        chain("input", "meta l4proto icmpv6 icmpv6 type { 133-137 } accept", 'iifname "veth*" meta l4proto != 0 drop'),
    )
    host = lab.topology.hosts()[NODE].addresses
    probes = [Probe(A, address, protocol, 36363) for address in host for protocol in Protocol]

    assert outcomes(lab, probes, seconds=SHORT) == {Outcome.TIMEOUT}
    assert outcomes(lab, everything(lab, A, B), retries=1) == {Outcome.CONNECTED}


def test_what_a_node_sends_is_not_forwarded(lab, nft):
    nft("n1", chain("forward", "drop"))

    assert outcomes(lab, everything(lab, NODE, A), retries=1) == {Outcome.CONNECTED}


def test_a_rejection_is_told_from_a_drop(lab, nft):
    nft("n1", chain("forward", "meta l4proto tcp reject with tcp reset", "reject with icmpx admin-prohibited"))
    results = zip(probes := everything(lab, A, B), lab.probe(probes, retries=1), strict=True)

    assert {(probe.protocol is Protocol.TCP, result.outcome) for probe, result in results} == {
        (True, Outcome.REFUSED),
        (False, Outcome.UNREACHABLE),
    }


@pytest.mark.parametrize("protocol", Protocol)
def test_connection_tracking_follows_what_we_say(lab, nft, protocol):
    """Only the first packet may pass as new, so that an answer proves the rest to be of an established connection."""
    sources = ", ".join(str(address) for address in both(1))
    nft(
        "n1",
        chain(
            "forward",
            "ct state established accept",
            f"ip saddr {sources.split(', ')[0]} ct state new accept",
            f"ip6 saddr {sources.split(', ')[1]} ct state new accept",
            "drop",
        ),
    )
    there = [probe for probe in everything(lab, A, B) if probe.protocol is protocol]
    back = [probe for probe in everything(lab, B, A) if probe.protocol is protocol]

    assert outcomes(lab, there, retries=1) == {Outcome.CONNECTED}
    assert outcomes(lab, back, seconds=SHORT) == {Outcome.TIMEOUT}


@pytest.mark.parametrize("protocol", PORT_PROTOCOLS)
def test_a_connection_tracked_before_does_not_hide_a_change(lab, nft, protocol):
    probes = [probe for probe in everything(lab, A, B) if probe.protocol is protocol]
    nft("n1", chain("forward", "ct state established accept", "ct state new accept"))
    assert outcomes(lab, probes, retries=1) == {Outcome.CONNECTED}

    nft("n1", "flush ruleset\n" + chain("forward", "ct state established accept", "drop"))

    assert outcomes(lab, probes, seconds=SHORT) == {Outcome.TIMEOUT}


def test_a_packet_lost_by_chance_is_made_up_for_by_trying_again(lab, nft):
    probe = Probe(A, both(2)[0], Protocol.UDP, 80)
    nft("n1", chain("forward", "udp dport 80 numgen inc mod 2 == 0 drop"))

    (once,) = lab.probe([probe], seconds=SHORT)
    nft("n1", "flush ruleset\n" + chain("forward", "udp dport 80 numgen inc mod 2 == 0 drop"))
    (twice,) = lab.probe([probe], seconds=SHORT, retries=1)

    assert (once.outcome, twice.outcome) == (Outcome.TIMEOUT, Outcome.CONNECTED)


def test_an_answer_that_a_busy_loop_was_too_late_to_see_counts(lab):
    hosts = lab.topology.hosts()
    questions = [lab._question(probe, hosts, {}) for probe in everything(lab, A, B)]

    async def ask_while_the_machine_stalls():
        asking = asyncio.create_task(ask_all(questions, seconds=0.05, retries=0))
        for _ in range(5):
            await asyncio.sleep(0)
            time.sleep(0.08)  # noqa: ASYNC251  it is to block
        return await asking

    results = lab._loop.run(ask_while_the_machine_stalls())

    assert {result.outcome for result in results} == {Outcome.CONNECTED}


def test_whoever_breaks_neighbour_discovery_is_found_out(lab, nft):
    nft("n1", chain("input", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop"))
    newcomer = LabPod("x", "new", "n1", both(9))
    lab.add_pod(newcomer)
    try:
        old, new = (Probe(newcomer.place, address, Protocol.TCP, 80) for address in both(2))

        assert outcomes(lab, [old], retries=1) == {Outcome.CONNECTED}
        assert outcomes(lab, [new], seconds=SHORT) == {Outcome.TIMEOUT}
    finally:
        lab.remove_pod(newcomer.place)


def test_hundreds_of_probes_are_asked_side_by_side(lab, nft):
    nft("n1", chain("forward", "tcp dport 80 drop"))
    probes = [Probe(A, address, protocol, 80) for address in both(2) for protocol in (Protocol.TCP, Protocol.UDP)] * 100
    dropped = sum(probe.protocol is Protocol.TCP for probe in probes)
    started = time.monotonic()

    results = lab.probe(probes, seconds=1)

    # One after the other, those alone would take a second each; how fast it is here is for a benchmark to say.
    assert time.monotonic() - started < dropped / 2
    verdicts = {(probe.protocol, result.outcome) for probe, result in zip(probes, results, strict=True)}
    assert verdicts == {(Protocol.TCP, Outcome.TIMEOUT), (Protocol.UDP, Outcome.CONNECTED)}
