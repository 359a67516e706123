"""A report as one HTML page that needs nothing else and no network.

All of it is there without the script, which only hides rows. The page's policy lets run exactly that script and apply
exactly that style, by their digests; what users named is escaped text.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from anp.firewall.codes import CODES
from anp.firewall.model import Reason, Statement
from anp.firewall.report import content
from anp.firewall.report.content import Difference
from anp.firewall.report.model import Report, Row
from anp.firewall.report.page_parts import SCRIPT, STYLE
from anp.firewall.report.wording import joined, place_text, statement_text
from anp.sources.diagnostics import printable


@dataclass(frozen=True, slots=True)
class Markup:
    """A text that is HTML already; every other one is escaped."""

    text: str


def page(report: Report) -> str:
    """Return the page."""
    policy = f"default-src 'none'; script-src {_digest(SCRIPT)}; style-src {_digest(STYLE)}; base-uri 'none'; "
    title = _safe(content.title(report))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{_joined(_body(report))}
<script>{SCRIPT}</script>
</body>
</html>
"""


def _body(report: Report) -> Iterator[str]:
    yield "<dl>"
    for name, value in content.facts(report):
        yield f"<dt>{_safe(name)}</dt><dd>{_safe(value)}</dd>"
    yield "</dl>"
    word, tone, meaning = content.verdict(report)
    if report.proof and word:
        yield f'<p class="verdict {tone.value}"><strong>{_safe(word)}</strong>: {_safe(meaning)}.</p>'
        yield f"<p>Compared: {_safe(content.compared(report.proof))}.</p>"
    yield f"<p>{_safe(content.counts(report))}.</p>"
    found = content.differences(report)
    if found:
        headings = ("", "rule", "firewall", "policies", "traffic", "example", "why")
        yield from _section("Differences", _table(headings, map(_difference, found)))
    decisions = [
        (
            _link(one.row.statement),
            one.severity.label,
            _code(one.reason.code),
            one.reason.text,
            content.fate_text(one.row),
        )
        for one in content.decisions(report)
    ]
    if decisions:
        yield from _section("To decide", _table(("rule", "severity", "code", "what", "fate"), decisions))
    if report.dead:
        dead = ((_link(row.statement), _killers(row)) for row in report.dead)
        yield from _section("Rules that never match", _table(("rule", "hidden by"), dead))
    yield from _aftermath(report)
    if report.next_steps:
        yield from _section("Next", _list("ol", report.next_steps))
    if report.diagnostics:
        yield from _section("Messages", _list("ul", content.messages(report)))
    yield from _section("Every statement", _statements(report))
    codes = sorted(
        {reason.code for row in report.rows for reason in row.reasons}
        | {one.reason.code for one in found if one.reason}
        | {one.code for one in report.denied}
    )
    if codes:
        yield from _section("Codes", _table(("code", "what it means", "what to do"), map(_meaning, codes)))


def _aftermath(report: Report) -> Iterator[str]:
    if report.strength:
        yield from _section(
            "How strongly it holds",
            [
                *_table(content.STRENGTH_HEADINGS, content.strengths(report.strength)),
                f"<p>{_safe(content.STRENGTH_MEANING)}</p>",
            ],
        )
    if report.denied:
        rows = ((_code(one.code), one.what, joined(one.entities)) for one in report.denied)
        yield from _section("Traffic of the cluster's own that is denied", _table(("code", "what", "to or from"), rows))
    if report.budget:
        yield from _section("What it takes", [f"<p>{_safe(content.budget_text(report.budget))}.</p>"])
    if report.proof and report.proof.assumptions:
        yield from _section("What the comparison rests on", _list("ul", report.proof.assumptions))


def _statements(report: Report) -> Iterator[str]:
    fates = list(dict.fromkeys(content.fate_text(row) for row in report.rows))
    codes = sorted({reason.code for row in report.rows for reason in row.reasons})
    # A browser without the script does not show it either.
    yield '<search id="filter" hidden>'
    yield '<label>Text <input id="text" type="search" autocomplete="off" spellcheck="false"></label>'
    for name, label, choices in (("fate", "Fate", fates), ("code", "Code", codes)):
        options = "".join(f'<option value="{_safe(choice)}">{_safe(choice)}</option>' for choice in choices)
        yield f'<label>{label} <select id="{name}"><option value="">any</option>{options}</select></label>'
    yield '<output id="shown" role="status"></output>'
    yield "</search>"
    yield from _table(("", "rule", "source says", "fate", "why", "in"), (), close=False, name="statements")
    yield from (_statement(row) for row in report.rows)
    yield "</tbody></table></div>"


def _statement(row: Row) -> str:
    statement = row.statement
    codes = " ".join(reason.code for reason in row.reasons)
    cells = (
        str(statement.number + 1),
        f"{statement_text(statement)} ({place_text(statement)})",
        Markup(f"<code>{_safe(statement.text)}</code>"),
        content.fate_text(row),
        Markup("<br>".join(map(_reason, row.reasons))),
        ", ".join(row.objects),
    )
    fate = _safe(content.fate_text(row))
    return f'<tr id="{_anchor(statement)}" data-fate="{fate}" data-codes="{_safe(codes)}">{_cells(cells)}</tr>'


def _difference(difference: Difference) -> Sequence[str | Markup]:
    why = Markup('<strong class="bad">unexplained</strong>')
    if difference.reason:
        why = Markup(_reason(difference.reason))
    decided = f", decided by {difference.decided_by}" if difference.decided_by else ""
    return (
        str(difference.number),
        _link(difference.statement) if difference.statement else "none",
        difference.firewall,
        difference.cluster,
        Markup("<br>".join(map(_safe, difference.traffic))),
        f"{difference.example}{decided}",
        why,
    )


def _killers(row: Row) -> Markup:
    return Markup(", ".join(_link(killer).text for killer in row.killers) or "earlier rules")


def _meaning(code: str) -> Sequence[str | Markup]:
    known = CODES[code]
    return Markup(f'<span id="{_safe(code)}">{_safe(code)}</span>'), f"{known.title}: {known.meaning}", known.hint


def _reason(reason: Reason) -> str:
    return f"{_code(reason.code).text} {_safe(reason.text)}"


def _code(code: str) -> Markup:
    return Markup(f'<a href="#{_safe(code)}">{_safe(code)}</a>')


def _link(statement: Statement) -> Markup:
    text = f"{statement_text(statement)} ({place_text(statement)})"
    return Markup(f'<a href="#{_anchor(statement)}">{_safe(text)}</a>')


def _anchor(statement: Statement) -> str:
    return f"s{statement.number + 1}"


def _section(title: str, parts: Iterable[str]) -> Iterator[str]:
    yield f"<h2>{_safe(title)}</h2>"
    yield from parts


def _list(element: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"<{element}>{''.join(f'<li>{_safe(entry)}</li>' for entry in entries)}</{element}>"


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[str | Markup]], *, close: bool = True, name: str = ""
) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{_safe(heading)}</th>' for heading in headings)
    begins = f'<table id="{name}">' if name else "<table>"
    yield f'<div class="scroll">{begins}<thead><tr>{heads}</tr></thead><tbody>'
    for row in rows:
        yield f"<tr>{_cells(row)}</tr>"
    if close:
        yield "</tbody></table></div>"


def _cells(cells: Sequence[str | Markup]) -> str:
    return "".join(f"<td>{cell.text if isinstance(cell, Markup) else _safe(cell)}</td>" for cell in cells)


def _safe(text: str) -> str:
    return escape(printable(text))


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
