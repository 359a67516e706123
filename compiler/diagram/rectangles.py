"""Sets of pairs of ends, as rectangles."""

from collections.abc import Hashable, Sequence
from typing import TypeAlias, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)

Bits: TypeAlias = int
"""A set of ends by their numbers."""

Rectangle: TypeAlias = tuple[Bits, Bits]
"""Every pair of one of these sources and one of these destinations."""


def joined(rectangles: list[Rectangle]) -> Sequence[Rectangle]:
    """Join disjoint rectangles that have a side in common, whichever side first leaves fewer of them."""
    turned = [(destinations, sources) for sources, destinations in rectangles]
    one, other = _joined_by_sources(rectangles), _joined_by_sources(turned)
    return one if len(one) <= len(other) else [(sources, destinations) for destinations, sources in other]


def _joined_by_sources(rectangles: list[Rectangle]) -> list[Rectangle]:
    """Join rectangles that have all of their sources in common, then those with the same destinations."""
    by_sources: dict[Bits, Bits] = {}
    for sources, destinations in rectangles:
        add(by_sources, sources, destinations)
    by_destinations: dict[Bits, Bits] = {}
    for sources, destinations in by_sources.items():
        add(by_destinations, destinations, sources)
    return [(sources, destinations) for destinations, sources in by_destinations.items()]


def add(sets: dict[KeyT, Bits], key: KeyT, more: Bits) -> None:
    """Add to one of some sets of ends."""
    sets[key] = sets.get(key, 0) | more
