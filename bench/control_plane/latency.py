"""How long it takes until policies and pods are in force, while pods come and go."""

import random
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from bench.control_plane import workload
from bench.control_plane.cluster import GATES, MANIFESTS, Cluster
from bench.control_plane.observers import Commit, Journal, Kernel, Manifest, Packets, Watcher, manifest_of
from tests.upstream.engine import Program

LIMIT = 60.0
"""Seconds after which something is not late but lost."""
ACTIONS = ("Deny", "Accept")
PRESENT = 10
"""How many of the pods that come and go are there at a time."""


@dataclass(slots=True)
class Latencies:
    """Series of seconds, by name."""

    policies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    stages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pods: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    resolution: list[float] = field(default_factory=list)
    strays: int = 0
    changes: int = 0
    seconds: float = 0.0
    means: Mapping[str, float] = field(default_factory=dict)


class Churn:
    """Lets pods come and go, in a thread, at a rate; `pods` has what came of each."""

    def __init__(self, cluster: Cluster, kernel: Kernel, rate: float) -> None:
        self._cluster = cluster
        self._kernel = kernel
        self._period = 1 / rate
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self.changes: list[tuple[bool, workload.HollowPod, float, int]] = []
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def await_changes(self, count: int) -> None:
        """Wait until there were so many changes, or it has failed."""
        while len(self.changes) < count and self._thread.is_alive():
            time.sleep(0.02)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self._come_and_go()
        except Exception as error:  # noqa: BLE001 - whoever closes it is told
            self._failure = error

    def _come_and_go(self) -> None:
        present: list[workload.HollowPod] = []
        number, due = 0, time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += self._period
            comes = len(present) < PRESENT or len(self.changes) % 2 == 0
            seen = len(self._kernel.commits)
            if comes:
                pod = workload.passing_pod(self._cluster.size, number)
                number += 1
                self._cluster.start_pod(pod)
                present.append(pod)
            else:
                pod = present.pop(0)
                self._cluster.end_pod(pod)
            self.changes.append((comes, pod, time.monotonic(), seen))

    def latencies(self, since: int = 0) -> dict[str, list[float]]:
        """Return how long each change took until the kernel of the node said that it is in force.

        Raises:
            TimeoutError: one never was.

        """
        found: dict[str, list[float]] = {"a pod comes": [], "a pod goes": []}
        for comes, pod, accepted, seen in self.changes[since:]:
            wanted = pod.address.packed

            def tells(commit: Commit, wanted: bytes = wanted, *, comes: bool = comes) -> bool:
                return wanted in (commit.elements if comes else commit.gone)

            commit = self._kernel.commits.await_first(tells, seen, LIMIT)
            if commit is None:
                raise TimeoutError(f"{pod.name} was never in force" if comes else f"{pod.name} is in force for ever")
            found["a pod comes" if comes else "a pod goes"].append(commit.seen - accepted)
        return found


def measure(cluster: Cluster, samples: int, first: int, rate: float, seed: int = 1) -> Latencies:
    """Turn the gate so many times each way. The engine runs, and what is published is in force.

    It begins after the `first` changes of pods, when the manifest's journal is as long as it is from then on.

    Raises:
        TimeoutError: something never came into force.

    """
    found, chance = Latencies(), random.Random(seed)
    policies: Journal[tuple[float, str]] = Journal()
    manifests: Journal[Manifest] = Journal()
    with ExitStack() as stack:
        kernel = stack.enter_context(closing(Kernel(cluster.lab)))
        packets = stack.enter_context(Packets(cluster.lab))
        stack.callback(Watcher(cluster.rest, GATES, lambda seen, event: policies.add((seen, _action(event)))).close)
        stack.callback(
            Watcher(cluster.rest, MANIFESTS, lambda seen, event: manifests.add(manifest_of(seen, event))).close
        )
        if packets.turns.await_first(lambda turn: turn.passing, 0, LIMIT) is None:
            raise TimeoutError("nothing passes although everything may")
        churn = Churn(cluster, kernel, rate)
        churn.start()
        try:
            churn.await_changes(first)
            began, before, uncounted = time.monotonic(), _sums(cluster), len(churn.changes)
            for number in range(2 * samples):
                time.sleep(chance.uniform(0.15, 0.45))  # in any phase of everything that is periodic
                _turn(cluster, ACTIONS[number % 2], kernel, packets, policies, manifests, found)
        finally:
            churn.close()
        found.seconds, found.changes = time.monotonic() - began, len(churn.changes) - uncounted
        found.pods = churn.latencies(uncounted)
        found.means = _means(before, _sums(cluster))
    return found


def _turn(cluster, action, kernel, packets, policies, manifests, found: Latencies) -> None:  # noqa: PLR0913, PLR0917
    seen = len(packets.turns), len(policies), len(manifests), len(kernel.commits)
    sent, accepted = cluster.turn(action)
    passing = action == "Accept"
    turn = packets.turns.await_first(lambda turn: turn.passing is passing, seen[0], LIMIT)
    if turn is None:
        raise TimeoutError(f"{action} was never in force")
    word = "first permitted packet" if passing else "first refused packet"
    found.policies[f"{action}: from its acceptance to the {word}"].append(turn.at - accepted)
    found.policies[f"{action}: from the request to the {word}"].append(turn.at - sent)
    found.resolution.append(turn.at - turn.after)
    found.strays = turn.strays
    told = policies.await_first(lambda event: event[1] == action, seen[1], LIMIT)
    manifest = manifests.await_first(lambda each: "programs" in each.tables, seen[2], LIMIT)
    commit = kernel.commits.await_first(lambda each: each.rules, seen[3], LIMIT)
    if told is None or manifest is None or commit is None:
        raise TimeoutError(f"{action} is in force, and nobody has told of it")
    moments = {
        "request → acceptance": accepted,
        "acceptance → watchers are told of the policy": told[0],
        "→ the controller has compiled it": manifest.planned,
        "→ watchers are told of the manifest": manifest.seen,
        "→ the kernel has committed it": commit.seen,
        "→ first packet": turn.at,
    }
    last = sent
    for stage, moment in moments.items():
        found.stages[stage].append(moment - last)
        last = moment


def _action(event: Mapping) -> str:
    return event["object"]["spec"]["ingress"][0]["action"]


_STEPS = {
    "anp_compile_seconds": "controller: compiling",
    "anp_publish_seconds": "controller: planning and writing",
    "anp_agent_apply_seconds": "agent: from complete slices to the kernel's word",
    "anp_agent_programming_seconds": "agent: from the controller's plan to the kernel's word",
}


def _sums(cluster: Cluster) -> dict[str, tuple[float, float]]:
    """Return sum and count of every histogram of the engine that we know."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for program in (cluster.controller, cluster.agent):
        for family in text_string_to_metric_families(_metrics(program)):
            for sample in family.samples if family.name in _STEPS else ():
                found[family.name][sample.name.rpartition("_")[2]] = sample.value
    return {name: (each.get("sum", 0.0), each.get("count", 0.0)) for name, each in found.items()}


def _means(before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    means = {}
    for name, (total, count) in after.items():
        earlier, fewer = before.get(name, (0.0, 0.0))
        means[f"{_STEPS[name]}, {count - fewer:.0f} times"] = (total - earlier) / max(1.0, count - fewer)
    return means


def _metrics(program: Program) -> str:
    with urllib.request.urlopen(f"http://{program.address}/metrics", timeout=30) as answer:
        return answer.read().decode()
