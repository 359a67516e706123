"""The work of `anp test`: expectations that people keep next to their policies, put to all who know the answer."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anp.cli import conformance_table, console
from anp.cli.options import Origin, Output
from anp.cli.subject import cluster_or_exit, told
from anp.conformance.junit import junit
from anp.conformance.outcomes import Outcome
from anp.conformance.rehearsal import rehearse
from anp.conformance.running import RunningCluster
from anp.conformance.scenario import NO_PACKETS, Running, Scenario, ScenarioError, load_scenario
from anp.conformance.selection import Case
from anp.conformance.workers import Bench, play
from anp.lab import privilege
from anp.sources.diagnostics import has_errors, printable
from anp.sources.files import list_files

_CODE = ("meaning", "traced")
_PACKETS = "packets"
_HOW = {"meaning": "the meaning", "traced": "rulesets traced", _PACKETS: "real packets"}


@dataclass(frozen=True, slots=True)
class Trial:
    """How it is to be tried, on which cluster if not on one of manifests, and where to write JUnit XML."""

    lab: bool
    junit: Path | None
    timeout: float
    origin: Origin
    verbose: bool = False

    @property
    def judges(self) -> tuple[str, ...]:
        """Who is asked, one after another."""
        return (*_CODE, _PACKETS) if self.lab else _CODE


def try_files(files: Sequence[Path], trial: Trial, output: Output) -> bool:
    """Try what files expect, say what came of it, and return whether all is as expected."""
    if trial.lab and trial.origin.live:
        console.fail("--lab builds a cluster of manifests, and --live asks one that runs")
    cases = _cases(files, trial)
    _write(trial.junit, "")  # now, so that nobody waits in vain, and that an old one is not taken for ours
    started = time.monotonic()
    with told():
        if trial.lab:
            privilege.ensure()
        outcomes = [_tried(case, trial) for case in cases]
    seconds = time.monotonic() - started
    _write(trial.junit, junit(outcomes, "anp test"))
    if output is Output.TEXT:
        how = ", ".join(_HOW[judge] for judge in trial.judges)
        conformance_table.show(outcomes, " and ".join(trial.judges), how, seconds, output)
    else:
        document = conformance_table.as_json(outcomes, " and ".join(trial.judges), seconds)
        console.document({**document, "kind": "Test"}, output)
    return not any(outcome.failed for outcome in outcomes)


def _tried(case: Case, trial: Trial) -> Outcome:
    """Ask one after another; the first who sees something else than was expected is told, or else the last."""
    seconds = 0.0
    outcome = Outcome(case)
    for judge in trial.judges:
        if judge == _PACKETS and NO_PACKETS in case.scenario.tags:
            continue
        (outcome,) = play([case], Bench(judge, trial.timeout))
        seconds += outcome.seconds
        if outcome.failed:
            break
    return replace(outcome, seconds=seconds)


def _cases(files: Sequence[Path], trial: Trial) -> list[Case]:
    """Read the files; end with exit code 2 where something is wrong with one."""
    cases = []
    try:
        for scenario in _scenarios(files, trial):
            path = scenario.path
            case = Case(str(path.parent), scenario, scenario.families, tuple(range(len(scenario.steps))))
            rehearse(case, packets=trial.lab and NO_PACKETS not in scenario.tags)
            cases.append(case)
    except ScenarioError as error:
        console.fail(str(error))
    if not any(case.planned() for case in cases):
        console.fail("nothing is expected in these files")
    return cases


def _scenarios(files: Sequence[Path], trial: Trial) -> list[Scenario]:
    """Read the files, and then the cluster if they are asked of one that runs."""
    scenarios = [load_scenario(path, objects=not trial.origin.live) for path in _paths(files)]
    if not trial.origin.live:
        return scenarios
    ends = (end for each in scenarios for step in each.steps for p in step.probes for end in (p.source, p.destination))
    services = any(end.startswith("service ") for end in ends)
    found = cluster_or_exit(trial.origin, invent=False, verbose=trial.verbose, services=services)
    cluster = RunningCluster(Running(found.snapshot, found.services))
    asked = [cluster.asked(scenario) for scenario in scenarios]
    for each in asked:
        if each.left_out:
            steps = "step is" if each.left_out == 1 else "steps are"
            told = f"{each.scenario.path}: {each.left_out} {steps} about changes, and not asked of a running cluster"
            console.note(printable(told))
    return [each.scenario for each in asked]


def _paths(files: Sequence[Path]) -> Iterator[Path]:
    for file in files:
        listing = list_files(str(file))
        if has_errors(listing.diagnostics):
            console.fail("; ".join(map(str, listing.diagnostics)))
        if not listing.files:
            console.fail(f"there are no files in {file}")
        yield from map(Path, listing.files)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        console.fail(f"cannot write {path}: {error.strerror}", console.EXIT_CANNOT)
