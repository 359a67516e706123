"""The kernel behind an engine that hears of a cluster from an unreliable source: packets do what is meant."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, note, settings

from anp.lab.topology import Topology, topology
from compiler.model import Snapshot
from tests.histories.engine import Hearer, snapshot_of
from tests.histories.history import histories
from tests.kernel.lab_strategies import chances, telling
from tests.kernel.stage import Stage
from tests.kernel.worlds import FEW, LAB, WORLDS, Ends

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

at_leisure = settings(max_examples=max(8, settings().max_examples // 4))
FLOWS = 200
"""How many flows those that are sent are chosen from."""


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


@at_leisure
@given(histories(lab=True, most=5), chances)
def test_through_a_whole_history_packets_do_what_is_meant(road, history, chance):
    hearer = Hearer()
    for moment in history.moments():
        note(f"after: {moment.step.name}")
        for key, document in moment.step.news:
            hearer.hear(key, document)
        snapshot = hearer.snapshot(moment.step.learned)
        assert snapshot == snapshot_of(moment.objects, moment.step.learned)

        road.follow(lab_of(snapshot, road))
        road.enforce(snapshot)

        road.check(telling(snapshot, Ends(road.topology).flows(snapshot, chance, FLOWS)))
        assert road.installed() == road.rulesets
