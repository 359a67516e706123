"""What we would have written, as values of `language`: to name the object that is wrong, and for nothing else.

No proof needs this. That the rules are as compiled does not say that they mean what they should.
"""

from collections.abc import Iterator

from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMPV6,
    ICMPV6_PROTOCOL,
    MARK,
    PROTOCOL,
    SOURCE,
    STATE,
    STATES,
    Base,
    Chain,
    Key,
    Listed,
    Look,
    Match,
    Rule,
    SetMark,
    Statement,
    Table,
    Unknown,
)
from anp.analysis.prove.meant import NUMBERS
from compiler.intervals import Range
from compiler.model import MAX_PORT
from compiler.ruleset import (
    MARK_BITS,
    AddressLookup,
    Count,
    Foreign,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    NftRule,
    PortLookup,
    PortMatch,
    RangeMap,
    Ruleset,
    Side,
    TrackedMatch,
)
from compiler.ruleset import SetMark as WrittenMark
from compiler.ruleset import Statement as Written


def as_listed(ruleset: Ruleset) -> Listed:
    """Return a ruleset as it would be listed."""
    tables = {}
    for name, held in ruleset.maps.items():
        if isinstance(held, RangeMap):
            pieces = tuple(sorted(held.elements.items(), key=lambda piece: piece[0]))
        else:
            pieces = tuple(((number, number), verdict) for number, verdict in sorted(held.elements.items()))
        tables[name] = Table(name, pieces)
    chains = {
        name: Chain(
            tuple(Rule(tuple(_rule(rule, tables))) for rule in chain.rules),
            Base(chain.hook.value, 0, accepts=True) if chain.hook else None,
        )
        for name, chain in ruleset.chains.items()
    }
    return Listed(chains, tuple(tables.values()))


def _rule(rule: NftRule, tables: dict[str, Table]) -> Iterator[Statement]:
    for statement in rule:
        if not isinstance(statement, Count):
            yield _statement(statement, tables)


def _statement(statement: Written, tables: dict[str, Table]) -> Statement:
    match statement:
        case TrackedMatch() | NeighborDiscoveryMatch() | MarkMatch() | PortMatch():
            return _match(statement)
        case WrittenMark(mask, value):
            return SetMark(MARK_BITS & ~mask, value)
        case AddressLookup(side, version, name):
            return Look((Key(SOURCE if side is Side.SOURCE else DESTINATION, version),), tables[name])
        case MarkLookup(mask, name):
            return Look((Key(MARK, mask=mask),), tables[name])
        case PortLookup(protocol, verdicts):
            return Look((Key(DPORT, protocol=NUMBERS[protocol]),), Table("", verdicts))
        case Foreign(text):
            return Unknown(text)
        case Count():
            raise AssertionError("counters have no effect")
        case _:
            return statement


def _match(statement: TrackedMatch | NeighborDiscoveryMatch | MarkMatch | PortMatch) -> Match:
    match statement:
        case TrackedMatch():
            states = [STATES.index(state) for state in ("established", "related")]
            return Match((Key(STATE),), _set(*((state, state) for state in states)))
        case NeighborDiscoveryMatch():
            return Match((Key(ICMPV6, 6, ICMPV6_PROTOCOL),), _set((133, 137)))
        case MarkMatch(mask, value):
            return Match((Key(MARK, mask=mask),), _set((value, value)))
        case PortMatch(protocol, (0, last)) if last == MAX_PORT:
            return Match((Key(PROTOCOL),), _set((NUMBERS[protocol], NUMBERS[protocol])))
        case PortMatch(protocol, ports):
            return Match((Key(DPORT, protocol=NUMBERS[protocol]),), _set(ports))


def _set(*ranges: Range) -> Table:
    return Table("", tuple((numbers, None) for numbers in ranges))
