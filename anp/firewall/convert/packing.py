"""Which rules go into which object: in their order where they fit, and otherwise by levels of conflict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from anp.firewall.convert.drafts import Draft, Drafter, batched
from anp.firewall.convert.levels import levels
from anp.firewall.convert.lists import Entry
from anp.firewall.convert.model import Profile
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.model import Direction
from compiler.packets import PacketSet


@dataclass(frozen=True, slots=True)
class Load:
    """The rules of one object; objects of a lower level come first, those of one level in any order."""

    level: int
    ingress: tuple[Draft, ...]
    egress: tuple[Draft, ...]


def pack(ingress: Sequence[Entry], egress: Sequence[Entry], drafter: Drafter, profile: Profile) -> list[Load]:
    """Put one subject's rules into objects, in their order where that takes no more priorities than conflicts do."""
    if not (ingress or egress):
        return []
    of_ingress, of_egress = _by_level(ingress), _by_level(egress)
    # As many rules as entries, or more; if even so there are no more pieces than levels, order is kept as it is.
    depth = max(len(of_ingress), len(of_egress))
    if max(len(ingress), len(egress)) <= profile.rules * depth:
        pieces = _pieces(ingress, egress, drafter, profile)
        if len(pieces) <= depth:
            return [Load(number, *piece) for number, piece in enumerate(pieces)]
    return [
        Load(level, *piece)
        for level in range(depth)
        for piece in _pieces(_joined(of_ingress, level), _joined(of_egress, level), drafter, profile)
    ]


def _pieces(
    ingress: Sequence[Entry], egress: Sequence[Entry], drafter: Drafter, profile: Profile
) -> list[tuple[tuple[Draft, ...], tuple[Draft, ...]]]:
    """Cut the rules of both directions, in their order, into what fits into objects."""
    nothing: Sequence[Draft] = ()
    received, sent = _drafts(ingress, Direction.INGRESS, drafter), _drafts(egress, Direction.EGRESS, drafter)
    pieces = zip_longest(batched(received, profile.rules), batched(sent, profile.rules), fillvalue=nothing)
    return [(tuple(first), tuple(second)) for first, second in pieces]


def _drafts(entries: Sequence[Entry], direction: Direction, drafter: Drafter) -> tuple[Draft, ...]:
    return tuple(draft for entry in entries for draft in drafter.drafts(entry, direction))


def _by_level(entries: Sequence[Entry]) -> list[list[Entry]]:
    of_entries = levels(entries)
    found: list[list[Entry]] = [[] for _level in range(max(of_entries, default=-1) + 1)]
    for entry, level in zip(entries, of_entries, strict=True):
        found[level].append(entry)
    return found


def _joined(by_level: Sequence[Sequence[Entry]], level: int) -> list[Entry]:
    """Join entries of one level that have all but their peers in common, then those with all but their packets."""
    entries = by_level[level] if level < len(by_level) else ()
    by_packets: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        by_packets.setdefault((entry.action, entry.packets, entry.name, bool(entry.peers)), []).append(entry)
    by_peers: dict[tuple[object, ...], list[Entry]] = {}
    for entry in (one for found in by_packets.values() for one in _one(found)):
        key = (entry.action, entry.pods, entry.networks, entry.name, entry.packets.other)
        by_peers.setdefault((id(entry),) if entry.peers else key, []).append(entry)
    return [one for found in by_peers.values() for one in _one(found)]


def _one(entries: list[Entry]) -> Iterator[Entry]:
    """Yield one entry for several, or each by itself where their peers are written as they are."""
    first = entries[0]
    if first.peers or len(entries) == 1:
        yield from entries
        return
    pods, packets, networks = 0, PacketSet(), []
    for entry in entries:
        pods |= entry.pods
        packets |= entry.packets
        networks.append(entry.networks)
    v4 = [found for addresses in networks for found in addresses.v4]
    v6 = [found for addresses in networks for found in addresses.v6]
    statements = tuple(dict.fromkeys(number for entry in entries for number in entry.statements))
    yield replace(
        first,
        pods=pods,
        packets=packets,
        networks=AddressSet(intervals.union(v4), intervals.union(v6)),
        statements=statements,
    )
