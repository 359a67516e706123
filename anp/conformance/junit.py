"""The outcome as JUnit XML, which most CI systems show."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from anp.conformance.outcomes import Outcome, Tally, tallies
from anp.conformance.wording import lines
from anp.sources.diagnostics import printable


def junit(outcomes: Sequence[Outcome], name: str = "anp conformance") -> str:
    """Return a document of that name with a test suite for each suite and a test case for each test.

    What XML has no place for, such as control characters, is spelled out.
    """
    counted = tallies(outcomes)
    top = ET.Element("testsuites", _counts(name, counted))
    for tally in counted:
        suite = ET.SubElement(top, "testsuite", _counts(tally.suite, [tally]))
        for outcome in outcomes:
            if outcome.case.suite == tally.suite:
                _add(suite, outcome)
    ET.indent(top)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(top, encoding='unicode')}\n"


def _counts(name: str, counted: Sequence[Tally]) -> dict[str, str]:
    tests = sum(tally.tests + tally.tests_skipped for tally in counted)
    return {
        "name": printable(name),
        "tests": str(tests),
        "failures": str(sum(tally.tests - tally.tests_passed for tally in counted)),
        "errors": "0",
        "skipped": str(sum(tally.tests_skipped for tally in counted)),
        "time": f"{sum(tally.seconds for tally in counted):.3f}",
    }


def _add(suite: ET.Element, outcome: Outcome) -> None:
    case = outcome.case
    named = {"classname": printable(case.suite), "name": printable(case.scenario.name)}
    element = ET.SubElement(suite, "testcase", {**named, "time": f"{outcome.seconds:.3f}"})
    if case.skipped:
        ET.SubElement(element, "skipped", {"message": printable(case.skipped)})
    elif outcome.failed:
        missed = outcome.probes - outcome.probes_passed
        broken = outcome.result.broken if outcome.result else ""
        message = printable(broken) or f"{missed} of {outcome.probes} probes failed"
        ET.SubElement(element, "failure", {"message": message}).text = "\n".join(lines(outcome))
