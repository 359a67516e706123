"""What libnftables lists of our table, as values in canonical form.

The listing is JSON, written by whatever libnftables is installed, about a table in which anybody can put
anything. What is exactly as we would have written it becomes a value of ours; anything else becomes `Foreign`,
so that it differs from all that we could want and is put right. Nothing is guessed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, TypeAlias

from compiler.intervals import Range
from compiler.names import TABLE
from compiler.ruleset import MARK_BITS, Chain, ExactMap, Foreign, Hook, KeyType, NftRule, RangeMap, Ruleset, VerdictMap
from compiler.syntax import FAMILY, is_name
from enforcer.errors import ListingError
from enforcer.expressions import ForeignError, elements, fields, foreign, integer, items, statement

_Body: TypeAlias = dict[str, Any]

_BITS = {KeyType.IPV4: 32, KeyType.IPV6: 128, KeyType.MARK: 32}
_ADDRESSES: Mapping[KeyType, type[IPv4Address | IPv6Address]] = {KeyType.IPV4: IPv4Address, KeyType.IPV6: IPv6Address}


def parse_listing(text: str) -> Ruleset:
    """Return what a JSON listing of our table holds; see `read_listing`."""
    try:
        listing = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"libnftables listed something that is not JSON: {error}") from error
    return read_listing(listing)


def read_listing(listing: object) -> Ruleset:
    """Return what a listing of our table holds; objects of other tables are passed over.

    Raises:
        ListingError: it has not the outer shape of a listing, one list of objects with one kind each.

    """
    if not isinstance(listing, dict) or not isinstance(listing.get("nftables"), list):
        raise ListingError(f"libnftables listed something that is no list of objects: {listing!r:.100}")
    content = _Content()
    for entry in listing["nftables"]:
        if not isinstance(entry, dict) or len(entry) != 1:
            raise ListingError(f"libnftables listed something that is no object: {entry!r:.100}")
        ((kind, body),) = entry.items()
        if _is_ours(kind, body):
            content.add(kind, body)
    return content.ruleset()


def _is_ours(kind: str, body: object) -> bool:
    """Say whether this is our table or in it; what is neither, such as the version, is passed over."""
    if not isinstance(body, dict) or body.get("family") != FAMILY:
        return False
    return bool(body.get("name" if kind == "table" else "table") == TABLE)


@dataclass(slots=True)
class _Content:
    """What has been read so far. Rules follow their chains in a listing, but nothing here relies on it."""

    chains: dict[str, Hook | None] = field(default_factory=dict)
    rules: dict[str, list[NftRule]] = field(default_factory=dict)
    maps: dict[str, VerdictMap] = field(default_factory=dict)
    counters: set[str] = field(default_factory=set)
    foreign: set[Foreign] = field(default_factory=set)

    def add(self, kind: str, body: _Body) -> None:
        try:
            self._add(kind, body)
        except ForeignError:
            # A handle says nothing about what the object is.
            self.foreign.add(foreign({kind: {key: value for key, value in body.items() if key != "handle"}}))

    def _add(self, kind: str, body: _Body) -> None:
        match kind:
            case "table":
                # A table can be told to lie dormant, among other things.
                _only(body, "family", "name")
            case "counter":
                # Packets and bytes are what the counter says, not what it is.
                _only(body, "family", "table", "name", "packets", "bytes")
                self.counters.add(_name(body))
            case "chain":
                self.chains[_new(_name(body), self.chains)] = _hook(body)
            case "map":
                self.maps[_new(_name(body), self.maps)] = _map(body)
            case "rule":
                self.rules.setdefault(_name(body, "chain"), []).append(_rule(body))
            case _:
                raise ForeignError

    def ruleset(self) -> Ruleset:
        """Return it all; rules of chains that are not ours are foreign as their chains are, listed or not."""
        self.foreign |= {foreign({"rules of": name}) for name in self.rules if name not in self.chains}
        chains = {name: Chain(tuple(self.rules.get(name, ())), hook) for name, hook in self.chains.items()}
        return Ruleset(chains, self.maps, frozenset(self.counters), frozenset(self.foreign))


# Objects.


def _hook(body: _Body) -> Hook | None:
    settings = {key: value for key, value in body.items() if key not in {"family", "table", "name", "handle"}}
    if not settings:
        return None
    for hook in Hook:
        if settings == {"type": "filter", "hook": hook.value, "prio": 0, "policy": "accept"}:
            return hook
    raise ForeignError


def _map(body: _Body) -> VerdictMap:
    _only(body, "family", "table", "name", "type", "map", "flags", "elem")
    keys = [key for key in KeyType if key.value == body.get("type")]
    if body.get("map") != "verdict" or not keys:
        raise ForeignError
    key = keys[0]
    listed = list(elements(body.get("elem", [])))
    flags = body.get("flags", [])
    if flags == []:
        return ExactMap(key, {_number(key, found): verdict for found, verdict in listed})
    # Newer versions of libnftables list one flag without a list around it.
    if flags in (["interval"], "interval") and key is not KeyType.MARK:
        ranges = {_range(key, found): verdict for found, verdict in listed}
        return RangeMap(key, {found: ranges[found] for found in sorted(ranges)})
    raise ForeignError


def _number(key: KeyType, value: object) -> int:
    """Return the address or mark that `value` spells."""
    if key is KeyType.MARK:
        return integer(value, MARK_BITS)
    if not isinstance(value, str):
        raise ForeignError
    try:
        return int(_ADDRESSES[key](value))
    except AddressValueError:
        raise ForeignError from None


def _range(key: KeyType, value: object) -> Range:
    """Return a range; libnftables makes a prefix of it where it can, and a single address."""
    if isinstance(value, dict) and "prefix" in value:
        address, length = fields(fields(value, "prefix")[0], "addr", "len")
        first = _number(key, address)
        last = first | (1 << _BITS[key] - integer(length, _BITS[key])) - 1
    elif isinstance(value, dict):
        first, last = (_number(key, end) for end in items(fields(value, "range")[0], 2))
    else:
        first = last = _number(key, value)
    if first > last:
        raise ForeignError
    return first, last


def _rule(body: _Body) -> NftRule:
    """Return a rule; its comment, and whatever else it may have, is a foreign statement at its end."""
    listed = body.get("expr")
    statements = tuple(map(statement, listed)) if isinstance(listed, list) else (foreign(listed),)
    more = {key: value for key, value in body.items() if key not in {"family", "table", "chain", "handle", "expr"}}
    return (*statements, foreign(more)) if more else statements


def _only(body: _Body, *keys: str) -> None:
    if body.keys() - {*keys, "handle"}:
        raise ForeignError


def _new(name: str, known: Mapping[str, object]) -> str:
    """Return a name that is not known yet; of two objects with one name we could not say which one is there."""
    if name in known:
        raise ForeignError
    return name


def _name(body: _Body, key: str = "name") -> str:
    name = body.get(key)
    if not isinstance(name, str) or not is_name(name):
        raise ForeignError
    return name
