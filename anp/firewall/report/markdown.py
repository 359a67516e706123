"""A report as Markdown, for a ticket or a merge request: the same as the text, and every statement in a table."""

from collections.abc import Iterable, Iterator, Sequence

from anp.firewall.report import content
from anp.firewall.report.content import Difference
from anp.firewall.report.model import Report, Row
from anp.firewall.report.wording import joined, place_text, statement_text
from anp.sources.diagnostics import printable

_ESCAPED = str.maketrans({
    **{char: f"\\{char}" for char in "\\`*_{}[]()#+!|~"},
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    # Hosts of code make links of names and addresses that are not escaped.
    "@": "&#64;",
    "/": "&#47;",
})  # fmt: skip


def escaped(text: str) -> str:
    """Return a text of which nothing is Markdown, on one line, fit for a cell of a table.

    A dot after ``www`` and the slashes of an address of the web are spelled out, so that nothing becomes a link.
    """
    plain = printable(text)
    linked = "://" in plain or "www." in plain.lower()
    safe = plain.translate(_ESCAPED if linked else {**_ESCAPED, ord("/"): "/"})
    return safe.replace(".", "&#46;") if linked else safe


def markdown(report: Report) -> str:
    """Return a report as one document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {escaped(content.title(report))}"
    yield ""
    yield from _list(f"{name}: {escaped(value)}" for name, value in content.facts(report))
    word, _tone, meaning = content.verdict(report)
    if report.proof and word:
        yield ""
        yield f"**{word}**: {escaped(meaning)}."
        yield ""
        yield f"Compared: {escaped(content.compared(report.proof))}."
    yield ""
    yield f"{escaped(content.counts(report)).capitalize()}."
    found = content.differences(report)
    if found:
        yield from _heading("Differences")
        headings = ("", "rule", "source says", "firewall", "policies", "traffic", "example", "decided by", "why")
        yield from _table(headings, map(_difference, found))
    decisions = [
        (
            place_text(one.row.statement),
            one.severity.label,
            one.reason.code,
            one.reason.text,
            content.fate_text(one.row),
        )
        for one in content.decisions(report)
    ]
    if decisions:
        yield from _heading("To decide")
        yield from _table(("where", "severity", "code", "what", "fate"), decisions)
    if report.dead:
        yield from _heading("Rules that never match")
        dead = (
            (place_text(row.statement), statement_text(row.statement), content.hidden_by(row)) for row in report.dead
        )
        yield from _table(("where", "rule", "why"), dead)
    yield from _aftermath(report)
    if report.next_steps:
        yield from _heading("Next")
        yield from (f"{number}. {escaped(step)}" for number, step in enumerate(report.next_steps, start=1))
    if report.diagnostics:
        yield from _heading("Messages")
        yield from _list(map(escaped, content.messages(report)))
    yield from _heading("Every statement")
    columns = ("", "where", "rule", "source says", "fate", "why", "in")
    yield from _table(columns, map(_statement, report.rows))


def _aftermath(report: Report) -> Iterator[str]:
    if report.strength:
        yield from _heading("How strongly it holds")
        yield from _table(content.STRENGTH_HEADINGS, content.strengths(report.strength))
        yield ""
        yield content.STRENGTH_MEANING
    if report.denied:
        yield from _heading("Traffic of the cluster's own that is denied")
        yield from _table(
            ("code", "what", "to or from"), ((one.code, one.what, joined(one.entities)) for one in report.denied)
        )
    if report.budget:
        yield from _heading("What it takes")
        yield f"{escaped(content.budget_text(report.budget))}."
    if report.proof and report.proof.assumptions:
        yield from _heading("What the comparison rests on")
        yield from _list(map(escaped, report.proof.assumptions))


def _difference(difference: Difference) -> Sequence[str]:
    statement, reason = difference.statement, difference.reason
    return (
        str(difference.number),
        f"{statement_text(statement)} ({place_text(statement)})" if statement else "none",
        statement.text if statement else "",
        difference.firewall,
        difference.cluster,
        "; ".join(difference.traffic),
        difference.example,
        difference.decided_by,
        f"{reason.code}: {reason.text}" if reason else "UNEXPLAINED",
    )


def _statement(row: Row) -> Sequence[str]:
    return (
        str(row.statement.number + 1),
        place_text(row.statement),
        statement_text(row.statement),
        row.statement.text,
        content.fate_text(row),
        "; ".join(f"{reason.code} {reason.text}" for reason in row.reasons),
        ", ".join(row.objects),
    )


def _heading(text: str) -> Iterable[str]:
    return "", f"## {text}", ""


def _list(entries: Iterable[str]) -> Iterator[str]:
    yield from (f"* {entry}" for entry in entries)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table; cells are texts of anybody's."""
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"
