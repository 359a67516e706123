"""What came of scenario suites, as a table and as a document."""

from collections.abc import Iterator, Sequence
from typing import Any

from anp.cli import console
from anp.cli.options import Output
from anp.cli.paint import alarm, bold, dim, green
from anp.conformance.outcomes import COUNTED_BY_PROBES, Outcome, Tally, tallies
from anp.conformance.runner import Verdict
from anp.conformance.selection import Case
from anp.conformance.wording import lines
from anp.sources.diagnostics import printable

_HAPPENED = {True: "accepted", False: "denied", None: "error"}


def show_list(cases: Sequence[Case], output: Output) -> None:
    """Print which tests there are."""
    if output is not Output.TEXT:
        console.document({"kind": "ConformanceTests", "version": 1, "tests": [_listed(case) for case in cases]}, output)
        return
    for line in _columns(
        ("suite/test", "probes", "features"),
        ((_name(case), str(len(case.planned())), _features(case)) for case in cases),
    ):
        console.say(line)


def show(outcomes: Sequence[Outcome], judge: str, how: str, seconds: float, output: Output) -> None:
    """Print what came of tests."""
    if output is not Output.TEXT:
        console.document(as_json(outcomes, judge, seconds), output)
        return
    for line in _text(outcomes, how, seconds):
        console.say(line)


def _text(outcomes: Sequence[Outcome], how: str, seconds: float) -> Iterator[str]:
    """Yield the table, what failed and why, and the totals, which are last because that is where people look."""
    yield from _columns(("suite/test", "probes", "seconds", "features"), map(_row, outcomes))
    yield ""
    for outcome in outcomes:
        for number, line in enumerate(found := list(lines(outcome))):
            yield line if line.startswith(" ") else alarm(line)
            if number + 1 == len(found):
                yield ""
    counted = tallies(outcomes)
    yield "  ".join(_total(tally) for tally in counted)
    everything = Tally.of("", outcomes)
    skipped = f"; tests skipped: {everything.tests_skipped}" if everything.tests_skipped else ""
    yield f"{how}: {everything.probes_passed} of {everything.probes} probes passed, in {seconds:.1f} s{skipped}"
    for tally in counted:
        if tally.suite not in COUNTED_BY_PROBES:
            yield dim(f"  {printable(tally.suite)} counts tests; its probes: {tally.probes_passed}/{tally.probes}")
    if any(len(outcome.case.families) > 1 for outcome in outcomes):
        yield dim("  a probe passes if it does over every address family that its scenario has")


def _total(tally: Tally) -> str:
    return (green if tally.tests_passed == tally.tests else alarm)(printable(str(tally)))


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    if outcome.case.skipped:
        return _name(outcome.case), "-", "-", f"skipped: {outcome.case.skipped}"
    told = " FAILED" if outcome.failed else ""
    count = f"{outcome.probes_passed}/{outcome.probes}{told}"
    return _name(outcome.case), count, f"{outcome.seconds:.1f}", _features(outcome.case)


def _columns(titles: tuple[str, ...], rows: Any) -> Iterator[str]:
    """Yield rows under their titles, each column as wide as it has to be, and those that failed in colour."""
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    for row in (titles, *cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield bold(line) if row is titles else alarm(line) if row[1].endswith(" FAILED") else line


def _name(case: Case) -> str:
    return printable(case.title)


def _features(case: Case) -> str:
    return printable(", ".join(case.scenario.features))


def _listed(case: Case) -> dict[str, Any]:
    return {
        "suite": case.suite,
        "test": case.scenario.name,
        "about": case.scenario.about,
        "features": list(case.scenario.features),
        "families": list(case.families),
        "probes": len(case.planned()),
        "skipped": case.skipped or None,
    }


def as_json(outcomes: Sequence[Outcome], judge: str, seconds: float) -> dict[str, Any]:
    """Return what came of it as a JSON document of kind ``Conformance``, version 1."""
    return {
        "kind": "Conformance",
        "version": 1,
        "judge": judge,
        "seconds": round(seconds, 3),
        "passed": not any(outcome.failed for outcome in outcomes),
        "suites": [
            {
                "suite": tally.suite,
                "tests": tally.tests,
                "testsPassed": tally.tests_passed,
                "testsSkipped": tally.tests_skipped,
                "probes": tally.probes,
                "probesPassed": tally.probes_passed,
            }
            for tally in tallies(outcomes)
        ],
        "tests": [
            {
                **_listed(outcome.case),
                "probes": outcome.probes,
                "probesPassed": outcome.probes_passed,
                "passed": None if outcome.case.skipped else outcome.passed,
                "seconds": round(outcome.seconds, 3),
                "broken": (outcome.result.broken or None) if outcome.result else None,
                "failures": [_failure(v) for v in outcome.result.failures] if outcome.result else [],
            }
            for outcome in outcomes
        ],
    }


def _failure(verdict: Verdict) -> dict[str, Any]:
    probe, flow = verdict.probe, verdict.flow
    return {
        "step": verdict.step,
        "from": probe.source,
        "to": probe.destination,
        "source": str(flow.source),
        "destination": str(flow.destination),
        "protocol": probe.protocol.value,
        "port": probe.port or None,
        "family": verdict.family,
        "expected": "accepted" if probe.allowed else "denied",
        "happened": _HAPPENED[verdict.answer.through],
        "detail": verdict.answer.seen,
        "decidedBy": verdict.decided,
        "compiled": verdict.compiled or None,
    }
