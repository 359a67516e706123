"""Findings as JUnit XML, which most CI systems show: a test case for each code that was looked for."""

from xml.etree import ElementTree as ET

from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.linter import LintReport
from anp.sources.diagnostics import Severity


def junit(report: LintReport, fail_on: Severity | None) -> str:
    """Return a document in which a code fails that has findings of severity `fail_on` or worse."""
    failing = {found.code for found in report.findings if fail_on is not None and found.severity <= fail_on}
    counts = {"tests": str(len(report.codes)), "failures": str(len(failing)), "errors": "0", "skipped": "0"}
    top = ET.Element("testsuites", {"name": "anp lint", **counts})
    suite = ET.SubElement(top, "testsuite", {"name": "anp lint", **counts})
    for code in report.codes:
        case = ET.SubElement(suite, "testcase", {"classname": "anp lint", "name": f"{code} {CATALOGUE[code].name}"})
        lines = [str(found) for found in report.findings if found.code == code]
        text = "\n".join(lines)
        if code in failing:
            many = f"{len(lines)} findings" if len(lines) > 1 else "1 finding"
            ET.SubElement(case, "failure", {"message": f"{many}: {CATALOGUE[code].title}"}).text = text
        elif lines:
            ET.SubElement(case, "system-out").text = text
    ET.indent(top)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(top, encoding='unicode')}\n"
