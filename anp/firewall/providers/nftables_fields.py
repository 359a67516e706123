"""What nft's JSON compares, and with what: fields of packets, and values as sets of packets.

A packet of a protocol without ports is taken to have none, where the kernel would look at what stands in their place.

Source: libnftables-json(5).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from anp.firewall.matching import EVERYTHING, Match
from anp.firewall.model import EVERY_ADDRESS, Condition, InterfaceMatch, common
from anp.firewall.providers import literals
from anp.firewall.providers.nftables_text import words
from anp.firewall.services import EVERY_PORT, ICMP, ICMPV6, MAX_PORT, SCTP, TCP, UDP, WITH_PORTS, Services
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.intervals import Range, Ranges

_V4 = AddressSet(v4=EVERY_ADDRESS.v4)
_V6 = AddressSet(v6=EVERY_ADDRESS.v6)
_FAMILIES = {"ipv4": _V4, "ip": _V4, "2": _V4, "ipv6": _V6, "ip6": _V6, "10": _V6}
_TRANSPORTS = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
_TIMES = ("hour", "day", "time")
_CONDITIONS = {
    "fib": "FW108",
    "rt": "FW108",
    "socket": "FW105",
    "osf": "FW108",
    "numgen": "FW104",
    "jhash": "FW104",
    "exthdr": "FW144",
    "tcp option": "FW144",
    "ipsec": "FW108",
}


class NoSuchSetError(Exception):
    """A set that is not in the text, or whose members are not; `args` is its name."""


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set or map of a table; members that come and go by themselves are not known."""

    members: tuple[Any, ...]
    comes_and_goes: bool = False


@dataclass(frozen=True, slots=True)
class Sets:
    """The named sets of one table, and addresses that somebody gives to names."""

    named: Mapping[str, NamedSet]
    groups: Mapping[str, AddressSet]

    def members(self, value: Any) -> Iterator[Any]:
        """Yield what a value stands for: the members of a set, or itself.

        Raises:
            NoSuchSetError: its members are not known.

        """
        match value:
            case str() if value.startswith("@"):
                name = value[1:]
                if name in self.groups:
                    yield self.groups[name]
                elif name not in self.named or self.named[name].comes_and_goes:
                    raise NoSuchSetError(name)
                else:
                    yield from map(bare, self.named[name].members)
            case {"set": list() as members}:
                yield from map(bare, members)
            case list():
                yield from map(bare, value)
            case _:
                yield bare(value)


def bare(member: Any) -> Any:
    """Return a member without its timeout, counter and comment."""
    return member["elem"].get("val") if isinstance(member, dict) and isinstance(member.get("elem"), dict) else member


Reader: TypeAlias = Callable[[Any], Match]
"""Makes the packets of one value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the packets that have it at all, and those that have a value in it.

    Without `read` no policy can ask for it, and `code` says why. `joins` has values that are all in one match, as
    several interfaces are.
    """

    has: Match = EVERYTHING
    read: Reader | None = None
    code: str = "FW108"
    joins: bool = False


def field(left: Any) -> Field:
    """Say what the left side of a comparison is."""
    match left:
        case {"payload": {"protocol": str() as protocol, "field": str() as name}}:
            return _payload(protocol, name)
        case {"meta": {"key": str() as key}}:
            return _meta(key)
        case {"ct": {"key": str()}}:
            return Field()
        case dict() if len(left) == 1:
            return Field(code=_CONDITIONS.get(next(iter(left)), "FW108"))
        case _:
            return Field()


def _payload(protocol: str, name: str) -> Field:
    if protocol in ("ip", "ip6"):
        family = _FAMILIES[protocol]
        has = Match(sources=family, destinations=family)
        if name == "saddr":
            return Field(has, lambda value: replace(has, sources=common(family, addresses(value))))
        if name == "daddr":
            return Field(has, lambda value: replace(has, destinations=common(family, addresses(value))))
        if name in ("protocol", "nexthdr"):
            return Field(has, lambda value: replace(has, services=Services.every_port(*protocols(value))))
        return Field(has, code="FW144")
    if protocol == "th":
        return _ports(Match(services=Services.every_port(*WITH_PORTS)), WITH_PORTS, name)
    if protocol in _TRANSPORTS:
        number = _TRANSPORTS[protocol]
        return _ports(Match(services=Services.every_port(number)), (number,), name)
    if protocol in ("icmp", "icmpv6"):
        return Field(Match(services=Services.every_port(ICMP if protocol == "icmp" else ICMPV6)), code="FW101")
    return Field(code="FW106" if protocol == "ether" else "FW144")


def _ports(has: Match, numbers: tuple[int, ...], name: str) -> Field:
    if name == "dport":
        return Field(has, lambda value: Match(services=Services.of(*((number, ports(value)) for number in numbers))))
    return Field(has, code="FW143" if name == "sport" else "FW144")


def _meta(key: str) -> Field:
    match key:
        case "iifname" | "iif":
            return Field(read=lambda value: Match(incoming=(_interface(value),)), joins=True)
        case "oifname" | "oif":
            return Field(read=lambda value: Match(outgoing=(_interface(value),)), joins=True)
        case "l4proto":
            return Field(read=lambda value: Match(services=Services.every_port(*protocols(value))))
        case "nfproto" | "protocol":
            return Field(read=_family)
        case _:
            return Field(code="FW102" if key in _TIMES else "FW105" if key in ("skuid", "skgid", "cgroup") else "FW108")


def _family(value: Any) -> Match:
    family = _FAMILIES.get(str(value).lower())
    if family is None:
        raise ValueError(f"{words(value)} is no address family that we read")
    return Match(sources=family, destinations=family)


def _interface(value: Any) -> InterfaceMatch:
    if not isinstance(value, str):
        raise ValueError(f"{words(value)} is no interface")  # noqa: TRY004 - what a text says
    return InterfaceMatch((f"{value[:-1]}+" if value.endswith("*") else value,))


def addresses(value: Any) -> AddressSet:
    """Read an address, a prefix or a range.

    Raises:
        ValueError: it is none.

    """
    match value:
        case AddressSet():
            return value
        case str():
            return literals.addresses(value)
        case {"prefix": {"addr": str() as address, "len": int() as length}}:
            return literals.addresses(f"{address}/{length}")
        case {"range": [str() as first, str() as last]}:
            return literals.address_range(f"{first}-{last}")
        case _:
            raise ValueError(f"{words(value)} is no address")


def ports(value: Any) -> Ranges:
    """Read a port or a range.

    Raises:
        ValueError: it is none.

    """
    first, last = value["range"] if isinstance(value, dict) and _is_pair(value.get("range")) else (value, value)
    return ((_port(first), _port(last)),) if _port(first) <= _port(last) else ()


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _port(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_PORT:
        return value
    if isinstance(value, str):
        return literals.port_ranges(value)[0][0]
    raise ValueError(f"{words(value)} is no port")


def protocols(value: Any) -> list[int]:
    """Read a protocol or a range of them.

    Raises:
        ValueError: it is none.

    """
    if isinstance(value, dict) and _is_pair(value.get("range")):
        first, last = (_protocol(one) for one in value["range"])
        return [*range(first, last + 1)]
    return [_protocol(value)]


def _protocol(value: Any) -> int:
    number = literals.protocol(str(value)) if isinstance(value, str | int) else None
    if number is None:
        if str(value) in ("0", "ip"):
            return 0
        raise ValueError(f"{words(value)} is no protocol")
    return number


def below(number: Any, op: str, most: int) -> Range | None:
    """Return the numbers that ``<``, ``<=``, ``>`` or ``>=`` some number, or None if it is no such comparison."""
    if not isinstance(number, int):
        return None
    return {
        "<": (0, number - 1),
        "<=": (0, number),
        ">": (number + 1, most),
        ">=": (number, most),
    }.get(op)


def condition(code: str, expression: Any) -> Condition:
    """Return the condition that an expression holds."""
    return Condition(code, words(expression))


def is_every_port(values: list[Any]) -> bool:
    """Say whether some values are all ports together; what is no port is not."""
    try:
        return intervals.union(one for value in values for one in ports(value)) == EVERY_PORT
    except (ValueError, TypeError):
        return False
