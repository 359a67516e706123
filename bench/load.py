"""What it costs to bring a node's rules into force: the whole table, then one pod more, one pod less, one edit.

Every figure is the median of several runs in a network namespace of our own. The yardstick beside each is the
smallest cluster of the same run.
"""

import argparse
import dataclasses
import resource
import statistics
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from multiprocessing import get_context

from bench.clusters import FIRST_POD, cluster
from compiler.compilation import compile_cluster
from compiler.labels import Labels
from compiler.lower import lower
from compiler.model import Action, Pod, PortRange, Protocol, Snapshot
from compiler.ruleset import Ruleset
from compiler.syntax import script
from enforcer.kernel import KernelDataplane
from enforcer.plan import plan
from enforcer.reconcile import Enforcer

SIZES = ((10, 5, 2), (10_000, 1_000, 50), (100_000, 5_000, 100))
NODE = "node-0"


def main() -> None:
    """Measure each size in a process of its own, so that memory is its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the smallest size only")
    options = parser.parse_args()
    rows: dict[str, list[str]] = {}
    for size in SIZES[:1] if options.quick else SIZES:
        with get_context("spawn").Pool(1) as pool:
            for name, figure in pool.apply(measure, (size, options.runs)).items():
                rows.setdefault(name, []).append(figure)
    heads = [f"{pods:,} pods, {classes:,} classes, {programs} programs" for pods, classes, programs in SIZES]
    print("| what | " + " | ".join(heads[: len(next(iter(rows.values())))]) + " |")
    print("|---|" + "---:|" * len(next(iter(rows.values()))))
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(figures) + " |")


def measure(size: tuple[int, int, int], runs: int) -> dict[str, str]:
    """Return the figures of one size, by name."""
    import ctypes  # noqa: PLC0415 - only here

    if ctypes.CDLL(None).unshare(0x40000000):
        raise SystemExit("bench/load.py needs the right to make a network namespace")
    snapshot = cluster(*size)
    figures: dict[str, str] = {}
    first = _timed(lambda: lower(compile_cluster(snapshot), NODE), runs)
    figures["compile and lower from scratch"] = _ms(first.seconds)
    ruleset = first.result
    figures["nft script"] = f"{len(script(ruleset)) / 1e6:.2f} MB"
    figures["elements"] = f"{sum(len(held.elements) for held in ruleset.maps.values()):,}"
    figures["chains"] = f"{len(ruleset.chains):,}"

    with KernelDataplane() as dataplane:
        enforcer = Enforcer(dataplane)
        enforcer.start()

        def load() -> None:
            enforcer.apply(ruleset)

        def clear() -> None:
            enforcer.apply(Ruleset())

        figures["first load"] = _ms(_timed(load, runs, after=clear).seconds)
        enforcer.apply(ruleset)
        figures["read back"] = _ms(_timed(dataplane.read, max(1, runs // 2)).seconds)
        for name, changed in _changes(snapshot).items():
            tx = plan(ruleset, changed)
            s = tx.summary
            what = f"{s.elements_added} + {s.elements_removed} elements, {s.chains_added + s.chains_flushed} chains"
            figures[f"{name}: written"] = what
            figures[f"{name}: plan"] = _ms(_timed(lambda after=changed: plan(ruleset, after), runs).seconds)
            figures[f"{name}: plan and kernel"] = _ms(
                _timed(lambda after=changed: enforcer.apply(after), runs, after=lambda: enforcer.apply(ruleset)).seconds
            )
    figures["peak memory of the process"] = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
    return figures


def _changes(snapshot: Snapshot) -> dict[str, Ruleset]:
    """Return what the node should hold after some everyday changes."""
    newcomer = Pod("ns-0", "newcomer", Labels({"app": "app-0"}), NODE, (IPv4Address(FIRST_POD + 0x800000),))
    remote = dataclasses.replace(newcomer, node="node-1")
    first = snapshot.policies[0]
    rule = dataclasses.replace(first.egress[0], action=Action.DENY, traffic=(PortRange(Protocol.TCP, 443, 443),))
    edited = dataclasses.replace(first, egress=(rule, *first.egress[1:]))
    after = {
        "a pod more on this node": dataclasses.replace(snapshot, pods=(*snapshot.pods, newcomer)),
        "a pod more elsewhere": dataclasses.replace(snapshot, pods=(*snapshot.pods, remote)),
        "a rule edited": dataclasses.replace(snapshot, policies=(edited, *snapshot.policies[1:])),
    }
    return {name: lower(compile_cluster(changed), NODE) for name, changed in after.items()}


@dataclasses.dataclass
class _Timed:
    seconds: float
    result: object


def _timed(function: Callable[[], object], runs: int, after: Callable[[], object] | None = None) -> _Timed:
    """Return the median time of `function`, with `after` run in between and not counted."""
    times, result = [], None
    for _run in range(runs):
        began = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - began)
        if after:
            after()
    return _Timed(statistics.median(times), result)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.2f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


if __name__ == "__main__":
    main()
