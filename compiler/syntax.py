"""The nft text of every value in `compiler.ruleset`; nothing else in the project makes any.

We write nft text and read JSON, so that what is logged, what is printed and what runs are one thing. Text is
made of three kinds of words only: the ones in this file, numbers, and names in a closed alphabet. Whatever a
user named can therefore never become syntax: a name outside the alphabet raises, it is not escaped.

A command is one line. Lines with elements are kept to `BATCH` elements, because nft's parser keeps whole
statements on a stack; all commands of a script still are one transaction.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address
from typing import assert_never

from compiler.intervals import Range
from compiler.model import MAX_PORT, PORT_PROTOCOLS, Protocol
from compiler.names import TABLE
from compiler.ruleset import (
    MARK_BITS,
    Accept,
    AddressLookup,
    Chain,
    Count,
    Drop,
    ExactMap,
    Foreign,
    Goto,
    Jump,
    KeyType,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    NftRule,
    PortLookup,
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Statement,
    TrackedMatch,
    Verdict,
    VerdictMap,
)

FAMILY = "inet"
HERE = f"{FAMILY} {TABLE}"
"""Our one table."""

PREFIXES = ("subject", "class", "net", "classify", "program", "profile", "rule")
"""What names begin with, so that none is ever a word of nft's own; only the base chains go without."""

BATCH = 5_000
"""The most elements in one command."""

MAX_NAME = 255
"""The most characters that nft takes in a name."""

_NAME = re.compile(rf"forward|input|(?:{'|'.join(PREFIXES)})-[A-Za-z0-9_.-]+")
_MAX_KEY = {KeyType.IPV4: 2**32 - 1, KeyType.IPV6: 2**128 - 1, KeyType.MARK: MARK_BITS}


class InvalidRulesetError(ValueError):
    """A value that has no safe nft text; whoever made it has a bug, and nothing of it was written."""


# Names and verdicts.


def is_name(text: str) -> bool:
    """Say whether `text` is in the closed alphabet of our names."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def name(text: str) -> str:
    """Return `text` as it is, if it is a name; raise InvalidRulesetError otherwise."""
    if not is_name(text):
        raise InvalidRulesetError(f"not a name of ours: {text!r:.300}")
    return text


def verdict(value: Verdict) -> str:
    """Return a verdict, as a statement or as the value of an element."""
    match value:
        case Goto(chain):
            return f"goto {name(chain)}"
        case Jump(chain):
            return f"jump {name(chain)}"
        case Accept():
            return "accept"
        case Drop():
            return "drop"
        case Return():
            return "return"
        case unreachable:
            assert_never(unreachable)


# Rules.


def statement(value: Statement) -> str:  # noqa: C901  one line for each statement there is
    """Return one match or statement.

    Raises:
        InvalidRulesetError: it is foreign, or has numbers or names that it cannot have.

    """
    match value:
        case TrackedMatch():
            return "ct state established,related"
        case NeighborDiscoveryMatch():
            return "icmpv6 type 133-137"
        case MarkMatch(mask, wanted):
            return f"meta mark & {_mask(mask)} == {_bits(wanted, mask)}"
        case SetMark(mask, wanted):
            kept = f"meta mark set meta mark & {MARK_BITS ^ int(_mask(mask), 16):#010x}"
            return f"{kept} | {_bits(wanted, mask)}" if wanted else kept
        case AddressLookup(side, version, map_name):
            return f"{'ip' if version == 4 else 'ip6'} {side.value} vmap @{name(map_name)}"
        case MarkLookup(mask, map_name):
            return f"meta mark & {_mask(mask)} vmap @{name(map_name)}"
        case PortMatch(protocol, ports):
            return _port_match(protocol, ports)
        case PortLookup():
            return _port_lookup(value)
        case Count(counter):
            return f'counter name "{name(counter)}"'
        case Foreign(json):
            raise InvalidRulesetError(f"not ours to write: {json:.300}")
        case Accept() | Drop() | Return() | Jump() | Goto():
            return verdict(value)
        case unreachable:
            assert_never(unreachable)


def rule(statements: NftRule) -> str:
    """Return a rule; raise InvalidRulesetError where it is empty, or for what is in it."""
    if not statements:
        raise InvalidRulesetError("a rule without a statement")
    return " ".join(map(statement, statements))


def _mask(mask: int) -> str:
    if not 0 < mask <= MARK_BITS:
        raise InvalidRulesetError(f"not a mask of mark bits: {mask:#x}")
    return f"{mask:#010x}"


def _bits(value: int, mask: int) -> str:
    if value < 0 or value & ~mask:
        raise InvalidRulesetError(f"mark value {value:#x} is not under its mask {mask:#x}")
    return f"{value:#010x}"


def _port_match(protocol: Protocol, ports: Range) -> str:
    if protocol not in PORT_PROTOCOLS or not 0 <= ports[0] <= ports[1] <= MAX_PORT:
        raise InvalidRulesetError(f"no such ports: {protocol.value} {ports[0]} to {ports[1]}")
    return f"meta l4proto {protocol.value}" if ports == (0, MAX_PORT) else f"{protocol.value} dport {_ports(ports)}"


def _ports(ports: Range) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _port_lookup(value: PortLookup) -> str:
    ranges = [ports for ports, _ in value.verdicts]
    require_disjoint(f"{value.protocol.value} ports", ranges)
    if value.protocol not in PORT_PROTOCOLS or not ranges or ranges != sorted(ranges):
        raise InvalidRulesetError(f"not a lookup of ports in ascending order: {value}")
    if ranges[0][0] < 0 or ranges[-1][1] > MAX_PORT:
        raise InvalidRulesetError(f"no such ports: {ranges[0][0]} to {ranges[-1][1]}")
    elements = ", ".join(f"{_ports(ports)} : {verdict(v)}" for ports, v in value.verdicts)
    return f"{value.protocol.value} dport vmap {{ {elements} }}"


# Keys.


def require_disjoint(what: str, ranges: Iterable[Range]) -> None:
    """Raise InvalidRulesetError, with the ranges and with `what` they are, where two overlap or one is empty.

    The kernel does not always refuse overlapping elements; it may take them and answer wrongly.
    """
    previous: Range | None = None
    for current in sorted(ranges):
        if current[0] > current[1]:
            raise InvalidRulesetError(f"{what}: {current[0]} to {current[1]} is no range")
        if previous and current[0] <= previous[1]:
            raise InvalidRulesetError(
                f"{what}: {previous[0]} to {previous[1]} and {current[0]} to {current[1]} overlap"
            )
        previous = current


def number(key: KeyType, value: int) -> str:
    """Return an address or a mark; raise InvalidRulesetError where it is too large, or negative."""
    if not 0 <= value <= _MAX_KEY[key]:
        raise InvalidRulesetError(f"not of type {key.value}: {value}")
    match key:
        case KeyType.IPV4:
            return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
        case KeyType.IPV6:
            return str(IPv6Address(value))
        case KeyType.MARK:
            return f"{value:#010x}"
        case unreachable:
            assert_never(unreachable)


def _range(key: KeyType, value: Range) -> str:
    first, last = value
    return number(key, first) if first == last else f"{number(key, first)}-{number(key, last)}"


# Commands, each one line without its end.


def add_table() -> str:
    """Make the table, if it is not there."""
    return f"add table {HERE}"


def delete_table() -> str:
    """Delete the table and all that is in it."""
    return f"delete table {HERE}"


def add_chain(chain: str, value: Chain) -> str:
    """Make a chain, without its rules."""
    made = f"add chain {HERE} {name(chain)}"
    if value.hook is None:
        return made
    return f"{made} {{ type filter hook {value.hook.value} priority 0; policy accept; }}"


def flush_chain(chain: str) -> str:
    """Delete a chain's rules."""
    return f"flush chain {HERE} {name(chain)}"


def delete_chain(chain: str) -> str:
    """Delete a chain."""
    return f"delete chain {HERE} {name(chain)}"


def add_rule(chain: str, statements: NftRule) -> str:
    """Append a rule to a chain."""
    return f"add rule {HERE} {name(chain)} {rule(statements)}"


def add_map(map_name: str, value: VerdictMap) -> str:
    """Make a map, without its elements."""
    match value:
        case ExactMap(key):
            flags = ""
        case RangeMap(key):
            if key is KeyType.MARK:
                raise InvalidRulesetError(f"{map_name:.300}: marks have no ranges")
            flags = " flags interval;"
        case unreachable:
            assert_never(unreachable)
    return f"add map {HERE} {name(map_name)} {{ type {key.value} : verdict;{flags} }}"


def flush_map(map_name: str) -> str:
    """Delete a map's elements."""
    return f"flush map {HERE} {name(map_name)}"


def delete_map(map_name: str) -> str:
    """Delete a map."""
    return f"delete map {HERE} {name(map_name)}"


def add_elements(map_name: str, value: VerdictMap) -> Iterator[str]:
    """Add the elements of `value` to the map of that name, ascending, in as many commands as it takes.

    Raises:
        InvalidRulesetError: ranges overlap, or keys or verdicts have no text.

    """
    match value:
        case ExactMap(key, exact):
            texts = [f"{number(key, n)} : {verdict(exact[n])}" for n in sorted(exact)]
        case RangeMap(key, ranges):
            require_disjoint(map_name, ranges)
            texts = [f"{_range(key, r)} : {verdict(ranges[r])}" for r in sorted(ranges)]
        case unreachable:
            assert_never(unreachable)
    return _in_batches(f"add element {HERE} {name(map_name)}", texts)


def delete_elements(map_name: str, key: KeyType, numbers: Iterable[int]) -> Iterator[str]:
    """Delete elements of an exact map, in as many commands as it takes."""
    return _in_batches(f"delete element {HERE} {name(map_name)}", [number(key, n) for n in sorted(numbers)])


def add_counter(counter: str) -> str:
    """Make a named counter, if it is not there."""
    return f"add counter {HERE} {name(counter)}"


def delete_counter(counter: str) -> str:
    """Delete a named counter."""
    return f"delete counter {HERE} {name(counter)}"


def _in_batches(command: str, texts: list[str]) -> Iterator[str]:
    for start in range(0, len(texts), BATCH):
        yield f"{command} {{ {', '.join(texts[start : start + BATCH])} }}"


# Scripts.


def script(ruleset: Ruleset) -> str:
    """Return a script that puts `ruleset` in the place of whatever our table holds, in one transaction.

    Equal rulesets have equal scripts. What is referred to stands before what refers to it.

    Raises:
        InvalidRulesetError: something in it has no safe text, or ranges overlap.

    """
    return "".join(f"{line}\n" for line in _script(ruleset))


def _script(ruleset: Ruleset) -> Iterator[str]:
    for found in ruleset.foreign:
        statement(found)
    chains, maps = sorted(ruleset.chains.items()), sorted(ruleset.maps.items())
    elements = sum(len(value.elements) for _, value in maps)
    yield f"# Table {HERE}: {len(chains)} chains, {len(ruleset.counters)} counters, {len(maps)} maps with {elements}"
    yield "# elements. Loading this replaces whatever the table held, all at once."
    yield from (add_table(), delete_table())
    if ruleset.empty:
        return
    yield from (add_table(), "")
    yield from map(add_counter, sorted(ruleset.counters))
    yield ""
    for chain, made in chains:
        yield add_chain(chain, made)
    yield ""
    for map_name, value in maps:
        yield add_map(map_name, value)
    for map_name, value in maps:
        yield from add_elements(map_name, value)
    for chain, made in chains:
        yield ""
        for statements in made.rules:
            yield add_rule(chain, statements)
