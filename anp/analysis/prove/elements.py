"""Sets and maps as they are listed, and the verdicts in them."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from anp.analysis.prove.language import (
    DPORT,
    ICMP,
    ICMPV6,
    MARK,
    PROTOCOL,
    SOURCE,
    STATE,
    Continue,
    Key,
    Table,
    Value,
    Verdict,
)
from anp.analysis.prove.terms import OddError, numbers
from compiler.intervals import Range
from compiler.ruleset import Accept, Drop, Goto, Jump, Return

Body: TypeAlias = dict[str, Any]

_SETTLED = frozenset(
    {"family", "table", "name", "handle", "type", "map", "elem", "flags", "comment", "size", "policy", "auto-merge"}
)
"""What a set can have that does not change what is in it, or is read; a time-out, say, would."""
_SHOWN = 200
_WORDS: Mapping[str, Verdict] = {"accept": Accept(), "drop": Drop(), "return": Return(), "continue": Continue()}


def keys_of_type(kind: object) -> tuple[Key, ...]:
    """Return keys of the type of a set's elements; what they are of a packet, only a rule says."""
    fields: Mapping[object, Key] = {
        "ipv4_addr": Key(SOURCE, 4),
        "ipv6_addr": Key(SOURCE, 6),
        "mark": Key(MARK),
        "inet_service": Key(DPORT),
        "inet_proto": Key(PROTOCOL),
        "ct_state": Key(STATE),
        "icmp_type": Key(ICMP),
        "icmpv6_type": Key(ICMPV6),
    }
    kinds = kind if isinstance(kind, list) else [kind]
    if not kinds or any(not isinstance(one, str) or one not in fields for one in kinds):
        raise OddError
    return tuple(fields[one] for one in kinds)


def set_of(name: str, body: Body) -> Table:
    """Return a set or map; one whose meaning is not known says so where somebody looks something up in it."""
    try:
        _require_settled(body)
        return table_of(name, keys_of_type(body.get("type")), body.get("elem", []), verdicts="map" in body)
    except OddError:
        shown = {key: value for key, value in body.items() if key not in {"elem", "handle"}}
        return Table(
            name, problem=f"the set or map @{name} is of a kind or has elements not known here: {short(shown)}"
        )


def _require_settled(body: Body) -> None:
    """Refuse sets whose elements come and go by themselves, and maps to other things than verdicts."""
    if body.keys() - _SETTLED or {"timeout", "dynamic"} & set(map(str, flags_of(body))):
        raise OddError
    if body.get("map", "verdict") != "verdict":
        raise OddError


def table_of(name: str, keys: tuple[Key, ...], elements: object, *, verdicts: bool) -> Table:
    """Return a table of these elements; raise OddError where one is unknown, or two contradict each other."""
    if not isinstance(elements, list):
        raise OddError
    found: list[tuple[tuple[Range, ...], Value]] = []
    for element in elements:
        key, value = element if verdicts and isinstance(element, list) and len(element) == 2 else (element, None)
        if verdicts == (value is None):
            raise OddError
        found.append((tuple(_element(keys, key)), verdict_of(value) if verdicts else None))
    if len(keys) > 1:
        return Table(name, boxes=tuple((tuple((numbers,) for numbers in box), value) for box, value in found))
    pieces = sorted(((box[0], value) for box, value in found), key=lambda piece: piece[0])
    for (one, said), (other, also) in pairwise(pieces):
        if other[0] <= one[1] and said != also:
            raise OddError
    return Table(name, tuple(_disjoint(pieces)))


def _disjoint(pieces: list[tuple[Range, Value]]) -> Iterator[tuple[Range, Value]]:
    """Yield pieces that say the same where they meet, without saying it twice."""
    end = -1
    for (first, final), value in pieces:
        if final > end:
            yield (max(first, end + 1), final), value
            end = final


def _element(keys: tuple[Key, ...], value: object) -> Iterator[Range]:
    if isinstance(value, dict) and "elem" in value:
        body = value["elem"]
        if value.keys() != {"elem"} or not isinstance(body, dict) or body.keys() - {"val", "comment", "counter"}:
            raise OddError
        value = body.get("val")
    parts = value["concat"] if isinstance(value, dict) and value.keys() == {"concat"} else [value]
    if not isinstance(parts, list) or len(parts) != len(keys):
        raise OddError
    for key, part in zip(keys, parts, strict=True):
        yield numbers(key, part)


def verdict_of(value: object) -> Verdict:
    """Return a verdict; raise OddError if it is none that we know."""
    match value:
        case {"jump": {"target": str(chain), **less}, **more} if not more and not less:
            return Jump(chain)
        case {"goto": {"target": str(chain), **less}, **more} if not more and not less:
            return Goto(chain)
        case dict() if len(value) == 1 and (word := next(iter(value))) in _WORDS:
            return _WORDS[word]
    raise OddError


def flags_of(body: Body) -> list[object]:
    """Return the flags of an object; newer versions of libnftables list a single one without a list around it."""
    flags = body.get("flags", [])
    return flags if isinstance(flags, list) else [flags]


def short(expression: object) -> str:
    """Return an expression as it is listed, cut where it is long."""
    text = json.dumps(expression, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
