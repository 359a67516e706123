"""A report as lines of text, each with its tone, so that whoever prints it can paint it."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from anp.firewall.report import content
from anp.firewall.report.content import Difference, Tone
from anp.firewall.report.model import Report, Row
from anp.firewall.report.wording import counted, joined, place_text, statement_text
from anp.sources.diagnostics import Severity, printable

WIDTH = 110
MOST_LINES = 5
"""So many kinds of traffic are told of one difference."""
SHOWN = 40
"""So many entries are told of one section; a document has all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, printable, without its end; `strong` is for headings."""

    text: str = ""
    tone: Tone = Tone.PLAIN
    strong: bool = False


def lines(report: Report, *, verbose: bool = False, limit: int = SHOWN) -> Iterator[Line]:
    """Yield a report; with `verbose` every statement, and every entry of every section; else at most `limit`."""
    most = len(report.rows) + len(report.proof.gaps if report.proof else ()) + 1 if verbose else limit
    yield from _head(report)
    found = content.differences(report)
    unexplained = [one for one in found if not one.explained]
    yield from _differences("Differences that nothing explains", unexplained, Tone.BAD, most, verbose=verbose)
    explained = [one for one in found if one.explained]
    yield from _differences("Differences that are explained", explained, Tone.DOUBT, most, verbose=verbose)
    yield from _section("To decide", [_decision(one) for one in content.decisions(report)], most)
    yield from _section("Rules that never match", [Line(_dead(row)) for row in report.dead], most)
    yield from _statements(report, verbose=verbose)
    yield from _aftermath(report)
    if report.next_steps:
        yield from _heading("Next")
    for number, step in enumerate(report.next_steps, start=1):
        yield from _item(f"{number}. ", step)


def _head(report: Report) -> Iterator[Line]:
    yield _line(content.title(report), strong=True)
    for name, value in content.facts(report):
        yield _line(f"  {name:<9} {value}")
    word, tone, meaning = content.verdict(report)
    if word:
        yield Line()
        yield _line(f"{word}: {meaning}", tone, strong=True)
        if report.proof:
            yield _line(f"  compared: {content.compared(report.proof)}")
    yield Line()
    yield _line(content.counts(report))


def _differences(title: str, found: Sequence[Difference], tone: Tone, most: int, *, verbose: bool) -> Iterator[Line]:
    if not found:
        return
    yield from _heading(f"{title} ({len(found)})", tone)
    for difference in found[:most]:
        yield from _wrapped(f"  {difference.number}. ", content.headline(difference), tone)
        if difference.statement is not None:
            yield _line(f"     {difference.statement.text}")
        shown = len(difference.traffic) if verbose else MOST_LINES
        for traffic in difference.traffic[:shown]:
            yield from _wrapped("     ", traffic)
        if len(difference.traffic) > shown:
            yield _line(f"     and {len(difference.traffic) - shown} more")
        decided = f", decided by {difference.decided_by}" if difference.decided_by else ""
        yield from _wrapped("     ", f"example: {difference.example}{decided}")
        if difference.reason:
            yield from _wrapped("     ", f"{difference.reason.code}: {difference.reason.text}")
    yield from _rest(len(found) - most)


def _decision(decision: content.Decision) -> Line:
    statement, reason = decision.row.statement, decision.reason
    tone = Tone.BAD if decision.severity is Severity.ERROR else Tone.DOUBT
    fate = f" [{content.fate_text(decision.row)}]" if decision.row.fate else ""
    return _line(f"  {place_text(statement)}: {reason.code} {statement_text(statement)}: {reason.text}{fate}", tone)


def _dead(row: Row) -> str:
    statement = row.statement
    return printable(f"  {place_text(statement)}: {statement_text(statement)}: {content.hidden_by(row)}")


def _statements(report: Report, *, verbose: bool) -> Iterator[Line]:
    """Yield every statement, or else what is merely worth knowing, counted."""
    if verbose:
        yield from _heading("Every statement")
        for row in report.rows:
            where = f"{place_text(row.statement)}: {statement_text(row.statement)}: {content.fate_text(row)}"
            yield _line(f"  {where}{''.join(f', {reason.code}' for reason in row.reasons)}")
            yield _line(f"      {row.statement.text}")
        return
    folded = list(content.folded(report))
    if folded:
        yield from _heading("Worth knowing")
        for code, title, count in folded:
            yield _line(f"  {code} {title}: {counted(count, 'statement')}")


def _aftermath(report: Report) -> Iterator[Line]:
    if report.strength:
        yield from _heading("How strongly it holds")
        yield from _table(content.STRENGTH_HEADINGS, list(content.strengths(report.strength)))
        yield from _paragraph(content.STRENGTH_MEANING)
    denied = [Line(printable(f"  {one.code} {one.what}: {joined(one.entities)}")) for one in report.denied]
    yield from _section("Traffic of the cluster's own that is denied", denied, len(denied))
    if report.budget:
        yield from _heading("What it takes")
        yield from _paragraph(content.budget_text(report.budget))
    if report.proof and report.proof.assumptions:
        yield from _heading("What the comparison rests on")
        for assumption in report.proof.assumptions:
            yield from _item("- ", assumption)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    cells = [headings, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for number, row in enumerate(cells):
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield Line(f"  {text}".rstrip(), strong=number == 0)


def _section(title: str, entries: Sequence[Line], most: int) -> Iterator[Line]:
    if entries:
        yield from _heading(title)
        yield from islice(entries, most)
        yield from _rest(len(entries) - most)


def _heading(text: str, tone: Tone = Tone.PLAIN) -> Iterable[Line]:
    return Line(), Line(text, tone, strong=True)


def _rest(count: int) -> Iterator[Line]:
    if count > 0:
        yield Line(f"  and {count} more; --verbose tells them, and so does a document (-o json, --report)")


def _paragraph(text: str) -> Iterator[Line]:
    return _wrapped("  ", text, hanging=0)


def _item(mark: str, text: str) -> Iterator[Line]:
    return _wrapped(f"  {mark}", text, hanging=0)


def _wrapped(begin: str, text: str, tone: Tone = Tone.PLAIN, hanging: int = 2) -> Iterator[Line]:
    """Yield a text as lines of some width, the later ones a little further in than the text of the first."""
    indent = " " * (len(begin) + hanging)
    for line in textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=begin,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Line(line, tone)


def _line(text: str, tone: Tone = Tone.PLAIN, *, strong: bool = False) -> Line:
    return Line(printable(text), tone, strong)
