"""The statements of a rule, as libnftables lists them, as values in canonical form.

A statement that is exactly as we would have written it becomes a value of ours, anything else is `Foreign`: one
word more in it could change what it means. libnftables lists some of what we write in words other than ours,
which depend on its version; these are read back into the only form that we have.
"""

import json
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from compiler.addresses import IpVersion
from compiler.intervals import Range
from compiler.model import MAX_PORT, PORT_PROTOCOLS, Protocol
from compiler.ruleset import (
    MARK_BITS,
    Accept,
    AddressLookup,
    Count,
    Drop,
    Foreign,
    Goto,
    Jump,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    PortLookup,
    PortMatch,
    Return,
    SetMark,
    Side,
    Statement,
    TrackedMatch,
    Verdict,
)
from compiler.syntax import is_name

_MARK = {"meta": {"key": "mark"}}
_TRACKED = ([2, 4], ["established", "related"])
"""Connection tracking states come as numbers or as words, depending on the version of libnftables."""
_TERMINAL: Mapping[str, Verdict] = {"accept": Accept(), "drop": Drop(), "return": Return()}
_PROTOCOL_NUMBER: Mapping[Protocol, int] = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
_VERSION: Mapping[str, IpVersion] = {"ip": 4, "ip6": 6}


class ForeignError(Exception):
    """What is being read is none of ours; caught at the object or statement that it is part of."""


def statement(expression: object) -> Statement:
    """Return one statement of a rule, foreign or not; it never raises."""
    try:
        match expression:
            case {"match": test}:
                fields(expression, "match")
                return _match(*fields(test, "op", "left", "right"))
            case {"mangle": change}:
                fields(expression, "mangle")
                return _set_mark(*fields(change, "key", "value"))
            case {"vmap": lookup}:
                fields(expression, "vmap")
                return _lookup(*fields(lookup, "key", "data"))
            case {"counter": str(counter)} if is_name(counter):
                fields(expression, "counter")
                return Count(counter)
            case _:
                return verdict_of(expression)
    except ForeignError:
        return foreign(expression)


def verdict_of(value: object) -> Verdict:
    """Return a verdict; raise ForeignError where it is none of ours."""
    for word, verdict in _TERMINAL.items():
        if value == {word: None}:
            return verdict
    match value:
        case {"goto": {"target": str(chain)}} if is_name(chain) and value == {"goto": {"target": chain}}:
            return Goto(chain)
        case {"jump": {"target": str(chain)}} if is_name(chain) and value == {"jump": {"target": chain}}:
            return Jump(chain)
        case _:
            raise ForeignError


def _match(op: object, left: object, right: object) -> Statement:
    if (op, left, right) == ("==", {"payload": {"protocol": "icmpv6", "field": "type"}}, {"range": [133, 137]}):
        return NeighborDiscoveryMatch()
    if (op, left) == ("in", {"ct": {"key": "state"}}):
        # Newer versions of libnftables make a set of what is a list here.
        states = fields(right, "set")[0] if isinstance(right, dict) else right
        if states in _TRACKED:
            return TrackedMatch()
    elif (op, left) == ("==", _MARK):
        if isinstance(right, dict):
            # A mask of leading ones is listed as the length of a prefix.
            address, length = fields(fields(right, "prefix")[0], "addr", "len")
            return _mark_match(MARK_BITS ^ (1 << 32 - integer(length, 32)) - 1, address)
        return _mark_match(MARK_BITS, right)
    elif (op, left) == ("==", {"meta": {"key": "l4proto"}}):
        return PortMatch(_protocol(right), (0, MAX_PORT))
    elif op == "==" and (mask := _masked_mark(left)) is not None:
        return _mark_match(mask, right)
    elif op == "==":
        return _port_match(left, right)
    raise ForeignError


def _port_match(left: object, right: object) -> PortMatch:
    protocol, field_name = _payload(left)
    ports = _range(right)
    if field_name != "dport" or ports == (0, MAX_PORT):
        raise ForeignError
    return PortMatch(_protocol(protocol), ports)


def _protocol(value: object) -> Protocol:
    """Read a protocol that has ports: a word, or a number with some versions of libnftables."""
    for protocol in PORT_PROTOCOLS:
        if value in (protocol.value, _PROTOCOL_NUMBER[protocol]):
            return protocol
    raise ForeignError


def _mark_match(mask: int, value: object) -> MarkMatch:
    wanted = integer(value, MARK_BITS)
    if not mask or wanted & ~mask:
        raise ForeignError
    return MarkMatch(mask, wanted)


def _set_mark(key: object, value: object) -> SetMark:
    """Read an assignment to the mark: it keeps the bits of one mask and then sets those of another.

    Which bits to keep is told in several ways, as it does not matter for those that are set anyway.
    """
    if key != _MARK:
        raise ForeignError
    kept, forced = MARK_BITS, 0
    if isinstance(value, dict) and "|" in value:
        left, right = _pair(value, "|")
        value, forced = left, integer(right, MARK_BITS)
    if isinstance(value, int):
        kept, forced = 0, integer(value, MARK_BITS) | forced
    elif (mask := _masked_mark(value)) is not None:
        kept = mask
    elif value != _MARK:
        raise ForeignError
    mask = MARK_BITS ^ kept | forced
    if not mask:
        raise ForeignError
    return SetMark(mask, forced)


def _masked_mark(value: object) -> int | None:
    """Return the mask where `value` is the mark under a mask."""
    if not isinstance(value, dict) or "&" not in value:
        return None
    left, mask = _pair(value, "&")
    if left != _MARK:
        raise ForeignError
    return integer(mask, MARK_BITS)


def _lookup(key: object, data: object) -> Statement:
    if isinstance(data, dict):
        protocol, field_name = _payload(key)
        if field_name != "dport":
            raise ForeignError
        return PortLookup(_protocol(protocol), tuple(sorted(_ports(fields(data, "set")[0]), key=itemgetter(0))))
    if not isinstance(data, str) or not data.startswith("@") or not is_name(data[1:]):
        raise ForeignError
    if key == _MARK:
        return MarkLookup(MARK_BITS, data[1:])
    if (mask := _masked_mark(key)) is not None:
        return MarkLookup(mask, data[1:])
    protocol, field_name = _payload(key)
    sides = [side for side in Side if side.value == field_name]
    if protocol not in _VERSION or not sides:
        raise ForeignError
    return AddressLookup(sides[0], _VERSION[protocol], data[1:])


def _ports(listed: object) -> Iterator[tuple[Range, Verdict]]:
    for found, verdict in elements(listed):
        yield _range(found), verdict


def _range(value: object) -> Range:
    first, last = items(fields(value, "range")[0], 2) if isinstance(value, dict) else (value, value)
    return integer(first, MAX_PORT), integer(last, MAX_PORT)


# Their pieces.


def elements(listed: object) -> Iterator[tuple[object, Verdict]]:
    """Yield the elements of a verdict map, their keys as they are; raise ForeignError for any other verdict."""
    if not isinstance(listed, list):
        raise ForeignError
    for element in listed:
        found, verdict = items(element, 2)
        yield found, verdict_of(verdict)


def _payload(value: object) -> tuple[str, str]:
    protocol, field_name = fields(fields(value, "payload")[0], "protocol", "field")
    if not isinstance(protocol, str) or not isinstance(field_name, str):
        raise ForeignError
    return protocol, field_name


def _pair(value: object, operator: str) -> list[Any]:
    return items(fields(value, operator)[0], 2)


def items(value: object, length: int) -> list[Any]:
    """Return `value` if it is a list of that length; raise ForeignError otherwise."""
    if not isinstance(value, list) or len(value) != length:
        raise ForeignError
    return value


def fields(value: object, *keys: str) -> list[Any]:
    """Return the values of an object that has exactly those keys: one more could change the meaning of all."""
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise ForeignError
    return [value[key] for key in keys]


def integer(value: object, most: int) -> int:
    """Return `value` if it is a number from 0 to `most`; JSON's true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ForeignError
    return value


def foreign(value: object) -> Foreign:
    """Keep what is none of ours, in one form whatever the order of its fields."""
    return Foreign(json.dumps(value, sort_keys=True))
