"""Who reaches whom, as a picture and as a document."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from anp.cli.paint import alarm, bold, dim, green, red
from anp.lab.topology import PodPlace, Topology
from anp.lab.trial import Finding, Trial
from anp.sources.diagnostics import printable
from compiler.model import Protocol

_SIGN = {
    (True, True): green("."),
    (False, True): red("X"),
    (True, False): alarm("!"),
    (False, False): alarm("?"),
}
"""By what was meant, accepted or not, and whether it was so."""


def picture(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a table, line by line: a row for each served port, a column for each source.

    Both families share a cell; where they differ it is a star, and a note below tells.
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
        yield f"  {number:>2}  {_name(source)}"
    yield ""
    yield bold(f"{'to':<{width}}  {'port':<10}" + "".join(f"{n:>4}" for n in range(1, len(sources) + 1)))
    for row in sorted(cells, key=lambda row: (_name(row[0]), row[1].value, row[2])):
        destination, protocol, port = row
        label = f"{_name(destination):<{width}}  {f'{protocol.value}/{port}':<10}"
        yield label + "".join(f"   {_cell(cells[row].get(source, []), notes)}" for source in sources)
    yield ""
    yield "  .  gets through, as meant     X  is dropped, as meant"
    if not all(finding.agrees for finding in findings):
        yield "  !  should get through and does not     ?  should be dropped and is not"
    yield from notes


def _cell(findings: list[Finding], notes: list[str]) -> str:
    signs = {_SIGN[finding.meant.accepted, finding.agrees] for finding in findings}
    if not signs:
        return dim("-")
    if len(signs) == 1:
        return signs.pop()
    notes.extend(
        f"  *  {printable(str(finding.attempt.probe))}: "
        f"{_fate(finding)}, {'as meant' if finding.agrees else alarm('NOT as meant')}"
        for finding in findings
    )
    return "*"


def _fate(finding: Finding) -> str:
    return "gets through" if finding.meant.accepted is finding.agrees else "is dropped"


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
        yield alarm(printable(str(finding.attempt.probe)))
        yield f"  meant:    {'gets through' if meant.accepted else 'is dropped'} ({printable(origins or 'not judged')})"
        yield f"  observed: {printable(str(finding.observed))}"
        yield f"  compiled: {trial.whereabouts(finding.attempt.flow)}"


def as_json(findings: Sequence[Finding], topology: Topology, seconds: float) -> dict[str, Any]:
    """Return the findings as a JSON document of kind ``LabRun``, version 1."""
    return {
        "kind": "LabRun",
        "version": 1,
        "pods": len(topology.pods),
        "nodes": len(topology.nodes),
        "seconds": round(seconds, 3),
        "probes": len(findings),
        "asMeant": sum(finding.agrees for finding in findings),
        "findings": [
            {
                "from": _written(finding.attempt.source),
                "to": _written(finding.attempt.destination),
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
    return printable(_written(place))


def _written(place: PodPlace) -> str:
    return f"{place.namespace}/{place.name}"
