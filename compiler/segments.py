"""Addresses cut into segments at the edges of the blocks that they lie in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.atoms import Membership
from compiler.intervals import Range, Ranges


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive addresses of one family that lie in the same blocks; `membership` is never zero."""

    addresses: Range
    membership: Membership


def segments_of(blocks: Iterable[tuple[int, Ranges]]) -> Iterator[Segment]:
    """Cut one family's addresses where a block begins or ends; neighbours in the same blocks stay together."""
    changes: dict[int, Membership] = {}
    for number, ranges in blocks:
        for first, last in ranges:
            changes[first] = changes.get(first, 0) ^ 1 << number
            changes[last + 1] = changes.get(last + 1, 0) ^ 1 << number
    membership = 0
    start = 0
    for cut in sorted(changes):
        if membership and changes[cut]:
            yield Segment((start, cut - 1), membership)
        if changes[cut]:
            start = cut
        membership ^= changes[cut]


def joined(pieces: Iterable[tuple[Range, Membership]]) -> Iterator[Segment]:
    """Join neighbours of which the same is true, and leave out those of which nothing is; `pieces` are ascending."""
    current: Segment | None = None
    for addresses, membership in pieces:
        if current and membership == current.membership and addresses[0] == current.addresses[1] + 1:
            current = Segment((current.addresses[0], addresses[1]), membership)
            continue
        if current:
            yield current
        current = Segment(addresses, membership) if membership else None
    if current:
        yield current
