"""Everything about one node, from its listing and its cluster: compared, put together as people tell it, and blamed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from anp.analysis.parties import Roster
from anp.analysis.prove.blame import Blame
from anp.analysis.prove.foreign import remarks
from anp.analysis.prove.language import Listed
from anp.analysis.prove.listing import listed
from anp.analysis.prove.proof import compare
from anp.analysis.prove.result import Finding, Gap, Proof
from anp.analysis.prove.wanted import as_listed
from compiler.compilation import Compilation, compile_cluster
from compiler.lower import DEFAULT_LAYOUT, lower
from compiler.marks import MarkLayout
from compiler.model import Snapshot
from compiler.packets import PacketSet

BLAMED = 200
"""So many findings are looked into; where there are more, something is wrong with the whole."""


def prove(
    objects: list[tuple[str, dict[str, Any]]], snapshot: Snapshot, node: str, layout: MarkLayout = DEFAULT_LAYOUT
) -> Proof:
    """Prove that a listing does on a node what policies mean, or say where not.

    The layout says only what our objects would look like, to name those that are wrong.

    Raises:
        ListingError: that is no listing.
        UnknownMeaningError: some packet comes to something whose meaning is not known.
        TooManyClassesError: the policies cannot be compiled for this node.

    """
    compilation = compile_cluster(snapshot)
    there = listed(objects)
    comparison = compare(there, compilation, node)
    findings = _findings(comparison.gaps, snapshot)
    if findings:
        findings = _blamed(findings, there, compilation, node, layout)
    return Proof(node, findings, comparison.size, bool(there.chains), remarks(objects))


def _findings(gaps: Iterable[Gap], snapshot: Snapshot) -> tuple[Finding, ...]:
    roster = Roster(snapshot)
    alike: dict[tuple[object, ...], list[Gap]] = {}
    for gap in gaps:
        parties = (roster.parties(gap.sources), roster.parties(gap.destinations))
        alike.setdefault((*parties, gap.accepted, gap.meant, gap.states, gap.condition), []).append(gap)
    found = [_finding(group, roster) for group in alike.values()]
    return tuple(sorted(found, key=_order))


def _finding(group: list[Gap], roster: Roster) -> Finding:
    first = group[0]
    packets = PacketSet()
    for gap in group:
        packets |= gap.packets
    examples = {gap.version: gap.example for gap in reversed(group)}
    return Finding(
        roster.parties(first.sources),
        roster.parties(first.destinations),
        packets,
        first.accepted,
        first.meant,
        first.states,
        first.condition,
        tuple(dict.fromkeys(gap.hook for gap in group)),
        tuple(examples[version] for version in sorted(examples)),
    )


def _order(finding: Finding) -> tuple[object, ...]:
    """What is open and should not be comes first."""
    ends = ([str(party) for party in parties] for parties in (finding.sources, finding.destinations))
    return (not finding.accepted, *ends, str(finding.packets), str(finding.meant), str(finding.condition))


def _blamed(
    findings: tuple[Finding, ...], there: Listed, compilation: Compilation, node: str, layout: MarkLayout
) -> tuple[Finding, ...]:
    blame = Blame(there, as_listed(lower(compilation, node, layout)))
    return tuple(
        replace(finding, way=blame.way(finding.examples[0]), faults=blame.faults(finding.examples[0]))
        if number < BLAMED
        else finding
        for number, finding in enumerate(findings)
    )
