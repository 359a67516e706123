"""The whole promise with real packets: the kernel does what `decide` says, rule by rule, and leaves the mark clean."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import nftables
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from anp.lab.lab import Lab
from anp.lab.probes import Outcome, ProbeResult
from anp.lab.topology import LabNode
from anp.lab.trial import Trial
from compiler.decision import Decision, Judgement
from compiler.marks import DEFAULT_MASK
from compiler.model import Flow, Protocol, Snapshot
from compiler.names import TABLE, rule_chain
from compiler.profiles import Outcome as Verdict
from compiler.ruleset import Hook
from compiler.semantics import decide
from compiler.trace import traced
from enforcer.kernel import KernelDataplane
from tests.kernel.lab_strategies import WORLDS, World, cases

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PATIENCE = 2.0
"""Seconds to wait for an answer that must come; it comes at once, so this is spent only on failures."""
SILENCE = 0.05
"""Seconds to wait for an answer that must not come. That is little: counters tell a drop from a late answer."""

OTHERS_BITS = 0x4001
"""What somebody else keeps in the mark."""
WITNESS = (
    f"""
table inet witness {{
    counter seen {{ }}
    counter dirty {{ }}
"""
    + "".join(
        f"""
    chain before-{hook.value} {{
        type filter hook {hook.value} priority -10;
        ct state new meta mark set {DEFAULT_MASK | OTHERS_BITS:#x}
    }}
    chain after-{hook.value} {{
        type filter hook {hook.value} priority 10;
        ct state new counter name seen
        ct state new meta mark != {OTHERS_BITS:#x} counter name dirty
    }}
"""
        for hook in Hook
    )
    + "}"
)


class Stage(Trial):
    """A trial in a world: its lab stands for as many snapshots as one likes, and a witness looks at every mark."""

    def __init__(self, world: World) -> None:
        super().__init__(Snapshot(), {})
        self.world = world
        self._lab = Lab(world.topology)
        # libnftables calls select(2), which ends the process at descriptors from 1024 on, and our servers are many.
        self._low = [os.open(os.devnull, os.O_RDONLY) for _ in range(2 * len(world.nodes))]

    def __enter__(self):
        super().__enter__()
        for node in self._lab.topology.nodes:
            with self._dataplane(node) as dataplane:
                dataplane.run_script(WITNESS)
        return self

    def _dataplane(self, node: LabNode) -> KernelDataplane:
        os.close(self._low.pop())
        return super()._dataplane(node)

    def ask(self, flows: Sequence[Flow], meant: Sequence[bool]) -> list[ProbeResult]:
        """Try all flows, each once, because whatever is tried again is counted again."""
        results = {}
        for accepted, seconds in ((True, PATIENCE), (False, SILENCE)):
            numbers = [number for number, it in enumerate(meant) if it is accepted]
            answers = self.lab.probe([self.world.probe(flows[number]) for number in numbers], seconds=seconds)
            results.update(zip(numbers, answers, strict=True))
        return [results[number] for number in range(len(flows))]

    def counted(self) -> dict[tuple[str, str, str], int]:
        """Return what every counter above zero has counted since the last time, by node, table and name."""
        counts = {}
        for node in self.world.nodes:
            listed = json.loads(self.lab.in_node(node.name, _reset_counters))["nftables"]
            counters = [entry["counter"] for entry in listed if "counter" in entry]
            counts.update({(node.name, c["table"], c["name"]): c["packets"] for c in counters if c["packets"]})
        return counts


def _reset_counters() -> str:
    # A context would answer from what it read before, so each time there is a new one.
    nft = nftables.Nftables()
    nft.set_json_output(True)
    code, output, complaint = nft.cmd("reset counters")
    assert code == 0, complaint
    return output


def judgements(decision: Decision) -> Iterator[Judgement]:
    """Yield what nodes say about a first packet, in the order in which it meets them, up to the first denial."""
    for judgement in (decision.egress, decision.ingress):
        if judgement.pod is not None and judgement.pod.node:
            yield judgement
            if not judgement.accepted:
                return


def goes_through(decision: Decision) -> bool:
    return all(judgement.accepted for judgement in judgements(decision))


def to_be_counted(decision: Decision) -> Iterator[tuple[str, str, str]]:
    """Yield the counter of every rule, isolation or default that decides, by node, table and name."""
    for judgement in judgements(decision):
        policies = [step.policy for tier in judgement.steps for step in tier.policies]
        if any(policy.concerns(judgement.direction) for policy in policies):
            yield judgement.pod.node, TABLE, rule_chain(Verdict(judgement.accepted, judgement.origin))


def check(stage: Stage, flows: Sequence[Flow]) -> None:
    """Send the flows, and hold answers, counters and marks against what is meant."""
    decisions = [decide(stage.snapshot, flow) for flow in flows]
    stage.counted()
    answers = stage.ask(flows, [goes_through(decision) for decision in decisions])
    counted = stage.counted()
    wrong = []
    for flow, decision, answer in zip(flows, decisions, answers, strict=True):
        meant = goes_through(decision)
        way = traced(stage.snapshot, stage.rulesets, flow)
        event(f"{'accepted' if meant else 'denied'} by {[type(j.origin).__name__ for j in judgements(decision)]}")
        if (answer.outcome, way) != (Outcome.CONNECTED if meant else Outcome.TIMEOUT, meant):
            origins = " and ".join(str(judgement.origin) for judgement in judgements(decision))
            wrong.append(f"{flow}: meant {meant} ({origins}), traced {way}, observed {answer}")

    assert not wrong, "\n".join(wrong)
    expected = Counter(counter for decision in decisions for counter in to_be_counted(decision))
    assert {counter: packets for counter, packets in counted.items() if counter[1] == TABLE} == expected
    assert not [node for node, _, name in counted if name == "dirty" and not stage.rulesets[node].empty]


@pytest.fixture(scope="module", params=WORLDS)
def stage(request):
    with Stage(WORLDS[request.param]) as stage:
        yield stage


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_the_kernel_does_what_is_meant_and_counts_the_rule_that_decided(stage, data):
    snapshot, flows = data.draw(cases(stage.world))
    stage.enforce(snapshot)

    check(stage, flows)


def test_the_witness_tells_a_mark_that_is_left_behind(stage):
    stage.enforce(Snapshot())
    stage.counted()
    flow = Flow(ip_address("10.0.0.1"), ip_address("203.0.113.7"), Protocol.TCP, 80)

    assert [answer.outcome for answer in stage.ask([flow], [True])] == [Outcome.CONNECTED]
    assert stage.counted() == {("n1", "witness", "seen"): 1, ("n1", "witness", "dirty"): 1}
