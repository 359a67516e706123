"""Programs as rows of JSON, and back. A program may be too large for one slice, and can be cut between rows.

The first row says the direction, then every tier has a row, followed by one for each of its rules.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from anp.transport import reading
from anp.transport.encoding import Json, atoms, digest
from anp.transport.errors import TransportError
from compiler import intervals
from compiler.generation import PortableProgram, PortableRule, PortableTier
from compiler.intervals import Ranges
from compiler.model import (
    MAX_PORT,
    PORT_PROTOCOLS,
    Action,
    DefaultOrigin,
    Direction,
    IsolationOrigin,
    Origin,
    PolicyKind,
    RuleOrigin,
    Tier,
)
from compiler.packets import PacketSet
from compiler.profiles import Outcome

_ACTIONS = MappingProxyType({action.value: action for action in Action})
_DIRECTIONS = MappingProxyType({direction.value: direction for direction in Direction})
_KINDS = MappingProxyType({kind.value: kind for kind in PolicyKind})
_TIERS = MappingProxyType({tier.title: tier for tier in Tier})

_RULE = frozenset({"action", "packets", "origin"})
_RULE_MORE = frozenset({"anyone", "peers", "named"})
_NAMED = frozenset({"atom", "packets"})
_OUTCOME = frozenset({"accept", "origin"})
_PACKETS = frozenset({"tcp", "udp", "sctp", "other"})
_RULE_ORIGIN = frozenset({"tier", "kind", "policy", "direction", "index"})
_RULE_ORIGIN_MORE = frozenset({"namespace", "rule"})
_ISOLATION = frozenset({"direction", "isolatedBy"})
_DEFAULT = frozenset({"direction"})
_NONE: frozenset[str] = frozenset()


def rows_of(program: PortableProgram) -> Iterator[Json]:
    """Yield the rows of a program."""
    yield {"direction": program.direction.value}
    for tier in program.tiers:
        yield {"tier": {} if tier.isolation is None else {"isolation": _outcome(tier.isolation)}}
        for rule in tier.rules:
            yield {"rule": _rule(rule)}


def program_of(rows: Iterable[Json], where: str) -> PortableProgram:
    """Read a program from its rows.

    Raises:
        TransportError: they are malformed.

    """
    direction: Direction | None = None
    tiers: list[tuple[Outcome | None, list[PortableRule]]] = []
    for number, row in enumerate(rows):
        place = f"{where}[{number}]"
        kind = next(iter(reading.mapping(row, place)), "")
        reading.fields(row, place, frozenset({kind}) if kind in ("direction", "tier", "rule") else _DEFAULT)
        if (number == 0) != (kind == "direction"):
            raise TransportError(place, "the direction comes first, and once")
        if kind == "direction":
            direction = reading.choice(row[kind], place, _DIRECTIONS)
        elif kind == "tier":
            said = reading.fields(row[kind], place, _NONE, frozenset({"isolation"}))
            isolation = _read_outcome(said["isolation"], f"{place}.isolation") if "isolation" in said else None
            tiers.append((isolation, []))
        elif not tiers:
            raise TransportError(place, "a rule comes after its tier")
        else:
            tiers[-1][1].append(_read_rule(row[kind], f"{place}.rule"))
    if direction is None:
        raise TransportError(where, "has no row")
    return PortableProgram(direction, tuple(PortableTier(tuple(rules), isolation) for isolation, rules in tiers))


# To JSON. What is empty is left out.


def _rule(rule: PortableRule) -> Json:
    document: dict[str, Json] = {"action": rule.action.value}
    if rule.anyone:
        document["anyone"] = True
    if rule.peers:
        document["peers"] = list(rule.peers)
    document["packets"] = _packets(rule.packets)
    if rule.named:
        document["named"] = [{"atom": atom, "packets": _packets(packets)} for atom, packets in rule.named]
    document["origin"] = _origin(rule.origin)
    return document


def _packets(packets: PacketSet) -> Json:
    document: dict[str, Json] = {
        protocol.value: [list(ports) for ports in packets.ports(protocol)]
        for protocol in PORT_PROTOCOLS
        if packets.ports(protocol)
    }
    if packets.other:
        document["other"] = True
    return document


def _outcome(outcome: Outcome) -> Json:
    return {"accept": outcome.accept, "origin": _origin(outcome.origin)}


def _origin(origin: Origin) -> Json:
    match origin:
        case RuleOrigin():
            document: dict[str, Json] = {
                "tier": origin.tier.title,
                "kind": origin.kind.value,
                "policy": origin.policy,
                "direction": origin.direction.value,
                "index": origin.index,
            }
            more = {"namespace": origin.namespace, "rule": origin.rule}
            return document | {name: value for name, value in more.items() if value}
        case IsolationOrigin(direction, policies):
            return {"direction": direction.value, "isolatedBy": [f"{space}/{name}" for space, name in policies]}
        case DefaultOrigin(direction):
            return {"direction": direction.value}


# From JSON.


def _read_rule(value: Json, where: str) -> PortableRule:
    said = reading.fields(value, where, _RULE, _RULE_MORE)
    named = reading.items(said.get("named", []), f"{where}.named", _read_named)
    if any(left > right for (left, _), (right, _) in pairwise(named)):
        raise TransportError(f"{where}.named", "must ascend")
    return PortableRule(
        action=reading.choice(said["action"], f"{where}.action", _ACTIONS),
        anyone=reading.truth(said.get("anyone", False), f"{where}.anyone"),
        peers=atoms(said.get("peers", []), f"{where}.peers"),
        packets=_read_packets(said["packets"], f"{where}.packets"),
        named=named,
        origin=_read_origin(said["origin"], f"{where}.origin"),
    )


def _read_named(value: Json, where: str) -> tuple[str, PacketSet]:
    said = reading.fields(value, where, _NAMED)
    return digest(said["atom"], f"{where}.atom"), _read_packets(said["packets"], f"{where}.packets")


def _read_packets(value: Json, where: str) -> PacketSet:
    said = reading.fields(value, where, _NONE, _PACKETS)
    tcp, udp, sctp = (_ranges(said.get(p.value, []), f"{where}.{p.value}") for p in PORT_PROTOCOLS)
    return PacketSet(tcp, udp, sctp, reading.truth(said.get("other", False), f"{where}.other"))


def _ranges(value: Json, where: str) -> Ranges:
    found = reading.items(value, where, _range)
    if found != intervals.union(found):
        raise TransportError(where, "ranges must ascend, with gaps between them")
    return found


def _range(value: Json, where: str) -> tuple[int, int]:
    ends = reading.items(value, where, lambda end, place: reading.number(end, place, highest=MAX_PORT))
    if len(ends) != 2:
        raise TransportError(where, "must have two ends")
    return ends[0], ends[1]


def _read_outcome(value: Json, where: str) -> Outcome:
    said = reading.fields(value, where, _OUTCOME)
    return Outcome(reading.truth(said["accept"], f"{where}.accept"), _read_origin(said["origin"], f"{where}.origin"))


def _read_origin(value: Json, where: str) -> Origin:
    said = reading.mapping(value, where)
    if "policy" in said:
        reading.fields(said, where, _RULE_ORIGIN, _RULE_ORIGIN_MORE)
        return RuleOrigin(
            tier=reading.choice(said["tier"], f"{where}.tier", _TIERS),
            kind=reading.choice(said["kind"], f"{where}.kind", _KINDS),
            namespace=reading.text(said.get("namespace", ""), f"{where}.namespace"),
            policy=reading.text(said["policy"], f"{where}.policy"),
            direction=_direction(said, where),
            index=reading.number(said["index"], f"{where}.index"),
            rule=reading.text(said.get("rule", ""), f"{where}.rule"),
        )
    if "isolatedBy" in said:
        reading.fields(said, where, _ISOLATION)
        return IsolationOrigin(_direction(said, where), reading.items(said["isolatedBy"], where, _policy))
    reading.fields(said, where, _DEFAULT)
    return DefaultOrigin(_direction(said, where))


def _direction(said: Mapping[str, Any], where: str) -> Direction:
    return reading.choice(said["direction"], f"{where}.direction", _DIRECTIONS)


def _policy(value: Json, where: str) -> tuple[str, str]:
    namespace, slash, name = reading.text(value, where).partition("/")
    if not slash or not name:
        raise TransportError(where, "must be namespace/name")
    return namespace, name
