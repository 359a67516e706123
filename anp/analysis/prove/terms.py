"""The numbers in a listing: which field of a packet an expression is about, and which numbers of it a text means."""

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMP,
    ICMP_PROTOCOL,
    ICMPV6,
    ICMPV6_PROTOCOL,
    LAST,
    MARK,
    PROTOCOL,
    SCTP,
    SOURCE,
    SPORT,
    STATE,
    STATES,
    TCP,
    UDP,
    Key,
)
from compiler import intervals
from compiler.addresses import BITS, IpVersion
from compiler.intervals import Range, Ranges
from compiler.ruleset import MARK_BITS

_VERSIONS: Mapping[str, IpVersion] = {"ip": 4, "ip6": 6}
_PORTS = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "dccp": 33, "udplite": 136, "th": None}
_PROTOCOLS = {
    "icmp": ICMP_PROTOCOL,
    "igmp": 2,
    "tcp": TCP,
    "udp": UDP,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": ICMPV6_PROTOCOL,
    "icmpv6": ICMPV6_PROTOCOL,
    "ipcomp": 108,
    "comp": 108,
    "sctp": SCTP,
    "udplite": 136,
}
_STATE_BITS = {1: "invalid", 2: "established", 4: "related", 8: "new", 64: "untracked"}
_ICMP_TYPES = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}
_ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}
_WORDS: Mapping[str, Mapping[str, int]] = {
    PROTOCOL: _PROTOCOLS,
    ICMP: _ICMP_TYPES,
    ICMPV6: _ICMPV6_TYPES,
    STATE: {word: number for number, word in enumerate(STATES)},
}


class OddError(Exception):
    """Something of a meaning that is not known here; caught at the statement or object that it is part of."""


def key_of(expression: object) -> Key:
    """Return the number of a packet that an expression is about."""
    match expression:
        case {"payload": {"protocol": str(protocol), "field": str(name), **more}} if not more:
            return _payload(protocol, name)
        case {"meta": {"key": "mark"}}:
            return Key(MARK)
        case {"meta": {"key": "l4proto"}}:
            return Key(PROTOCOL)
        case {"ct": {"key": "state", **more}} if not more:
            return Key(STATE)
        case {"&": [{"meta": {"key": "mark"}}, int(mask)]} if 0 < mask <= MARK_BITS:
            return Key(MARK, mask=mask)
    raise OddError


def _payload(protocol: str, name: str) -> Key:
    if protocol in _VERSIONS and name in {"saddr", "daddr"}:
        return Key(SOURCE if name == "saddr" else DESTINATION, _VERSIONS[protocol])
    if (protocol, name) == ("ip", "protocol"):
        return Key(PROTOCOL, 4)
    if protocol in _PORTS and name in {"sport", "dport"}:
        return Key(SPORT if name == "sport" else DPORT, protocol=_PORTS[protocol])
    # nft asks for the family too.
    if (protocol, name) == ("icmp", "type"):
        return Key(ICMP, 4, ICMP_PROTOCOL)
    if (protocol, name) == ("icmpv6", "type"):
        return Key(ICMPV6, 6, ICMPV6_PROTOCOL)
    raise OddError


def last(key: Key) -> int:
    """Return the greatest number that a key can have."""
    if key.field in {SOURCE, DESTINATION}:
        return (1 << BITS[key.version or 6]) - 1
    return MARK_BITS if key.field == MARK else LAST[key.field]


def numbers(key: Key, value: object) -> Range:
    """Return the numbers that a value, a range or a prefix means."""
    match value:
        case {"range": [first, final], **more} if not more:
            low, high = _number(key, first), _number(key, final)
        case {"prefix": {"addr": address, "len": int(length), **less}, **more} if not more and not less:
            bits = last(key).bit_length()
            low = _number(key, address)
            if not 0 <= length <= bits:
                raise OddError
            high = low | (1 << bits - length) - 1
            if low & (1 << bits - length) - 1:
                raise OddError  # so is a comparison listed that never holds, as a mask leaves nothing there
        case _:
            low = high = _number(key, value)
    if low > high:
        raise OddError
    return low, high


def _number(key: Key, value: object) -> int:
    if key.field in {SOURCE, DESTINATION}:
        return _address(key, value)
    if isinstance(value, str):
        found = _WORDS.get(key.field, {}).get(value)
        if found is None:
            raise OddError
        return found
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OddError
    if key.field == STATE:
        if value not in _STATE_BITS:
            raise OddError
        return STATES.index(_STATE_BITS[value])
    if value > last(key):
        raise OddError
    return value


def _address(key: Key, value: object) -> int:
    if not isinstance(value, str):
        raise OddError
    try:
        return int(IPv4Address(value) if key.version == 4 else IPv6Address(value))
    except AddressValueError:
        raise OddError from None


def compared(key: Key, op: str, value: object) -> Ranges:
    """Return the numbers that stand in that order to a value."""
    low, high = numbers(key, value)
    if low != high:
        raise OddError
    bounds = {"<": (0, low - 1), "<=": (0, low), ">": (low + 1, last(key)), ">=": (low, last(key))}
    return intervals.union([bounds[op]])


def mark_of(expression: object) -> tuple[int, int]:
    """Return what an expression makes of the mark: the bits that it keeps, and those that it flips then."""
    match expression:
        case {"meta": {"key": "mark"}}:
            return MARK_BITS, 0
        case int(value) if not isinstance(value, bool) and 0 <= value <= MARK_BITS:
            return 0, value
        case {"&": [left, *more], **others} if more and not others:
            return _folded("&", left, more)
        case {"|": [left, *more], **others} if more and not others:
            return _folded("|", left, more)
        case {"^": [left, *more], **others} if more and not others:
            return _folded("^", left, more)
    raise OddError


def _folded(operator: str, left: object, more: list[Any]) -> tuple[int, int]:
    keep, flip = mark_of(left)
    for operand in more:
        kept, bits = mark_of(operand)
        if kept:
            raise OddError
        match operator:
            case "&":
                keep, flip = keep & bits, flip & bits
            case "|":
                keep, flip = keep & ~bits, flip & ~bits | bits
            case "^":
                flip ^= bits
    return keep, flip
