"""Boxes of packets put together to fewer and larger ones, as people would rather read them."""

from collections.abc import Iterator, Sequence

from anp.firewall.services import Services
from compiler import intervals
from compiler.diagram.space import Box
from compiler.intervals import Ranges


def joined(parts: list[Box]) -> Iterator[tuple[Ranges, Ranges, Services]]:
    """Join boxes with the same sources and destinations, then those that have two of three in common."""
    by_ends: dict[tuple[Ranges, Ranges], list[tuple[int, Ranges]]] = {}
    for sources, destinations, ports, protocols in parts:
        pairs = by_ends.setdefault((sources, destinations), [])
        pairs += ((protocol, ports) for first, last in protocols for protocol in range(first, last + 1))
    by_destination: dict[tuple[Ranges, Services], list[Ranges]] = {}
    for (sources, destinations), pairs in by_ends.items():
        by_destination.setdefault((destinations, Services.of(*pairs)), []).append(sources)
    by_source: dict[tuple[Ranges, Services], list[Ranges]] = {}
    for (destinations, services), found in by_destination.items():
        by_source.setdefault((_union(found), services), []).append(destinations)
    for (sources, services), found in by_source.items():
        yield sources, _union(found), services


def _union(sets: Sequence[Ranges]) -> Ranges:
    return intervals.union(numbers for ranges in sets for numbers in ranges)
