"""A JSON listing of nftables, as `nft -j list ruleset` or libnftables write it, read as values of `language`."""

import json
from collections.abc import Iterator, Mapping

from anp.analysis.prove.elements import Body, flags_of, keys_of_type, set_of, short, table_of, verdict_of
from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    MARK,
    PROTOCOL,
    SOURCE,
    SPORT,
    STATE,
    TCP,
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
    UnknownMeaningError,
    Value,
)
from anp.analysis.prove.terms import OddError, compared, key_of, last, mark_of, numbers
from compiler.addresses import IpVersion
from compiler.intervals import Range
from compiler.names import TABLE
from compiler.ruleset import MARK_BITS, Drop
from compiler.syntax import FAMILY
from enforcer.errors import ListingError

_WITHOUT_EFFECT = frozenset({"counter", "log"})
_FAMILIES: Mapping[str, Mapping[object, IpVersion]] = {
    "nfproto": {"ipv4": 4, "ipv6": 6, 2: 4, 10: 6},
    "protocol": {"ip": 4, "ip6": 6},
}
_COMMANDS = frozenset({"add", "insert", "replace", "create", "delete", "destroy", "flush", "rename", "element"})
"""What the JSON of commands has, of which no listing is made."""
_REJECTED: Mapping[object, Key | None] = {
    "icmpx": None,
    "tcp reset": Key(PROTOCOL),
    "icmp": Key(SOURCE, 4),
    "icmpv6": Key(SOURCE, 6),
}
"""Which packets a rejection of each type is for, whatever is listed before it."""


def objects(text: str) -> list[tuple[str, Body]]:
    """Return the objects of a JSON listing, each with its kind.

    Raises:
        ListingError: it is no such listing.

    """
    try:
        listing = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"that is no JSON listing of nftables: {error}") from error
    if not isinstance(listing, dict) or not isinstance(listing.get("nftables"), list):
        raise ListingError("that is no JSON listing of nftables: it has no list named nftables")
    found: list[tuple[str, Body]] = []
    for entry in listing["nftables"]:
        if not isinstance(entry, dict) or len(entry) != 1 or not isinstance(next(iter(entry.values())), dict):
            raise ListingError(f"that is no object of a listing of nftables: {entry!r:.100}")
        found.extend(entry.items())
    command = next((kind for kind, _body in found if kind in _COMMANDS), None)
    if command is not None:
        raise ListingError(f"that is no listing of nftables, but commands for it: {command}")
    return found


def listed(found: list[tuple[str, Body]]) -> Listed:
    """Return our table as these objects describe it.

    Raises:
        ListingError: an object has not the outer shape of its kind, or there are two of one name.
        UnknownMeaningError: it is not known whether, or in which order, the table is in force.

    """
    ours = [(kind, body) for kind, body in found if body.get("family") == FAMILY and body.get("table") == TABLE]
    tables = [
        body for kind, body in found if kind == "table" and (body.get("family"), body.get("name")) == (FAMILY, TABLE)
    ]
    if not tables and not ours:
        return Listed()
    sets: dict[str, Body] = {}
    for kind, body in ours:
        if kind in {"set", "map"} and sets.setdefault(_name(body), body) is not body:
            raise ListingError(f"two sets or maps are named {_name(body)}")
    reader = _Reader(sets)
    rules: dict[str, list[Rule]] = {}
    bases: dict[str, Base | None] = {}
    for kind, body in ours:
        if kind == "chain":
            if _name(body) in bases:
                raise ListingError(f"two chains are named {_name(body)}")
            bases[_name(body)] = _base(body)
        elif kind == "rule":
            rules.setdefault(_name(body, "chain"), []).append(reader.rule(body))
    if rules.keys() - bases.keys():
        raise ListingError(f"there are rules of the chain {min(rules.keys() - bases.keys())}, which is not listed")
    flags = [flag for body in tables for flag in flags_of(body)]
    _require_order(bases, flags)
    chains = {name: Chain(tuple(rules.get(name, ())), base) for name, base in bases.items()}
    return Listed(chains, (*reader.named.values(), *reader.written), dormant="dormant" in flags)


def _require_order(bases: Mapping[str, Base | None], flags: list[object]) -> None:
    """Refuse tables of which it is not known what is in force, or in which order."""
    if any(flag != "dormant" for flag in flags):
        # Some versions of nft write something else in the place of flags, dormant among them.
        raise UnknownMeaningError(f"our table has flags that are not known here and may lie dormant: {flags!r:.100}")
    places = [(base.hook, base.priority) for base in bases.values() if base]
    if len(set(places)) < len(places):
        # The last one that was added comes first, which no listing tells.
        raise UnknownMeaningError("two base chains of our table are at one hook with one priority, in unknown order")


def _name(body: Body, key: str = "name") -> str:
    name = body.get(key)
    if not isinstance(name, str):
        raise ListingError(f"an object has no {key}: {body!r:.100}")
    return name


def _base(body: Body) -> Base | None:
    if "hook" not in body:
        return None
    match body:
        case {"hook": str(hook), "prio": int(priority), "type": str(kind)} if kind == "filter" and "dev" not in body:
            return Base(hook, priority, body.get("policy", "accept") == "accept")
    # It may be harmless; where it is not, whoever walks to it says so.
    return Base(f"{body.get('type')} at {body.get('hook')}", 0, accepts=False)


# Rules.


class _Reader:
    """Reads rules, which name sets and have sets of their own."""

    def __init__(self, sets: Mapping[str, Body]) -> None:
        self.named = {name: set_of(name, body) for name, body in sets.items()}
        self.written: list[Table] = []
        self._types = {name: body.get("type") for name, body in sets.items()}
        self._maps = frozenset(name for name, body in sets.items() if "map" in body)

    def rule(self, body: Body) -> Rule:
        expressions = body.get("expr")
        if not isinstance(expressions, list):
            raise ListingError(f"a rule has no list of expressions: {body!r:.100}")
        statements: list[Statement] = []
        for expression in expressions:
            try:
                statements.extend(self._statements(expression))
            except OddError:
                statements.append(Unknown(short(expression)))
        return Rule(tuple(statements))

    def _statements(self, expression: object) -> Iterator[Statement]:
        match expression:
            case {"match": {"op": str(op), "left": left, "right": right, **less}, **more} if not more and not less:
                yield self._match(op, left, right)
            case {"vmap": {"key": left, "data": data, **less}, **more} if not more and not less:
                keys = self._keys(left)
                yield Look(keys, self._table(keys, data, verdicts=True))
            case {"mangle": {"key": {"meta": {"key": "mark"}}, "value": value, **less}, **more} if (
                not more and not less
            ):
                yield SetMark(*mark_of(value))
            case {"mangle": {"key": {"meta": {"key": "nftrace"}}, "value": _}, **more} if not more:
                return
            case {"reject": how, **more} if not more:
                # For the sender it is not the same, for what goes through it is.
                yield from self._rejected(how)
            case dict() if len(expression) == 1 and next(iter(expression)) in _WITHOUT_EFFECT:
                return
            case _:
                yield verdict_of(expression)

    def _rejected(self, how: object) -> Iterator[Statement]:
        """Yield a drop of what a rejection is for: where nft asks that before it, it does not always list it."""
        # Versions that say nothing of a type may mean any of several.
        kind = how.get("type") if isinstance(how, dict) else None
        if not isinstance(kind, str) or kind not in _REJECTED:
            raise OddError
        key = _REJECTED[kind]
        if key is not None:
            numbers = (TCP, TCP) if key.field == PROTOCOL else (0, last(key))
            yield Match((key,), self._own([(numbers, None)]))
        yield Drop()

    def _match(self, op: str, left: object, right: object) -> Match:
        match left:
            case {"meta": {"key": "nfproto" | "protocol" as name, **less}, **more} if not more and not less:
                return self._family(op, right, _FAMILIES[name])
        keys = self._keys(left)
        if op in {"<", ">", "<=", ">="} and len(keys) == 1:
            return Match(keys, self._own([(numbers, None) for numbers in compared(keys[0], op, right)]))
        if op in {"in", "!"}:
            # Of one state or several; a packet has one, so to be in it is to be one of them.
            values = self._values(right)
            if keys != (Key(STATE),):
                raise OddError
            return Match(keys, self._table(keys, {"set": values}), op == "!")
        if op not in {"==", "!="}:
            raise OddError
        if (isinstance(right, dict) and right.keys() == {"set"}) or (isinstance(right, str) and right.startswith("@")):
            return Match(keys, self._table(keys, right), op == "!=")
        if len(keys) != 1:
            return Match(keys, self._table(keys, {"set": [right]}), op == "!=")
        if keys == (Key(MARK),) and isinstance(right, dict) and right.keys() == {"prefix"}:
            # A mask of leading ones is listed as the length of a prefix.
            low, high = numbers(keys[0], right)
            return Match((Key(MARK, mask=MARK_BITS ^ low ^ high),), self._own([((low, low), None)]), op == "!=")
        return Match(keys, self._own([(numbers(keys[0], right), None)]), op == "!=")

    def _values(self, right: object) -> list[object]:
        if isinstance(right, dict) and right.keys() == {"set"}:
            right = right["set"]
        return right if isinstance(right, list) else [right]

    def _family(self, op: str, right: object, known: Mapping[object, IpVersion]) -> Match:
        if op != "==" or not isinstance(right, str | int) or right not in known:
            raise OddError
        # Every packet of the family has an address, which lies somewhere.
        key = Key(SOURCE, known[right])
        return Match((key,), self._own([((0, last(key)), None)]))

    def _keys(self, expression: object) -> tuple[Key, ...]:
        if isinstance(expression, dict) and expression.keys() == {"concat"} and isinstance(expression["concat"], list):
            return tuple(map(key_of, expression["concat"]))
        return (key_of(expression),)

    def _table(self, keys: tuple[Key, ...], data: object, *, verdicts: bool = False) -> Table:
        if isinstance(data, str) and data.startswith("@"):
            table = self.named.get(data[1:])
            if table is None:
                raise OddError
            if not table.problem and (
                not _fits(keys, keys_of_type(self._types[data[1:]])) or (data[1:] in self._maps) is not verdicts
            ):
                raise OddError
            return table
        if not isinstance(data, dict) or data.keys() != {"set"}:
            raise OddError
        table = table_of("", keys, data["set"], verdicts=verdicts)
        self.written.append(table)
        return table

    def _own(self, pieces: list[tuple[Range, Value]]) -> Table:
        table = Table("", tuple(pieces))
        self.written.append(table)
        return table


def _fits(keys: tuple[Key, ...], types: tuple[Key, ...]) -> bool:
    """Say whether keys have the numbers that a set's elements are made of."""
    return list(map(_kind, keys)) == list(map(_kind, types))


def _kind(key: Key) -> object:
    if key.field in {SOURCE, DESTINATION}:
        return key.version
    return DPORT if key.field == SPORT else key.field
