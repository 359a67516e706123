"""From entries that were read, in whatever order, to a firewall whose statements are numbered as they stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from anp.firewall.codes import CODES
from anp.firewall.matching import Match
from anp.firewall.model import Action, Fate, Firewall, InterfaceMatch, Reason, Role, Rule, RuleList, Statement
from anp.firewall.providers.provider import Source
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic
from compiler.addresses import VERSIONS, AddressSet, IpVersion

LONGEST_TEXT = 500
"""How much of a line a statement repeats."""


@dataclass(slots=True, eq=False)
class Entry:
    """A statement to be, and what its rules match; not equal to another that looks the same."""

    line: int
    list: str
    name: str
    text: str
    action: Action = Action.DENY
    matches: tuple[Match, ...] = ()
    role: Role = Role.RULE
    fate: Fate | None = None
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    hits: int | None = None

    def end(self, fate: Fate, code: str, text: str = "") -> None:
        """Say how its story ends, unless that is known: it will have no rules."""
        if self.fate is None:
            self.fate = fate
            self.reasons = (*self.reasons, reason(code, text))


def reason(code: str, text: str = "") -> Reason:
    """Make a reason; without words of its own it has the code's."""
    return Reason(code, text or CODES[code].title)


@dataclass(frozen=True, slots=True)
class Step:
    """One rule to be."""

    entry: Entry
    action: Action
    match: Match


def steps(entries: Iterable[Entry]) -> list[Step]:
    """Return the rules of some entries, in order."""
    return [Step(entry, entry.action, match) for entry in entries if entry.fate is None for match in entry.matches]


@dataclass(frozen=True, slots=True)
class Plan:
    """A list of rules to be; the last step matches everything."""

    name: str
    steps: tuple[Step, ...]
    versions: frozenset[IpVersion] = frozenset(VERSIONS)
    incoming: tuple[InterfaceMatch, ...] = ()
    outgoing: tuple[InterfaceMatch, ...] = ()


@dataclass(slots=True)
class Notes:
    """What there is to say of one source, each thing once."""

    file: str
    found: dict[Diagnostic, None] = field(default_factory=dict)

    def add(self, severity: Severity, code: str, line: int, text: str, way_out: str = "") -> None:
        """Say something of a line; 0 is the whole text."""
        hint = way_out or CODES[code].hint
        self.found[diagnostic(severity, f"{code}: {text}", at=Location(self.file, line), hint=hint)] = None

    def error(self, code: str, line: int, text: str, way_out: str = "") -> None:
        """Say that something cannot be understood, or is missing."""
        self.add(Severity.ERROR, code, line, text, way_out)

    def warning(self, code: str, line: int, text: str, way_out: str = "") -> None:
        """Say that something may not be as meant."""
        self.add(Severity.WARNING, code, line, text, way_out)


def assemble(  # noqa: PLR0913 - the parts of a firewall
    source: Source,
    language: str,
    entries: Iterable[Entry],
    plans: Iterable[Plan],
    notes: Notes,
    *,
    groups: Mapping[str, AddressSet] | None = None,
    interfaces: Mapping[str, AddressSet] | None = None,
) -> Firewall:
    """Number the entries in order of lines and make the lists; an entry that no list has got a fate, or gets one."""
    kept = [replace(plan, steps=tuple(step for step in plan.steps if step.match.is_possible)) for plan in plans]
    used = {id(step.entry) for plan in kept for step in plan.steps}
    numbers: dict[int, int] = {}
    statements: list[Statement] = []
    # Synthetic entries stand behind the line that they go with; a sort that is stable keeps them there.
    for number, entry in enumerate(sorted(entries, key=lambda one: (one.line, one.role is Role.DEFAULT))):
        numbers[id(entry)] = number
        if id(entry) not in used:
            entry.end(Fate.IMPLIED, "FW002", "it matches no packet")
        statements.append(_statement(number, entry, source.name))
    lists = tuple(
        RuleList(
            plan.name,
            tuple(_rule(step, numbers[id(step.entry)]) for step in plan.steps),
            plan.versions,
            plan.incoming,
            plan.outgoing,
        )
        for plan in kept
    )
    return Firewall(
        source=source.name,
        format=language,
        digest=source.digest,
        statements=tuple(statements),
        lists=lists,
        groups=dict(groups or {}),
        interfaces=dict(interfaces or {}),
        diagnostics=tuple(sorted((*source.diagnostics, *notes.found))),
    )


def default(line: int, list_name: str, action: Action, text: str, *codes: str) -> Entry:
    """Make what holds where nobody wrote anything, and matches everything."""
    reasons = tuple(reason(code) for code in codes)
    return Entry(line, list_name, "default", text, action, (Match(),), Role.DEFAULT, reasons=reasons)


def _statement(number: int, entry: Entry, file: str) -> Statement:
    return Statement(
        number=number,
        at=Location(file, entry.line),
        list=entry.list,
        name=entry.name,
        text=shortened(entry.text),
        role=entry.role,
        fate=entry.fate,
        reasons=entry.reasons,
        comment=shortened(entry.comment),
        hits=entry.hits,
    )


def shortened(text: str) -> str:
    """Return as much of a text as fits in a report."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _rule(step: Step, number: int) -> Rule:
    return step.match.rule(number, step.action)
