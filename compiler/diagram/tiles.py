"""Things as bit sets: which have which atoms, and what addresses a set of ends has, without a look at each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from compiler.addresses import AddressSet
from compiler.atoms import Membership, numbers_in
from compiler.diagram.ends import End
from compiler.intervals import Range

Bits: TypeAlias = int
"""A set of ends, of tiles or of other things, by their numbers."""


class Tiles:
    """The ranges of addresses that ends of one family consist of, ascending; together they are all addresses."""

    def __init__(self, ends: Sequence[End]) -> None:
        ranges = sorted((first, last, end.number) for end in ends for first, last in end.addresses)
        self._firsts = [first for first, _last, _end in ranges]
        self._lasts = [last for _first, last, _end in ranges]
        self._of_end: list[Bits] = [0] * len(ends)
        for tile, (_first, _last, end) in enumerate(ranges):
            self._of_end[end] |= 1 << tile
        self._version = ends[0].version
        self._sets: dict[Bits, AddressSet] = {}

    def addresses(self, ends: Bits) -> AddressSet:
        """Return the addresses of some ends; the same ends have the same object."""
        # The same thousands of ends are in many differences where much has changed.
        known = self._sets.get(ends)
        if known is None:
            tiles = 0
            for end in numbers_in(ends):
                tiles |= self._of_end[end]
            ranges = tuple(self._ranges(tiles))
            known = AddressSet(v4=ranges) if self._version == 4 else AddressSet(v6=ranges)
            self._sets[ends] = known
        return known

    def _ranges(self, tiles: Bits) -> Iterator[Range]:
        """Yield a range for each run of tiles: neighbours have no address between them."""
        first = 0
        while tiles:
            skipped = (tiles & -tiles).bit_length() - 1
            tiles >>= skipped
            first += skipped
            run = (~tiles & (tiles + 1)).bit_length() - 1
            yield self._firsts[first], self._lasts[first + run - 1]
            tiles >>= run
            first += run


class Atoms:
    """Which of some things have which atoms, by their memberships; a thing's number is its place."""

    def __init__(self, memberships: Iterable[Membership]) -> None:
        self._having: dict[int, Bits] = {}
        alike: dict[Membership, Bits] = {}
        for number, membership in enumerate(memberships):
            alike[membership] = alike.get(membership, 0) | 1 << number
        for membership, bits in alike.items():
            for atom in numbers_in(membership):
                self._having[atom] = self._having.get(atom, 0) | bits

    def split(self, things: Bits, mask: Membership) -> list[tuple[Membership, Bits]]:
        """Divide things by which of the atoms in a mask they have; the part with the first thing comes first."""
        parts: list[tuple[Membership, Bits]] = [(0, things)] if things else []
        for atom in numbers_in(mask):
            having = self._having.get(atom, 0)
            if having & things:
                divided: list[tuple[Membership, Bits]] = []
                for membership, bits in parts:
                    inside = bits & having
                    if inside:
                        divided.append((membership | 1 << atom, inside))
                    if inside != bits:
                        divided.append((membership, bits ^ inside))
                parts = divided
        parts.sort(key=lambda part: part[1] & -part[1])
        return parts
