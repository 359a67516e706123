"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a change."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import anp
from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.linter import LintReport
from anp.sources.diagnostics import Location, Severity, printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(report: LintReport) -> dict[str, Any]:
    """Return a report as a SARIF log; what was suppressed in the files is in it, with the reason."""
    results = [_result(found, report.codes) for found in report.findings]
    results += [
        {**_result(found, report.codes), "suppressions": [{"kind": "inSource", "justification": printable(reason)}]}
        for found, reason in report.suppressed
    ]
    driver = {
        "name": "anp lint",
        "version": anp.__version__,
        "rules": [
            {
                "id": code,
                "name": CATALOGUE[code].name,
                "shortDescription": {"text": CATALOGUE[code].title},
                "fullDescription": {"text": CATALOGUE[code].why},
                "help": {"text": CATALOGUE[code].fix},
                "defaultConfiguration": {"level": _LEVEL[CATALOGUE[code].severity]},
            }
            for code in report.codes
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(found: Finding, codes: tuple[str, ...]) -> dict[str, Any]:
    example = f" For example {found.witness}." if found.witness else ""
    result: dict[str, Any] = {
        "ruleId": found.code,
        "level": _LEVEL[found.severity],
        "message": {"text": printable(f"{found.about}: {found.message}.{example}")},
        "locations": list(_locations([found.at])),
        "partialFingerprints": {"anpLint/v1": hashlib.sha256(repr(found.fingerprint).encode()).hexdigest()[:32]},
    }
    if found.code in codes:
        result["ruleIndex"] = codes.index(found.code)
    related = [
        {**place, "message": {"text": printable(f"{other.part}: {other.about}")}}
        for other in found.related
        for place in _locations([other.at])
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _locations(places: Iterable[Location]) -> Iterable[dict[str, Any]]:
    for at in places:
        if at.file:
            region = {name: number for name, number in (("startLine", at.line), ("startColumn", at.column)) if number}
            # A file may have any name, and an URI has not every character.
            name = at.file.encode("utf-8", "surrogateescape")
            physical: dict[str, Any] = {"artifactLocation": {"uri": quote(name)}}
            yield {"physicalLocation": {**physical, "region": region} if region else physical}
