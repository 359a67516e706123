"""Who reaches whom, as a picture and as a document."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rich.markup import escape

from anp.lab.topology import PodPlace
from anp.lab.trial import Finding, Trial
from anp.sources.diagnostics import printable
from compiler.model import Protocol

_SIGN = {
    (True, True): "[green].[/]",
    (False, True): "[red]X[/]",
    (True, False): "[bold white on red]![/]",
    (False, False): "[bold white on red]?[/]",
}


def picture(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a table as lines of rich markup: a row for each served port, a column for each source.

    Both families share a cell; where they differ, the cell is a number, and a note below tells.
    """
    sources = sorted({finding.attempt.source for finding in findings}, key=_name)
    cells: dict[tuple[PodPlace, Protocol, int], dict[PodPlace, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        flow = finding.attempt.flow
        row = (finding.attempt.destination, flow.protocol, flow.port)
        cells[row][finding.attempt.source].append(finding)
    notes: list[str] = []
    width = max((len(_name(row[0])) for row in cells), default=2)
    yield "Columns are sources:"
    for number, source in enumerate(sources, 1):
        yield f"  {number:>2}  {escape(printable(_name(source)))}"
    yield ""
    yield f"[bold]{'to':<{width}}  {'port':<10}" + "".join(f"{n:>4}" for n in range(1, len(sources) + 1)) + "[/]"
    for row in sorted(cells, key=lambda row: (_name(row[0]), row[1].value, row[2])):
        destination, protocol, port = row
        label = f"{escape(printable(_name(destination))):<{width}}  {f'{protocol.value}/{port}':<10}"
        signs = "".join(f"   {_cell(cells[row].get(source, []), notes)}" for source in sources)
        yield label + signs
    yield ""
    yield "  .  gets through, as meant     X  is dropped, as meant"
    if not all(finding.agrees for finding in findings):
        yield "  !  should get through and does not     ?  should be dropped and is not"
    yield from notes


def _cell(findings: list[Finding], notes: list[str]) -> str:
    signs = {_SIGN[finding.meant.accepted, finding.agrees] for finding in findings}
    if not signs:
        return "[dim]-[/]"
    if len(signs) == 1:
        return signs.pop()
    notes.extend(
        f"  *  {escape(str(finding.attempt.probe))}: {'gets through' if finding.meant.accepted else 'is dropped'}"
        f"{'' if finding.agrees else ', NOT as meant'}"
        for finding in findings
    )
    return "*"


def differences(findings: Sequence[Finding], trial: Trial) -> Iterator[str]:
    """Yield, for everything that was not as meant, what was meant by which rule and what was seen instead."""
    for finding in findings:
        if finding.agrees:
            continue
        meant = finding.meant
        origins = " and ".join(
            str(judgement.origin)
            for judgement in (meant.egress, meant.ingress)
            if judgement.accepted is meant.accepted and judgement.exemption is None
        )
        yield f"[bold red]{escape(str(finding.attempt.probe))}[/]"
        yield f"  meant:    {'gets through' if meant.accepted else 'is dropped'} ({escape(printable(origins))})"
        yield f"  observed: {escape(str(finding.observed))}"
        yield f"  compiled: {trial.whereabouts(finding.attempt.flow)}"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as a JSON document of kind ``LabRun``, version 1 (docs/reference/output.md)."""
    return {
        "kind": "LabRun",
        "version": 1,
        "probes": len(findings),
        "asMeant": sum(finding.agrees for finding in findings),
        "findings": [
            {
                "from": _name(finding.attempt.source),
                "to": _name(finding.attempt.destination),
                "source": str(finding.attempt.flow.source),
                "destination": str(finding.attempt.flow.destination),
                "protocol": finding.attempt.flow.protocol.value,
                "port": finding.attempt.flow.port,
                "meant": "accepted" if finding.meant.accepted else "denied",
                "decidedBy": {
                    "egress": str(finding.meant.egress.origin),
                    "ingress": str(finding.meant.ingress.origin),
                },
                "observed": finding.observed.outcome.value,
                "detail": finding.observed.detail,
                "agrees": finding.agrees,
            }
            for finding in findings
        ],
    }


def _name(place: PodPlace) -> str:
    return f"{place.namespace}/{place.name}"
