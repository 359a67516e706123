"""The objects of ``nft -j list ruleset``, as far as they can be read, and the chains that they make up."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.providers.ledger import Ledger
from anp.firewall.providers.nftables_fields import NamedSet, addresses, bare
from compiler import intervals
from compiler.addresses import AddressSet, IpVersion

FAMILIES: Mapping[str, frozenset[IpVersion]] = {"ip": frozenset({4}), "ip6": frozenset({6}), "inet": frozenset({4, 6})}
"""The families of tables that see packets of IP, and the versions that each sees."""

STARTS = re.compile(r'"nftables"\s*:\s*\[')
_OBJECT = re.compile(r'\{\s*"(?:table|chain|rule|set|map|element|flowtable|counter|quota|limit)"\s*:')
_SEPARATORS = re.compile(r"[\s,]*")


@dataclass(slots=True)
class Chain:
    """A chain and its rules; a base chain has a hook."""

    family: str
    table: str
    name: str
    line: int
    hook: str = ""
    kind: str = ""
    priority: int = 0
    policy: str = ""
    rules: list[tuple[int, int, Any]] = field(default_factory=list)
    """By statement and line, the expressions."""

    @property
    def full(self) -> str:
        """The name that no other chain has."""
        return f"{self.family} {self.table} {self.name}"

    @property
    def is_forwarding(self) -> bool:
        """Whether it is a list to translate."""
        return self.hook == "forward" and self.kind == "filter" and self.family in FAMILIES

    def is_called(self, name: str) -> bool:
        """Say whether somebody means this chain."""
        return name in (self.name, f"{self.table} {self.name}", self.full)


def leads_to(chain: Chain) -> Iterator[str]:
    """Yield the chains that rules of a chain jump or go to."""
    yield from re.findall(r'"(?:jump|goto)": \{"target": "([^"]*)"', json.dumps([rule[2] for rule in chain.rules]))


def packets(expression: Any) -> int | None:
    """Return what a counter has counted, None of what is no counter."""
    match expression:
        case {"counter": {"packets": int() as packets}}:
            return packets
        case _:
            return None


def named_set(described: Mapping[Any, Any]) -> NamedSet:
    """Read the members of a set or map; with a timeout, or filled by rules, they come and go."""
    flags, members = described.get("flags"), described.get("elem")
    changing = isinstance(flags, list) and any(flag in ("dynamic", "timeout") for flag in flags)
    return NamedSet(tuple(members) if isinstance(members, list) else (), changing)


def address_groups(tables: Iterable[Mapping[str, NamedSet]]) -> dict[str, AddressSet]:
    """Return the sets that hold addresses and nothing else, and do not change by themselves."""
    found: dict[str, AddressSet] = {}
    for name, described in ((name, one) for table in tables for name, one in table.items()):
        try:
            members = [addresses(bare(member)) for member in described.members]
        except ValueError:
            continue
        if members and not described.comes_and_goes:
            found[name] = AddressSet(
                intervals.union(range_ for member in members for range_ in member.v4),
                intervals.union(range_ for member in members for range_ in member.v6),
            )
    return found


def objects(text: str, ledger: Ledger) -> Iterator[tuple[int, Any]]:
    """Yield the objects of a listing, each with its line; one that is no JSON is left out, and the next is read."""
    breaks = [match.start() for match in re.finditer("\n", text)]
    start = STARTS.search(text)
    if start is None:
        ledger.say("FW150", "this is no listing of nft", 1)
        return
    decoder = json.JSONDecoder()
    place = start.end()
    while True:
        place = _SEPARATORS.match(text, place).end()  # type: ignore[union-attr] # it matches nothing, too
        line = bisect_right(breaks, place) + 1
        if text[place : place + 1] == "]":
            return
        try:
            thing, place = decoder.raw_decode(text, place)
            yield line, thing
        except (ValueError, RecursionError) as error:
            broken = _OBJECT.match(text, place)
            what = "the listing is cut off" if place >= len(text) else "this is not JSON"
            if broken is not None and '"rule"' in broken[0]:
                number = ledger.add(line, "?", "?", " ".join(text[place : place + 200].split()))
                ledger.unreadable(number, f"{what}: {type(error).__name__}")
            else:
                ledger.say("FW150", what, line)
            following = _OBJECT.search(text, place + 1)
            if following is None:
                return
            place = following.start()
