"""A cold start: controller and agent begin with a cluster that is there; and what pods that come later cost."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from bench.control_plane.cluster import Cluster, Cost, cost
from bench.control_plane.latency import Churn
from bench.control_plane.observers import Kernel
from tests.upstream.engine import Program

OURS = ("policygenerations", "generationslices", "nodeenforcements", "nodeenforcements/status", "leases", "events")


@dataclass(slots=True)
class Start:
    """Seconds from the start of the processes to each step, and what they have taken by then."""

    steps: Mapping[str, float]
    costs: Mapping[str, Cost]


@dataclass(slots=True)
class PerEvent:
    """What one change of a pod costs: writes by resource, bytes that each watcher is sent, and processor time."""

    events: int
    seconds: float
    writes: dict[str, float] = field(default_factory=dict)
    sent: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)


def start(cluster: Cluster) -> Start:
    """Start the engine, and wait until everything is in force."""
    began = time.time()
    cluster.start_engine()
    cluster.await_true(lambda: _said(cluster.agent, "generation in force"), "the first generation to be in force")
    in_force = _said(cluster.agent, "generation in force") - began
    steps = {
        "the controller's process has begun": _said(cluster.controller, "starting") - began,
        "all objects are known": _said(cluster.controller, "all objects are known") - began,
        "the first generation is published": _said(cluster.controller, "published") - began,
        "it is in force on the node": in_force,
    }
    return Start(steps, costs(cluster))


def costs(cluster: Cluster) -> dict[str, Cost]:
    return {program.name: cost(program) for program in (cluster.controller, cluster.agent)}


def per_event(cluster: Cluster, events: int, first: int, rate: float) -> PerEvent:
    """Let pods come and go, and count what that costs; policies stay as they are.

    The `first` changes are not counted: by then the manifest's journal has become as long as it is from then on.
    """
    with closing(Kernel(cluster.lab)) as kernel:
        churn = Churn(cluster, kernel, rate)
        churn.start()
        churn.await_changes(first)
        writes, sent = cluster.counts()
        before, began, uncounted = costs(cluster), time.monotonic(), len(churn.changes)
        churn.await_changes(uncounted + events)
        churn.close()
        churn.latencies()  # until all of it is in force
        seconds = time.monotonic() - began
        count = len(churn.changes) - uncounted
    writes_after, sent_after = cluster.counts()
    after = costs(cluster)
    return PerEvent(
        count,
        seconds,
        {name: (writes_after[name] - writes[name]) / count for name in OURS},
        (sent_after["policygenerations"] - sent["policygenerations"]) / count,
        {name: (after[name].seconds - before[name].seconds) / count for name in after},
    )


def _said(program: Program, text: str) -> float:
    """Return when a program has first said something, on the clock on the wall; 0 before."""
    for line in program.log.read_text(encoding="utf-8").splitlines() if program.log.exists() else ():
        if line.startswith("{") and (record := json.loads(line))["message"] == text:
            return datetime.fromisoformat(record["time"]).timestamp()
    return 0.0
