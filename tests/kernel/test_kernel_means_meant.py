"""The whole promise with real packets: the kernel does what `decide` says, rule by rule, and leaves the mark clean."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.lab.probes import Outcome
from compiler.model import Flow, Protocol, Snapshot
from tests.kernel.lab_strategies import cases
from tests.kernel.stage import DIRTY, SEEN, WITNESS, Stage
from tests.kernel.worlds import WORLDS

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

thoroughly = settings(max_examples=2 * settings().max_examples)


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    return WORLDS[request.param]


@pytest.fixture(scope="module")
def stage(world) -> Iterator[Stage]:
    with Stage(world.topology) as stage:
        yield stage


@thoroughly
@given(data=st.data())
def test_the_kernel_does_what_is_meant_and_counts_the_rule_that_decided(world, stage, data):
    snapshot, flows = data.draw(cases(world))
    stage.enforce(snapshot)

    stage.check(flows)


def test_the_witness_tells_a_mark_that_is_left_behind(stage):
    stage.enforce(Snapshot())
    stage.counted()
    flow = Flow(ip_address("10.0.0.1"), ip_address("203.0.113.7"), Protocol.TCP, 80)

    assert [answer.outcome for answer in stage.ask([flow], [True])] == [Outcome.CONNECTED]
    assert stage.counted() == {("n1", WITNESS, SEEN): 1, ("n1", WITNESS, DIRTY): 1}
