"""What is listed, in the words of nft: one rule, one element, one packet."""

from collections.abc import Iterable

from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMP,
    ICMPV6,
    MARK,
    PROTOCOL,
    SCTP,
    SOURCE,
    SPORT,
    STATE,
    STATES,
    TCP,
    UDP,
    Continue,
    Key,
    Look,
    Match,
    Rule,
    SetMark,
    Statement,
    Table,
    Unknown,
    Value,
)
from anp.analysis.prove.steps import Packet
from anp.analysis.prove.terms import last
from compiler.addresses import address_of
from compiler.intervals import Range
from compiler.ruleset import MARK_BITS, Accept, Drop, Goto, Jump, Return

_PORTS = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}
_PLAIN = {PROTOCOL: "meta l4proto", STATE: "ct state", ICMP: "icmp type", ICMPV6: "icmpv6 type", MARK: "meta mark"}
_SHOWN = 6


def rule_text(rule: Rule) -> str:
    """Return a rule as nft would write it, without its counters and comments."""
    return " ".join(map(_statement, rule.statements)) or "nothing"


def _statement(statement: Statement) -> str:
    match statement:
        case Match(keys, table, negated):
            return f"{_keys(keys)} {'!= ' if negated else ''}{_table(keys, table)}"
        case Look(keys, table):
            return f"{_keys(keys)} vmap {_table(keys, table)}"
        case SetMark(keep, flip):
            kept = "meta mark" if keep == MARK_BITS else f"meta mark & {keep:#010x}"
            return f"meta mark set {kept if keep else ''}{' ^ ' if keep and flip else ''}{f'{flip:#x}' if flip else ''}"
        case Unknown(text):
            return text
        case _:
            return verdict_text(statement)


def verdict_text(value: Value) -> str:
    """Return a verdict as nft writes it."""
    match value:
        case Jump(chain):
            return f"jump {chain}"
        case Goto(chain):
            return f"goto {chain}"
        case Accept() | Drop() | Return() | Continue():
            return type(value).__name__.lower()
        case None:
            return ""


def _keys(keys: Iterable[Key]) -> str:
    return " . ".join(map(key_text, keys))


def key_text(key: Key) -> str:
    """Return what of a packet a key is, as nft writes it."""
    if key.field in {SOURCE, DESTINATION}:
        return f"{'ip' if key.version == 4 else 'ip6'} {'saddr' if key.field == SOURCE else 'daddr'}"
    if key.field in {DPORT, SPORT}:
        return f"{_PORTS.get(key.protocol or 0, 'th')} {key.field}"
    if key.field == MARK and key.mask != MARK_BITS:
        return f"meta mark & {key.mask:#010x}"
    return _PLAIN[key.field]


def _table(keys: tuple[Key, ...], table: Table) -> str:
    if table.name:
        return f"@{table.name}"
    parts = [(" . ".join([range_text(keys[0], numbers)]), value) for numbers, value in table.pieces]
    for box, value in table.boxes:
        named = [", ".join(range_text(key, n) for n in ranges) for key, ranges in zip(keys, box, strict=True)]
        parts.append((" . ".join(named), value))
    shown = [f"{text} : {verdict_text(value)}" if value else text for text, value in parts[:_SHOWN]]
    more = ["…"] if len(parts) > _SHOWN else []
    return shown[0] if len(parts) == 1 and not parts[0][1] else f"{{ {', '.join(shown + more)} }}"


def range_text(key: Key, numbers: Range) -> str:
    """Return some numbers of a key."""
    first, final = (number_text(key, number) for number in numbers)
    if numbers == (0, last(key)):
        return "any"
    return first if first == final else f"{first}-{final}"


def number_text(key: Key, number: int) -> str:
    """Return a number of a key as people write it."""
    if key.field in {SOURCE, DESTINATION} and key.version is not None:
        return str(address_of(key.version, number))
    if key.field == STATE:
        return STATES[number]
    return f"{number:#x}" if key.field == MARK else str(number)


def packet_text(packet: Packet) -> str:
    """Return a packet in one line."""
    if packet.protocol in _PORTS:
        what = f"{_PORTS[packet.protocol]}/{packet.dport}"
    elif packet.protocol in {1, 58}:
        what = f"{'icmp' if packet.protocol == 1 else 'icmpv6'} type {packet.kind}"
    else:
        what = f"protocol {packet.protocol}"
    mark = f" mark {packet.mark:#x}" if packet.mark else ""
    mark += " portless" if packet.portless else ""
    state = "" if packet.state == "new" else f", {packet.state}"
    return f"{packet.source} -> {packet.destination} {what}{mark}{state} at {packet.hook.value}"
