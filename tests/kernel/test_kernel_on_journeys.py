"""The kernel on the way from one cluster to the next: what is meant now holds, and nothing of before is left."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.lab.probes import Outcome, Probe
from anp.lab.sockets import FAMILY
from anp.lab.topology import PodPlace, Topology, topology
from anp.lab.trial import Trial
from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.model import Protocol, Snapshot
from tests.builders import accept, addresses_of, admin, cluster, deny, node, pod, pods
from tests.kernel.lab_strategies import chances, journeys, telling
from tests.kernel.stage import PATIENCE, WITNESS, Stage
from tests.kernel.worlds import FEW, LAB, WORLDS, Ends

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

at_leisure = settings(max_examples=max(10, settings().max_examples // 3))


@pytest.fixture(scope="module")
def road() -> Iterator[Stage]:
    """Two nodes, each with a server, and what is outside; all other pods come and go."""
    everybody = WORLDS["two nodes"].topology
    with Stage(replace(everybody, pods=tuple(pod for pod in everybody.pods if pod.host_network))) as stage:
        yield stage


def lab_of(snapshot: Snapshot, road: Stage) -> Topology:
    """Return the lab that looks like a cluster, with what the road always has."""
    serves = {pod.key: FEW for pod in snapshot.pods if not pod.host_network}
    drawn = topology(snapshot, serves, road.topology.outside)
    return replace(drawn, pods=(*drawn.pods, *(pod for pod in road.topology.pods if pod.namespace == LAB)))


def tables(stage: Stage) -> set[tuple[str, str]]:
    """Say which nodes have which tables."""
    return {
        (node.name, entry["table"]["name"])
        for node in stage.topology.nodes
        for entry in stage.nft(node.name, "list tables")
        if "table" in entry
    }


@at_leisure
@given(data=st.data())
def test_on_every_journey_the_kernel_follows_what_is_meant(road, data):
    journey, chance = data.draw(journeys(WORLDS["two nodes"])), data.draw(chances)
    for snapshot in journey:
        road.follow(lab_of(snapshot, road))
        road.enforce(snapshot)

        road.check(telling(snapshot, Ends(road.topology).flows(snapshot, chance, 150)))
        assert road.installed() == road.rulesets

    road.enforce(replace(journey[-1], policies=()))

    assert tables(road) == {(node.name, WITNESS) for node in road.topology.nodes}


# Connections that were open before.


@contextmanager
def connection(trial: Trial, source: str, destination: str, version: IpVersion) -> Iterator[tuple[socket.socket, ...]]:
    """Open a TCP connection between two pods and yield both its ends."""
    ours, theirs = ends(trial, source, destination, version)
    with ExitStack() as sockets:
        server = sockets.enter_context(trial.lab.call(place(destination), lambda: listening(theirs)))
        client = sockets.enter_context(trial.lab.call(place(source), lambda: calling(ours, theirs)))
        accepted, _ = server.accept()
        yield client, sockets.enter_context(accepted)


TWO_NODES = cluster(pods=("x/a", "x/b", pod("y/a", node="n2")), nodes=(node("n1"), node("n2")))
OPEN = replace(TWO_NODES, policies=(admin("all", pods(), ingress=[accept(pods())]),))
LOCKED = replace(TWO_NODES, policies=(admin("all", pods(), ingress=[deny(pods())], egress=[deny(pods())]),))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("destination", ["x/b", "y/a"], ids=["same node", "other node"])
def test_an_open_connection_outlives_a_policy_that_denies_it_and_no_new_one_opens(destination, version):
    with Trial(OPEN, {}) as trial:
        trial.enforce()
        with connection(trial, "x/a", destination, version) as (client, server):
            trial.enforce(LOCKED)

            assert heard(client, server)
            assert heard(server, client)
            with pytest.raises(TimeoutError):
                trial.lab.call(place("x/a"), lambda: calling(*ends(trial, "x/a", destination, version), seconds=0.2))


def test_a_connection_from_before_the_first_policy_is_judged_at_its_next_packet():
    """Nothing had the kernel track connections till then."""
    with Trial(TWO_NODES, {}) as trial:
        trial.enforce()
        with connection(trial, "x/a", "x/b", 4) as (client, server):
            trial.enforce(LOCKED)

            assert not heard(client, server, seconds=0.2)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("destination", ["x/b", "y/a"], ids=["same node", "other node"])
def test_an_error_about_an_accepted_packet_comes_back_where_nothing_else_may(destination, version):
    """Nobody serves anything here, and the kernel says so by an ICMP message that is related to what it is about."""
    one_way = admin("out", pods("x/a"), ingress=[deny(pods())]), admin("in", pods(destination), egress=[deny(pods())])
    with Trial(replace(TWO_NODES, policies=one_way), {}) as trial:
        trial.enforce()
        _, theirs = ends(trial, "x/a", destination, version)
        (result,) = trial.lab.probe([Probe(place("x/a"), theirs, Protocol.UDP, 80)], seconds=PATIENCE)

    assert result.outcome is Outcome.REFUSED


def test_a_pod_that_comes_again_gets_no_leave_from_what_the_one_before_it_had_open():
    with Trial(OPEN, {("x", "b"): ((Protocol.UDP, 80),)}) as trial:
        trial.enforce()
        attempts = [attempt for attempt in trial.attempts() if attempt.source == place("x/a")]
        assert all(finding.agrees for finding in trial.observe(attempts))

        pod_a = trial.topology.pod(place("x/a"))
        trial.lab.remove_pod(pod_a.place)
        trial.lab.add_pod(pod_a)
        trial.enforce(LOCKED)

        assert all(finding.agrees for finding in trial.observe(attempts, seconds=0.1))


def place(name: str) -> PodPlace:
    return PodPlace(*name.split("/"))


def ends(trial: Trial, source: str, destination: str, version: IpVersion) -> list[Address]:
    return [addresses_of(trial.snapshot, name)[VERSIONS.index(version)] for name in (source, destination)]


def listening(address: Address) -> socket.socket:
    server = socket.create_server((str(address), 80), family=FAMILY[address.version])
    server.settimeout(PATIENCE)
    return server


def calling(source: Address, destination: Address, seconds: float = PATIENCE) -> socket.socket:
    return socket.create_connection((str(destination), 80), seconds, (str(source), 0))


def heard(speaker: socket.socket, listener: socket.socket, seconds: float = PATIENCE) -> bool:
    """Say one thing and see whether it comes through."""
    speaker.sendall(b"word")
    listener.settimeout(seconds)
    try:
        return listener.recv(16) == b"word"
    except TimeoutError:
        return False
