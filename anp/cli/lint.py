"""The work of `anp lint`."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.check import Check
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.junit import junit
from anp.analysis.lint.linter import LintReport, Wanted, lint
from anp.analysis.lint.sarif import sarif
from anp.analysis.lint.sourcetext import Annotated, annotations_at
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.paint import alarm, bold, dim, green, yellow
from anp.cli.subject import cluster_or_exit, told
from anp.live.observed import Observed
from anp.sources.diagnostics import Severity, printable
from anp.sources.files import MAX_BYTES, STANDARD_INPUT, file_name, read_text
from anp.sources.manifests import Loaded
from anp.state.cluster import Cluster

_PAINT = {Severity.ERROR: alarm, Severity.WARNING: yellow, Severity.INFO: dim}
_SEVERITIES = {severity.label: severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be told, and where to; `fail_on` is ``never`` or the name of a severity."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    severity: str
    fail_on: str
    output: Output
    sarif: Path | None
    junit: Path | None


def print_findings(origin: Origin, asked: Asked, *, verbose: bool) -> bool:
    """Print what is probably not meant, and return whether that is little enough to go on."""
    for option, given in (("--select", asked.select), ("--ignore", asked.ignore)):
        for code in given:
            if not code or not any(known.startswith(code) for known in CATALOGUE):
                console.fail(f"{option} {code:.40}: no code begins so; there are {', '.join(CATALOGUE)}")
    fail_on = _SEVERITIES.get(asked.fail_on)
    # Whoever fails on it has to see it.
    shown = max(_SEVERITIES[asked.severity], fail_on or Severity.ERROR)
    cluster, texts = _read(origin, verbose=verbose)
    with told():
        report = lint(cluster, texts, Wanted(asked.select, asked.ignore, shown), _annotated(cluster))
    if asked.sarif is not None:
        _write(asked.sarif, f"{json.dumps(sarif(report), indent=2)}\n")
    if asked.junit is not None:
        _write(asked.junit, junit(report, fail_on))
    if asked.output is Output.TEXT:
        for line in report_lines(report):
            console.say(line)
    else:
        console.document(as_json(report), asked.output)
    return fail_on is None or not report.worst(fail_on)


def print_check(code: str, output: Output) -> None:
    """Print what a code means, with an example."""
    check = CATALOGUE.get(code.upper())
    if check is None:
        console.fail(f"--explain {code:.40}: there is no such code; there are {', '.join(CATALOGUE)}")
    if output is Output.TEXT:
        for line in check_lines(check):
            console.say(line)
        return
    said = {
        "kind": "LintCheck",
        "version": 1,
        "code": check.code,
        "name": check.name,
        "severity": check.severity.label,
        "title": check.title,
        "why": check.why,
        "fix": check.fix,
        "example": check.example,
    }
    console.document(said, output)


def check_lines(check: Check) -> Iterator[str]:
    """Yield what a code means, for people."""
    yield bold(f"{check.code} {check.name} ({check.severity.label})")
    yield f"{check.title}."
    yield ""
    yield check.why
    yield ""
    yield f"What to do: {check.fix}."
    yield ""
    yield "For example:"
    yield ""
    yield from (f"  {line}" for line in check.example.splitlines())


def report_lines(report: LintReport) -> Iterator[str]:
    """Yield a report for people."""
    for found in report.findings:
        yield from _lines(found)
    counts = [
        f"{number} {severity.label}{'s' if number > 1 and severity is not Severity.INFO else ''}"
        for severity in Severity
        if (number := sum(found.severity is severity for found in report.findings))
    ]
    hushed = f"; {len(report.suppressed)} suppressed" if report.suppressed else ""
    yield f"{', '.join(counts)}{hushed}" if counts else green(f"nothing found{hushed}")


def _lines(found: Finding) -> Iterator[str]:
    yield _PAINT[found.severity](str(found))
    yield from (f"    {other}" for other in found.related)
    if found.witness is not None:
        yield f"    for example {found.witness}"
    if found.hint:
        yield f"    {printable(found.hint)}"


def as_json(report: LintReport) -> dict[str, Any]:
    """Return a report as a JSON document of kind ``LintReport``, version 1."""
    return {
        "kind": "LintReport",
        "version": 1,
        "codes": list(report.codes),
        "counts": {
            severity.label: sum(found.severity is severity for found in report.findings) for severity in Severity
        },
        "findings": [found.as_json() for found in report.findings],
        "suppressed": [{**found.as_json(), "reason": reason} for found, reason in report.suppressed],
    }


def _read(origin: Origin, *, verbose: bool) -> tuple[Cluster, dict[str, str]]:
    """Read the cluster, and once more the text of its files, for the comments in them."""
    texts: dict[str, str] = {}
    if origin.file == STANDARD_INPUT:
        # It can be read only once, so the cluster is read from what is kept of it.
        kept = sys.stdin.buffer.read(MAX_BYTES + 1)
        texts[file_name(origin.file)] = kept.decode("utf-8-sig", "replace")
        sys.stdin = io.TextIOWrapper(io.BytesIO(kept), encoding="utf-8")
    cluster = cluster_or_exit(origin, invent=True, verbose=verbose)
    written = (item for item in cluster.items.values() if isinstance(item, Loaded) and not isinstance(item, Observed))
    for name in dict.fromkeys(item.origin.file for item in written):
        if name not in texts:
            texts[name] = read_text(name).text or ""
    return cluster, texts


def _annotated(cluster: Cluster) -> list[Annotated]:
    """Return what stands beside the objects of a running cluster, which have no text to read it from."""
    observed = (item for item in cluster.items.values() if isinstance(item, Observed))
    return [found for item in observed for found in annotations_at(item.origin, item.annotations)]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        console.fail(f"cannot write {path}: {why}", console.EXIT_CANNOT)
