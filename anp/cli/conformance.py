"""The work of `anp conformance`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

import anp
from anp.cli import conformance_table, console
from anp.cli.conformance_progress import Progress
from anp.cli.options import Output
from anp.cli.subject import told
from anp.conformance import report
from anp.conformance.junit import junit
from anp.conformance.outcomes import Outcome
from anp.conformance.rehearsal import rehearse
from anp.conformance.scenario import Scenario, ScenarioError
from anp.conformance.selection import Case, Choice, SelectionError, load_suites, select
from anp.conformance.workers import Bench, play
from anp.lab import privilege

_PACKETS = "packets"
_HOW = {_PACKETS: "real packets", "traced": "rulesets traced, no packets", "meaning": "the meaning, no packets"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be run, and how."""

    choice: Choice
    judge: str
    scenarios: Path | None
    timeout: float
    workers: int
    listing: bool

    @property
    def packets(self) -> bool:
        """Whether packets are sent."""
        return self.judge == _PACKETS

    def how(self) -> str:
        """Say with what it is tried, and over what."""
        return f"{_HOW[self.judge]} over {' and '.join(f'IPv{family}' for family in self.choice.families)}"


@dataclass(frozen=True, slots=True)
class Told:
    """Where to say what came of it. `about` is the implementation, for upstream's report."""

    output: Output
    report: Path | None
    junit: Path | None
    about: tuple[str, str, str, str, str]


def try_suites(request: Request, to: Told) -> bool:
    """Run what was chosen, say what came of it, and return whether all of it passed."""
    suites, cases = _chosen(request)
    if request.listing:
        conformance_table.show_list(cases, to.output)
        return True
    if to.report is not None and not any(case.suite == release.suite for release in report.RELEASES for case in cases):
        there = ", ".join(release.suite for release in report.RELEASES)
        console.fail(f"--report is about the suites {there}, and no test of them was chosen")
    if not any(case.planned() for case in cases if not case.skipped):
        reasons = dict.fromkeys(case.skipped for case in cases if case.skipped)
        console.fail("; ".join(["nothing would be asked", *reasons]))
    for path in (to.report, to.junit):
        _write(path, "")  # now, so that nobody waits in vain, and that an old one is not taken for ours
    started = time.monotonic()
    outcomes = _played(request, cases)
    seconds = time.monotonic() - started
    if to.report is not None:
        _write(to.report, _upstream(request, to, suites, outcomes))
    _write(to.junit, junit(outcomes))
    conformance_table.show(outcomes, request.judge, request.how(), seconds, to.output)
    return not any(outcome.failed for outcome in outcomes)


def _chosen(request: Request) -> tuple[Mapping[str, Sequence[Scenario]], tuple[Case, ...]]:
    """Read the scenarios and choose; end with exit code 2 where something is wrong with either."""
    directory = request.scenarios or Path(anp.__file__).parents[1] / "testdata" / "scenarios"
    if not directory.is_dir():
        if request.scenarios is not None:
            console.fail(f"there is no directory {directory}")
        console.fail(
            "the scenarios are not part of the installed package: name a copy of testdata/scenarios, which is in the "
            "sources of anp, by --scenarios"
        )
    try:
        suites = load_suites(directory, request.choice.suites)
        cases = select(suites, request.choice, packets=request.packets)
        if not request.listing:
            console.progress(f"reading {len(cases)} tests")
            for case in cases:
                if not case.skipped:
                    rehearse(case, packets=request.packets)
    except (ScenarioError, SelectionError) as error:
        console.fail(str(error))
    return suites, cases


def _played(request: Request, cases: Sequence[Case]) -> list[Outcome]:
    """Run the tests, and return what came of them in their order."""
    with told():
        if request.packets:
            privilege.ensure()
        workers = request.workers if request.packets else 1
        with Progress(len(cases)) as progress:
            found = {}
            for outcome in play(cases, Bench(request.judge, request.timeout), workers):
                found[outcome.case.scenario.path] = outcome
                progress.tell(outcome)
    return [found[case.scenario.path] for case in cases]


def _upstream(request: Request, to: Told, suites: Mapping[str, Sequence[Scenario]], outcomes: Sequence[Outcome]) -> str:
    organization, project, url, version, contact = to.about
    people = tuple(name.strip() for name in contact.split(",") if name.strip())
    implementation = report.Implementation(organization, project, url, version or anp.__version__, people)
    if not url or not people:
        console.note("the report says nothing in some fields: --url and --contact fill them")
    found = report.reports(outcomes, suites, implementation, request.how(), datetime.now(UTC))
    return yaml.safe_dump_all(found, sort_keys=False)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        console.fail(f"cannot write {path}: {error.strerror}", console.EXIT_CANNOT)
