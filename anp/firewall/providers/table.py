"""Reads a plain table of rules, as every firewall and every spreadsheet can export one: CSV or YAML.

CSV has a header row somewhere among its first lines, with at least an action, a source and a destination; the
delimiter is a comma, a semicolon or a tab. YAML is a list of rules with the same names, or a mapping with ``rules`` and
perhaps ``groups`` and ``default``. Rules count in the order of the column ``order``, if every row has a number there,
and otherwise as they stand. What no rule matches is denied, unless ``default`` says otherwise. Nothing in a cell is a
formula.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from anp.firewall.matching import Match
from anp.firewall.model import EVERY_ADDRESS, Action, Condition, Fate, Firewall, InterfaceMatch, Role, Rule, RuleList
from anp.firewall.providers import table_cells
from anp.firewall.providers.ledger import Ledger
from anp.firewall.providers.provider import Options, Source
from anp.firewall.providers.table_cells import End
from anp.firewall.providers.table_text import Row, Table, read_csv, read_yaml
from anp.sources.diagnostics import Severity
from compiler.addresses import AddressSet

_YAML = re.compile(r"^(rules\s*:|\s*-\s+\{?\s*[\"']?(order|action|name|src|source|id|no)[\"']?\s*:)", re.MULTILINE)
_LIST = "rules"


@dataclass(frozen=True, slots=True)
class RuleTable:
    """The provider; see the module."""

    name: str = "table"
    title: str = "a table of rules, as CSV or YAML"

    def recognises(self, source: Source) -> bool:
        """Say whether there is a header that names an action and both ends, or such rules in YAML."""
        if read_csv(source).is_table:
            return True
        if not _YAML.search(source.text):
            return False
        return any({"action", "src", "dst"} <= set(row.cells) for row in read_yaml(source).rows)

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a table; never raises because of what it says."""
        return _Reader(source, options).firewall()


TABLE = RuleTable()


class _Reader:
    def __init__(self, source: Source, options: Options) -> None:
        self.source = source
        self.ledger = Ledger(source.name)
        table = read_csv(source)
        self.table: Table = table if table.is_table else read_yaml(source)
        self.groups = {**self._own_groups(), **options.groups}
        self.missing: set[str] = set()

    def firewall(self) -> Firewall:
        rules = [rule for row in self._ordered(self.table.rows) for rule in self._rules(row)]
        lists = [RuleList(_LIST, (*rules, self._default()))] if self.table.is_table else []
        if not lists:
            self.ledger.say("FW150", "there is no table here with the columns action, src and dst")
        for name in sorted(self.table.unread):
            self.ledger.say("FW002", f"column {name[:80]} is not read", severity=Severity.INFO)
        self.ledger.close(lists, [], lambda statement: statement.reasons[0])
        return Firewall(
            self.source.name,
            "table",
            self.source.digest,
            tuple(self.ledger.statements),
            tuple(lists),
            groups=self.groups,
            diagnostics=(*self.source.diagnostics, *self.table.diagnostics, *self.ledger.diagnostics),
        )

    def _own_groups(self) -> dict[str, AddressSet]:
        found: dict[str, AddressSet] = {}
        todo = dict(self.table.groups)
        # A group may have others as members; what is left after no more can be read has loops or unknown names.
        while todo:
            before = len(todo)
            for name, (line, members) in [*todo.items()]:
                try:
                    read = [table_cells.end(member, found) for member in members]
                except ValueError as error:
                    self.ledger.say("FW150", f"group {name}: {error}", line)
                    del todo[name]
                    continue
                if not any(one.unknown for one in read):
                    found[name] = AddressSet()
                    for one in read:
                        found[name] |= one.known
                    del todo[name]
            if len(todo) == before:
                for name, (line, _members) in todo.items():
                    self.ledger.say("FW151", f"group {name} has members that are not defined", line)
                break
        return found

    def _ordered(self, rows: Sequence[Row]) -> Sequence[Row]:
        numbers = [_number(row.cells.get("order", "")) for row in rows]
        if all(number is not None for number in numbers):
            return [row for _number, row in sorted(zip(numbers, rows, strict=True), key=lambda pair: pair[0] or ())]
        if any(number is not None for number in numbers):
            message = "not every rule has a number as its order; they count as they stand"
            self.ledger.say(
                "FW133", message, next(row.line for row in rows if _number(row.cells.get("order", "")) is None)
            )
        return rows

    def _rules(self, row: Row) -> Iterator[Rule]:
        cells = row.cells
        hits = cells.get("hits", "")
        name = cells.get("order") or cells.get("name") or str(len(self.ledger.statements) + 1)
        comment = " ".join(filter(None, (cells.get("name", ""), cells.get("comment", ""))))
        number = self.ledger.add(
            row.line,
            _LIST,
            name,
            row.text,
            comment=" ".join(comment.split()),
            hits=int(hits) if hits.isascii() and hits.isdigit() and len(hits) < 20 else None,
        )
        try:
            if "" in cells:
                raise ValueError(cells[""])  # noqa: TRY301 - one way to be wrong
            disabled = _is_disabled(cells)
            rules = [] if disabled else [*self._read(row, number)]
        except ValueError as error:
            self.ledger.unreadable(number, str(error))
            return
        if disabled:
            self.ledger.settle(number, Fate.IMPLIED, "FW001")
        elif not rules:
            self.ledger.settle(number, Fate.IMPLIED, "FW301", "no packet can match it")
        elif cells.get("log", "").lower() in ("yes", "true", "1", "on", "x", "enabled", "all", "log"):
            self.ledger.note(number, "FW010")
        yield from rules

    def _read(self, row: Row, number: int) -> Iterator[Rule]:
        """Yield the rules of a row: several if it is only known in part which addresses are meant.

        Raises:
            ValueError: a cell makes no sense.

        """
        cells = row.cells
        action = table_cells.action(cells.get("action", ""))
        sources = table_cells.end(cells.get("src", ""), self.groups)
        destinations = table_cells.end(cells.get("dst", ""), self.groups)
        services, conditions = table_cells.services(cells.get("proto", ""), cells.get("port", ""))
        if cells.get("service"):
            named, more = table_cells.service(cells["service"])
            services, conditions = services & named, (*conditions, *more)
        for one in (sources, destinations):
            self._tell_missing(one, row.line)
        conditions += tuple(_conditions(cells))
        # What is known comes first, so that only the rest has a condition.
        for (source, unknown_source), (destination, unknown_destination) in product(
            _alternatives(sources, "source"), _alternatives(destinations, "destination")
        ):
            match = Match(
                source,
                destination,
                services,
                _interfaces(cells.get("in", "")),
                _interfaces(cells.get("out", "")),
                (*conditions, *unknown_source, *unknown_destination),
                (sources.names, destinations.names),
            )
            if match.is_possible:
                yield match.rule(number, action)

    def _tell_missing(self, one: End, line: int) -> None:
        for name in one.unknown:
            if name not in self.missing:
                self.missing.add(name)
                self.ledger.say("FW152", f"{name[:80]} has no addresses here", line)

    def _default(self) -> Rule:
        action, wrong = Action.DENY, ""
        if self.table.default:
            try:
                action = table_cells.action(self.table.default)
            except ValueError as error:
                wrong = str(error)
        text = f"default: {self.table.default}" if self.table.default else "deny what no rule matches"
        number = self.ledger.add(self.table.default_line, _LIST, "default", text, Role.DEFAULT)
        if wrong:
            self.ledger.say("FW150", f"{wrong}; what no rule matches is denied", self.table.default_line)
        if not self.table.default:
            self.ledger.note(number, "FW131")
        return Rule(number, action)


def _alternatives(one: End, what: str) -> Iterator[tuple[AddressSet, tuple[Condition, ...]]]:
    if one.known and not (one.negated and one.unknown):
        yield one.known, ()
    if one.unknown:
        text = f"{what} is {'not ' if one.negated else ''}{' or '.join(one.unknown)}"
        # Of a negated cell, what is known is surely left out.
        yield EVERY_ADDRESS - one.known, (Condition("FW152", text),)


def _conditions(cells: Mapping[str, str]) -> Iterator[Condition]:
    for column, code in (("sport", "FW143"), ("schedule", "FW102"), ("user", "FW105")):
        text = " ".join(cells.get(column, "").split())
        if text.lower() not in ("", "any", "all", "*", "always", "-", "none"):
            yield Condition(code, f"{'source port' if column == 'sport' else column} {text}")


def _interfaces(text: str) -> tuple[InterfaceMatch, ...]:
    names = tuple(part for part in re.split(r"[\s,;|]+", text) if part)
    return (InterfaceMatch(names),) if names and not any(name.lower() in ("any", "*", "all") for name in names) else ()


def _is_disabled(cells: Mapping[str, str]) -> bool:
    """Say whether a rule is switched off, by either of two columns.

    Raises:
        ValueError: a cell says neither yes nor no.

    """
    off, on = cells.get("disabled", "").strip().lower(), cells.get("enabled", "")
    if off in ("disabled", "inactive", "off"):
        return True
    return (off not in ("enabled", "active", "on") and table_cells.truth(off)) or bool(on and not table_cells.truth(on))


def _number(text: str) -> tuple[int, ...] | None:
    """Return an order such as ``12`` or ``3.1`` as numbers."""
    parts = text.strip().strip(".").split(".")
    if all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return tuple(map(int, parts))
    return None
