"""A table of rules as rows of named cells, each with its line: from CSV as spreadsheets save it, and from YAML."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.providers.provider import Source
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic
from anp.sources.documents import read_documents

DELIMITERS = (",", ";", "\t")
_HEADER_WITHIN = 30
"""How far down a header may stand: exports begin with titles and dates."""

_LONGEST_CELL = 100
"""How many lines a quoted cell may have before we take it that its quotation mark is a mistake."""

_SYNONYMS: Mapping[str, str] = {
    name: column
    for column, names in {
        "order": "order,no,nr,num,number,id,seq,sequence,priority,position,index,rule,rule no,rule number,rule id,pos",
        "action": "action,verdict,decision,permission,target,access,permit deny,allow deny",
        "src": "src,source,sources,from,src ip,source ip,src addr,srcaddr,source address,source addresses,src address",
        "dst": "dst,dest,destination,destinations,to,dst ip,dest ip,destination ip,dst addr,dstaddr,"
        "dst address,destination address,destination addresses",
        "proto": "proto,protocol,protocols,ip protocol",
        "port": "port,ports,dport,dst port,dest port,dstport,destination port,destination ports,service port",
        "sport": "sport,src port,srcport,source port,source ports",
        "service": "service,services",
        "comment": "comment,comments,description,remark,remarks,note,notes,purpose,reason,ticket",
        "name": "name,rule name,policy name,label",
        "disabled": "disabled,inactive,disable",
        "enabled": "enabled,active,enable,status,state",
        "in": "in,iif,in interface,src interface,srcintf,source interface,src zone,source zone,from zone",
        "out": "out,oif,out interface,dst interface,dstintf,destination interface,dst zone,destination zone,to zone,"
        "to interface",
        "hits": "hits,hit count,hitcount,packets,count",
        "log": "log,logging,logged",
        "schedule": "schedule,time,time range,schedules",
        "user": "user,users,source user,application,applications,app,url category",
    }.items()
    for name in names.split(",")
}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule as it is written; `cells` are by column, and what is not there is not in the table."""

    line: int
    text: str
    cells: Mapping[str, str]


@dataclass(slots=True)
class Table:
    """A whole table; `default` is empty where nothing says it."""

    rows: list[Row] = field(default_factory=list)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    default: str = ""
    default_line: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    is_table: bool = False

    def say(self, severity: Severity, message: str, file: str, line: int) -> None:
        """Add something to know."""
        self.diagnostics.append(diagnostic(severity, message, at=Location(file, line)))


def column(name: str) -> str | None:
    """Return what we call a column, or None if we know none of that name."""
    return _SYNONYMS.get(" ".join(re.findall(r"[^\W_]+|#", name.lower())).replace("#", "no"))


def is_header(names: Sequence[str]) -> bool:
    """Say whether a row names the columns of a rule table: an action and both ends, each once."""
    found = [known for name in names if (known := column(name)) is not None]
    return all(found.count(wanted) == 1 for wanted in ("action", "src", "dst")) and len(set(found)) == len(found)


def read_csv(source: Source) -> Table:
    """Read a text with a header row; without one the table is none."""
    table = Table()
    for delimiter in DELIMITERS:
        records = _records(source.lines, delimiter)
        for position, (_line, cells) in enumerate(records):
            if position >= _HEADER_WITHIN:
                break
            if is_header(cells):
                table.is_table = True
                _rows(table, source, [column(cell) or "" for cell in cells], records, delimiter)
                table.unread |= {cell.strip() for cell in cells if cell.strip() and not column(cell)}
                return table
    return table


def _rows(
    table: Table,
    source: Source,
    columns: Sequence[str],
    records: Iterable[tuple[int, list[str]]],
    delimiter: str,
) -> None:
    for line, cells in records:
        written = [cell for cell in cells if cell.strip()]
        text = " ".join(source.lines[line - 1].split())
        if not written or cells[0].lstrip().startswith("#"):
            continue
        if len(written) == 1 and len(columns) > 3:
            table.say(Severity.INFO, f"taken as a heading: {text[:80]}", source.name, line)
            continue
        named = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            named[""] = f"more cells than the header has; is there a {delimiter!r} that should be quoted?"
        elif len(cells) < len(columns) and any(name in columns[len(cells) :] for name in ("action", "src", "dst")):
            named[""] = "fewer cells than the header has"
        else:
            named.pop("", None)
        table.rows.append(Row(line, text, named))


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record and the line where it begins.

    A quoted cell may have several lines. A quotation mark that is never closed spoils its own line, not all below it.
    """
    place = 0
    while place < len(lines):
        end, marks = place, 1
        while marks % 2 and end < min(place + _LONGEST_CELL, len(lines)):
            marks = (0 if end == place else marks) + lines[end].count('"')
            end += 1
        cells = _cells("\n".join(lines[place:end]), delimiter) if end > place + 1 else None
        if cells is None:
            end = place + 1
            cells = _cells(lines[place], delimiter) or [lines[place]]
        yield place + 1, cells
        place = end


def _cells(text: str, delimiter: str) -> list[str] | None:
    """Return the cells of one record, or None if it is not one."""
    try:
        # Only this is the end of a line; other characters that Python takes for one are text.
        lines = (f"{line}\n" for line in text.split("\n"))
        records = [*csv.reader(lines, delimiter=delimiter, strict=True)]
    except csv.Error:
        return text.split(delimiter) if "\n" not in text else None
    return records[0] if len(records) == 1 else None


def read_yaml(source: Source) -> Table:
    """Read a list of rules, or a mapping with ``rules``, and perhaps ``groups`` and ``default``."""
    table = Table()
    reading = read_documents(source.text, source.name)
    table.diagnostics += reading.diagnostics
    for document in reading.documents:
        value = document.value if isinstance(document.value, dict) else {"rules": document.value}
        inside = isinstance(document.value, dict)
        rules = value.get("rules")
        if not isinstance(rules, list):
            table.say(Severity.ERROR, "there is no list of rules here", source.name, document.positions.line)
            continue
        table.is_table |= inside or any(isinstance(rule, dict) for rule in rules)
        for number, rule in enumerate(rules):
            line = document.positions.find(("rules", number) if inside else (number,)).line
            table.rows.append(_yaml_row(table, line, rule))
        groups = value.get("groups") or {}
        if isinstance(groups, dict):
            for name, members in groups.items():
                line = document.positions.find(("groups", name)).line
                table.groups[str(name)] = (line, tuple(_texts(members)))
        else:
            table.say(Severity.ERROR, "groups are names with lists of addresses", source.name, document.positions.line)
        if "default" in value:
            table.default, table.default_line = _text(value["default"]), document.positions.find(("default",)).line
        for key in sorted(set(value) - {"rules", "groups", "default"}):
            table.say(Severity.WARNING, f"{key} is not read", source.name, document.positions.find((key,)).line)
    return table


def _yaml_row(table: Table, line: int, rule: Any) -> Row:
    if not isinstance(rule, dict):
        return Row(line, str(rule)[:200], {"": "a rule is a mapping of columns"})
    cells: dict[str, str] = {}
    for key, value in rule.items():
        known = column(str(key))
        if known is None:
            table.unread.add(str(key))
        elif known in cells:
            cells[""] = f"two columns are the same, one of them {key}"
        else:
            cells[known] = _text(value)
    return Row(line, ", ".join(f"{key}: {_text(value)}" for key, value in rule.items())[:1000], cells)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a value, which may be one or a list."""
    for part in value if isinstance(value, list) else [value]:
        if part is not None:
            yield _text(part)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()
