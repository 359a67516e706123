"""A lab that shows one cluster after another, and all that its nodes say about a flow: answers, counters and marks."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

import nftables
from hypothesis import event

from anp.lab.lab import Lab
from anp.lab.probes import Outcome, ProbeResult
from anp.lab.topology import Topology
from anp.lab.trial import Trial
from compiler.decision import Decision, Judgement
from compiler.marks import DEFAULT_MASK
from compiler.model import Flow, Snapshot
from compiler.names import TABLE, rule_chain
from compiler.profiles import Outcome as Verdict
from compiler.ruleset import Hook, Ruleset
from compiler.semantics import decide
from compiler.trace import traced
from tests.kernel.worlds import Ends

PATIENCE = 2.0
"""Seconds to wait for an answer that must come; it comes at once, so they are spent on failures only."""
SILENCE = 0.03
"""Seconds to wait for an answer that must not come: few, because counters tell a drop from an answer that is late."""

WITNESS = "witness"
"""The table that looks at marks before and after us."""
SEEN, DIRTY = "seen", "dirty"
_OTHERS_BITS = 0x4001
"""What somebody else keeps in the mark."""
_WITNESS_SCRIPT = "\n".join(
    (
        f"table inet {WITNESS} {{",
        *(f"counter {name} {{ }}" for name in (SEEN, DIRTY)),
        *(
            f"""
    chain before-{hook.value} {{
        type filter hook {hook.value} priority -10;
        ct state new meta mark set {DEFAULT_MASK | _OTHERS_BITS:#x}
    }}
    chain after-{hook.value} {{
        type filter hook {hook.value} priority 10;
        ct state new counter name {SEEN}
        ct state new meta mark != {_OTHERS_BITS:#x} counter name {DIRTY}
    }}"""
            for hook in Hook
        ),
        "}",
    )
)
"""Every first packet comes to us with all of our bits set and some of others', and must leave with others' alone."""


class Stage(Trial):
    """A trial whose lab is not made of its snapshot, and whose nodes have a witness."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(Snapshot(), {})
        self._lab = Lab(topology)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            for node in self.topology.nodes:
                with self._dataplane(node) as dataplane:
                    dataplane.run_script(_WITNESS_SCRIPT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def follow(self, wanted: Topology) -> None:
        """Have the lab's pods come, go and change addresses until it is as `wanted`; its nodes stay."""
        then = {pod.place: pod for pod in wanted.pods}
        for pod in self.topology.pods:
            if pod.place not in then or replace(then[pod.place], addresses=pod.addresses) != pod:
                self.lab.remove_pod(pod.place)
        # An address must be free before another pod can have it.
        for pod in self.topology.pods:
            kept = tuple(address for address in then[pod.place].addresses if address in pod.addresses)
            if kept != pod.addresses:
                self.lab.readdress_pod(pod.place, kept)
        now = {pod.place: pod for pod in self.topology.pods}
        for place, pod in then.items():
            if place not in now:
                self.lab.add_pod(pod)
            elif now[place] != pod:
                self.lab.readdress_pod(place, pod.addresses)

    def ask(self, flows: Sequence[Flow], meant: Sequence[bool]) -> list[ProbeResult]:
        """Send all flows, each once, because whatever is tried again is counted again."""
        ends = Ends(self.topology)
        results: dict[int, ProbeResult] = {}
        for accepted, seconds in ((True, PATIENCE), (False, SILENCE)):
            numbers = [number for number, it in enumerate(meant) if it is accepted]
            answers = self.lab.probe([ends.probe(flows[number]) for number in numbers], seconds=seconds)
            results.update(zip(numbers, answers, strict=True))
        return [results[number] for number in range(len(flows))]

    def counted(self) -> Mapping[tuple[str, str, str], int]:
        """Return what every counter above zero has counted since the last time, by node, table and name."""
        return {
            (node.name, counter["table"], counter["name"]): counter["packets"]
            for node in self.topology.nodes
            for entry in self.nft(node.name, "reset counters")
            if (counter := entry.get("counter", {})).get("packets")
        }

    def installed(self) -> Mapping[str, Ruleset]:
        """Read back what the nodes' kernels hold of ours."""
        return {name: enforcer._dataplane.read() for name, enforcer in self._enforcers.items()}

    def nft(self, node: str, command: str) -> list[dict]:
        """Return what nftables on a node answers to a command that lists something."""

        def run() -> str:
            # A context answers from what it has read before, so each time there is a new one.
            nft = nftables.Nftables()
            nft.set_json_output(True)
            code, output, complaint = nft.cmd(command)
            assert code == 0, complaint
            return output

        return json.loads(self.lab.in_node(node, run))["nftables"]

    def check(self, flows: Sequence[Flow]) -> None:
        """Send the flows, and hold answers, counters and marks against what is meant."""
        decisions = [decide(self.snapshot, flow) for flow in flows]
        self.counted()
        answers = self.ask(flows, [goes_through(decision) for decision in decisions])
        counted = self.counted()
        wrong = []
        for flow, decision, answer in zip(flows, decisions, answers, strict=True):
            meant = goes_through(decision)
            way = traced(self.snapshot, self.rulesets, flow)
            origins = [judgement.origin for judgement in judgements(decision)]
            event(f"{'accepted' if meant else 'denied'} by {[type(origin).__name__ for origin in origins]}")
            if (answer.outcome, way) != (Outcome.CONNECTED if meant else Outcome.TIMEOUT, meant):
                because = " and ".join(map(str, origins))
                wrong.append(f"{flow}: meant {meant} ({because}), traced {way}, observed {answer}")
        expected = Counter(counter for decision in decisions for counter in to_be_counted(decision))

        assert not wrong, "\n".join(wrong)
        ours = Counter({counter: packets for counter, packets in counted.items() if counter[1] == TABLE})
        assert ours == expected, f"counted too often {ours - expected}, not often enough {expected - ours}"
        dirty = [node for node, _, name in counted if name == DIRTY and not self.rulesets[node].empty]
        assert not dirty, f"marks left behind on {dirty}"


def judgements(decision: Decision) -> Iterator[Judgement]:
    """Yield what nodes say about a first packet, in the order in which it meets them, up to the first denial."""
    for judgement in (decision.egress, decision.ingress):
        if judgement.pod is not None and judgement.pod.node:
            yield judgement
            if not judgement.accepted:
                return


def goes_through(decision: Decision) -> bool:
    """Say what must be seen: a pod on no node is judged by nobody."""
    return all(judgement.accepted for judgement in judgements(decision))


def to_be_counted(decision: Decision) -> Iterator[tuple[str, str, str]]:
    """Yield the counter of every rule, isolation or default that decides, by node, table and name."""
    for judgement in judgements(decision):
        policies = [step.policy for tier in judgement.steps for step in tier.policies]
        if any(policy.concerns(judgement.direction) for policy in policies):
            yield judgement.pod.node, TABLE, rule_chain(Verdict(judgement.accepted, judgement.origin))
