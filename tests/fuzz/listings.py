"""What libnftables would list of a ruleset, and when two listings say the same."""

from collections.abc import Hashable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from compiler.model import MAX_PORT
from compiler.ruleset import (
    MARK_BITS,
    Accept,
    AddressLookup,
    Count,
    Drop,
    Foreign,
    Goto,
    Jump,
    KeyType,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    PortLookup,
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Statement,
    TrackedMatch,
    VerdictMap,
)

OURS = {"family": "inet", "table": "anp"}
MARK = {"meta": {"key": "mark"}}
_SPELL = {KeyType.IPV4: lambda n: str(IPv4Address(n)), KeyType.IPV6: lambda n: str(IPv6Address(n)), KeyType.MARK: int}


def listing_of(ruleset: Ruleset) -> dict[str, Any]:
    """List a ruleset with what comes with it: a version, handles, counts, and somebody else's table."""
    entries: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "anp", "handle": 1}},
        *(
            {"counter": {**OURS, "name": name, "handle": 2, "packets": 3, "bytes": 4}}
            for name in sorted(ruleset.counters)
        ),
        *({"map": {**OURS, "name": name, "handle": 5, **_map(value)}} for name, value in ruleset.maps.items()),
    ]
    for name, chain in ruleset.chains.items():
        hook = {"type": "filter", "hook": chain.hook.value, "prio": 0, "policy": "accept"} if chain.hook else {}
        entries.append({"chain": {**OURS, "name": name, "handle": 6, **hook}})
        for handle, rule in enumerate(chain.rules, 7):
            entries.append({"rule": {**OURS, "chain": name, "handle": handle, "expr": list(map(_statement, rule))}})
    return {"nftables": [*entries, {"chain": {"family": "inet", "table": "theirs", "name": "class-1", "handle": 1}}]}


def _map(value: VerdictMap) -> dict[str, Any]:
    spell = _SPELL[value.key]
    body: dict[str, Any] = {"type": value.key.value, "map": "verdict"}
    if isinstance(value, RangeMap):
        body["flags"] = ["interval"]
        keys = [
            spell(first) if first == last else {"range": [spell(first), spell(last)]} for first, last in value.elements
        ]
    else:
        keys = [spell(number) for number in value.elements]
    if keys:
        body["elem"] = [[key, _statement(verdict)] for key, verdict in zip(keys, value.elements.values(), strict=True)]
    return body


def _masked(mask: int) -> dict[str, Any]:
    return MARK if mask == MARK_BITS else {"&": [MARK, mask]}


def _payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


def _ports(first: int, last: int) -> Any:
    return first if first == last else {"range": [first, last]}


def _match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def _statement(statement: Statement) -> Any:  # noqa: C901, PLR0912 - a case for each statement
    match statement:
        case Accept():
            return {"accept": None}
        case Drop():
            return {"drop": None}
        case Return():
            return {"return": None}
        case Jump(chain):
            return {"jump": {"target": chain}}
        case Goto(chain):
            return {"goto": {"target": chain}}
        case TrackedMatch():
            return _match({"ct": {"key": "state"}}, ["established", "related"], "in")
        case NeighborDiscoveryMatch():
            return _match(_payload("icmpv6", "type"), {"range": [133, 137]})
        case MarkMatch(mask, value):
            return _match(_masked(mask), value)
        case PortMatch(protocol, (0, last)) if last == MAX_PORT:
            return _match({"meta": {"key": "l4proto"}}, protocol.value)
        case PortMatch(protocol, ports):
            return _match(_payload(protocol.value, "dport"), _ports(*ports))
        case SetMark(mask, value):
            kept = MARK if mask == value else {"&": [MARK, MARK_BITS ^ mask]}
            whole = value if mask == MARK_BITS else {"|": [kept, value]} if value else kept
            return {"mangle": {"key": MARK, "value": whole}}
        case AddressLookup(side, version, name):
            return {"vmap": {"key": _payload("ip" if version == 4 else "ip6", side.value), "data": f"@{name}"}}
        case MarkLookup(mask, name):
            return {"vmap": {"key": _masked(mask), "data": f"@{name}"}}
        case PortLookup(protocol, verdicts):
            elements = [[_ports(*ports), _statement(verdict)] for ports, verdict in verdicts]
            return {"vmap": {"key": _payload(protocol.value, "dport"), "data": {"set": elements}}}
        case Count(counter):
            return {"counter": counter}
        case Foreign():
            raise AssertionError("nobody wants a foreign statement")


def said(listing: Mapping[str, Any]) -> Hashable:
    """Return what a listing says of our table, in a form that is equal for listings that say the same.

    This knows only what cannot matter: handles, counts, other tables, the order of anything but rules and statements,
    empty lists, and how an address is spelt. It is no reader, so it has none of the reader's mistakes.
    """
    objects, rules = set(), {}
    for entry in listing["nftables"]:
        ((kind, body),) = entry.items()
        if not isinstance(body, dict) or body.get("family") != "inet":
            continue
        if body.get("name" if kind == "table" else "table") != "anp":
            continue
        kept = {key: value for key, value in body.items() if key != "handle"}
        if kind == "table" and len(kept) == 2:
            continue  # it goes without saying
        if kind == "rule":
            chain = kept.pop("chain", None)
            rules.setdefault(_frozen(chain), []).append(_frozen(kept))
            continue
        if kind == "counter":
            kept = {key: value for key, value in kept.items() if key not in ("packets", "bytes")}
        if kind == "map":
            kept = {key: value for key, value in kept.items() if key not in ("flags", "elem") or value != []}
            if isinstance(kept.get("elem"), list):
                kept["elem"] = {"unordered": sorted(set(map(repr, map(_frozen, kept["elem"]))))}
            if kept.get("flags") == "interval":
                kept["flags"] = ["interval"]
        objects.add((kind, _frozen(kept)))
    return frozenset(objects), frozenset((chain, tuple(found)) for chain, found in rules.items())


def _frozen(value: Any) -> Hashable:
    """Return a hashable copy; a lookup's elements are in no order, and numbers that are equal are the same."""
    match value:
        case {"set": list(elements)}:
            return ("set", tuple(sorted(set(map(repr, map(_frozen, elements))))))
        case {"range": [first, last]} if first == last:
            return _frozen(first)
        case dict():
            return ("mapping", frozenset((key, _frozen(child)) for key, child in value.items()))
        case list():
            return tuple(map(_frozen, value))
        case str():
            return _address(value)
        case _:
            return value


def _address(text: str) -> Hashable:
    for kind in (IPv4Address, IPv6Address):
        try:
            return str(kind(text))
        except AddressValueError:
            continue
    return text
