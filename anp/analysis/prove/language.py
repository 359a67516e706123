"""What a listing of nftables says, as values: the part of its language whose meaning we know, and the rest by name.

It is wider than what we ever write, as others can write into our table too. What is not known keeps its text, and
whoever comes to it must give up: it is never passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.addresses import IpVersion
from compiler.intervals import Range, Ranges
from compiler.ruleset import MARK_BITS, Accept, Drop, Goto, Jump, Return

SOURCE, DESTINATION, MARK = "source", "destination", "mark"
STATE, PROTOCOL, DPORT, SPORT, ICMP, ICMPV6 = "state", "protocol", "dport", "sport", "icmp", "icmpv6"
PORTLESS = "portless"
"""Whether a packet ends before the place where ports would be: nothing can then be asked about them."""

STATES = ("invalid", "established", "related", "new", "untracked")
"""What connection tracking can say of a packet; the number of a state is its place here."""
LAST: Mapping[str, int] = {
    STATE: len(STATES) - 1,
    PROTOCOL: 255,
    DPORT: 65535,
    SPORT: 65535,
    ICMP: 255,
    ICMPV6: 255,
    PORTLESS: 1,
}
"""The greatest number of each field; addresses have those of their family."""
TCP, UDP, SCTP, ICMP_PROTOCOL, ICMPV6_PROTOCOL = 6, 17, 132, 1, 58
LONG = frozenset({TCP, UDP, SCTP, ICMP_PROTOCOL, ICMPV6_PROTOCOL})
"""Protocols whose packets have whole headers, or are none of theirs; of all others, some are portless."""


class UnknownMeaningError(Exception):
    """A packet comes to something whose meaning is not known here, so nothing can be said of the whole."""


@dataclass(frozen=True, slots=True)
class Key:
    """A number that a packet has: of a field, or the bits of the mark under a mask.

    A packet of another family than `version` or of another transport protocol than `protocol`, where these are given,
    has none; then the rule ends, whatever was to be asked.
    """

    field: str
    version: IpVersion | None = None
    protocol: int | None = None
    mask: int = MARK_BITS


@dataclass(frozen=True, slots=True)
class Continue:
    """To the next statement."""


Verdict: TypeAlias = Accept | Drop | Return | Jump | Goto | Continue

Value: TypeAlias = Verdict | None
"""What an element leads to; a set's elements lead to nothing, they are in it."""


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A set or map: disjoint ranges of one key, ascending, or boxes of several; every table is itself only.

    `name` is empty where it stands in a rule. Where the whole is of unknown meaning, `problem` says why.
    """

    name: str = ""
    pieces: tuple[tuple[Range, Value], ...] = ()
    boxes: tuple[tuple[tuple[Ranges, ...], Value], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Goes on where the table holds the keys, or with `negated` where it does not; otherwise the rule ends."""

    keys: tuple[Key, ...]
    table: Table
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Does what the table has for the keys; the rule ends where it has nothing."""

    keys: tuple[Key, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class SetMark:
    """Keeps some bits of the mark and then flips some: ``mark & keep ^ flip``."""

    keep: int
    flip: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something of unknown meaning."""

    text: str


Statement: TypeAlias = Match | Look | SetMark | Verdict | Unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """Statements in order; what has no effect on what gets through is left out."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """Where a chain is attached: one of lower priority is asked first."""

    hook: str
    priority: int
    accepts: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order, and for a base chain where it is attached."""

    rules: tuple[Rule, ...] = ()
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Our table as it is listed; nothing where it is not there. `dormant` says that nothing in it is in force."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    dormant: bool = False

    def at(self, hook: str) -> list[str]:
        """Return the names of the base chains at a hook, in the order in which packets come to them."""
        if self.dormant:
            return []
        found = [
            (chain.base.priority, name) for name, chain in self.chains.items() if chain.base and chain.base.hook == hook
        ]
        return [name for _priority, name in sorted(found)]
