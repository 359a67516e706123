"""Measure the control plane end to end, and print tables for bench/RESULTS.md."""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.control_plane import cold, latency
from bench.control_plane.cluster import Cluster
from bench.control_plane.figures import milliseconds, percentile, spreads, table
from bench.control_plane.workload import Size
from tests.controlplane.binaries import MissingError, binaries


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: at which size, and how often."""

    latency: Size
    samples: int
    rate: float
    cold: Size
    events: int
    first: int
    """So many changes of pods are not counted, nor what happens meanwhile."""


FULL = Plan(Size(1_000, 20, 100), 200, 10.0, Size(10_000, 200, 1_000), 300, 300)
QUICK = Plan(Size(1_000, 20, 100), 20, 10.0, Size(2_000, 40, 200), 50, 50)
TINY = Plan(Size(50, 5, 10), 3, 10.0, Size(50, 5, 10), 10, 5)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples, and a smaller cluster for the cold start")
    parser.add_argument("--tiny", action="store_true", help="so small that it only shows that it can be measured")
    parser.add_argument("--only", choices=("latency", "cold"), help="one of the two halves")
    parser.add_argument("--samples", type=int, help="how often a policy is turned each way")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs, which stays")
    options = parser.parse_args()
    plan = TINY if options.tiny else QUICK if options.quick else FULL
    try:
        programs = binaries()
    except MissingError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = options.keep or Path(temporary)
        if options.only != "cold":
            print_latency(plan, folder / "latency", programs, options.samples or plan.samples)
        if options.only != "latency":
            print_cold(plan, folder / "cold", programs)


def print_latency(plan: Plan, folder: Path, programs: Path, samples: int) -> None:
    """Measure policies and pods, and print."""
    _tell(f"making a cluster of {plan.latency}")
    with Cluster(folder, programs, plan.latency) as cluster:
        cold.start(cluster)
        _tell(f"turning a policy {2 * samples} times")
        found = latency.measure(cluster, samples, plan.first, plan.rate)
        costs = cold.costs(cluster)
    rate = found.changes / found.seconds
    print(f"{plan.latency}; {rate:.1f} pod changes a second meanwhile; load {_load()}\n")
    print(spreads("a policy is applied", found.policies))
    between = milliseconds(percentile(found.resolution, 0.5)), milliseconds(percentile(found.resolution, 0.99))
    print(f"\nTime between two packets at a turn: p50 {between[0]}, p99 {between[1]}; {found.strays} strays.\n")
    print(spreads("where the time goes", found.stages))
    print()
    print(table(("of all changes, in the mean", "time"), [(n, milliseconds(s)) for n, s in found.means.items()]))
    print()
    print(spreads("until the kernel of a node has it", found.pods))
    print()
    _print_costs(costs)


def print_cold(plan: Plan, folder: Path, programs: Path) -> None:
    """Measure a cold start, and what pods cost then, and print."""
    _tell(f"making a cluster of {plan.cold}")
    with Cluster(folder, programs, plan.cold) as cluster:
        _tell("starting controller and agent")
        found = cold.start(cluster)
        _tell(f"changing {plan.events} pods")
        each = cold.per_event(cluster, plan.events, plan.first, plan.rate)
        costs = cold.costs(cluster)
    print(f"\n{plan.cold}; load {_load()}\n")
    print(table(("cold start", "seconds"), [(name, f"{seconds:.2f}") for name, seconds in found.steps.items()]))
    print()
    _print_costs(found.costs)
    rows = [(f"writes of {name}", f"{count:.2f}") for name, count in each.writes.items()]
    rows.append(("bytes of the manifest to one watcher", f"{each.sent:,.0f}"))
    rows += [(f"processor time of the {name}", milliseconds(seconds)) for name, seconds in each.processor.items()]
    print("\n" + table((f"for one pod that comes or goes, of {each.events}", "mean"), rows) + "\n")
    _print_costs(costs)


def _print_costs(costs) -> None:
    rows = [(n, f"{c.seconds:.1f} s", f"{c.resident:.0f} MiB", f"{c.most:.0f} MiB") for n, c in costs.items()]
    print(table(("process", "processor time", "resident", "resident at most"), rows))


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def _tell(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} (load {_load()})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
