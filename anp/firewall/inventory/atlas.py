"""Which entities a set of addresses is made of, asked once for every end of every rule."""

import bisect
from collections.abc import Iterable
from typing import NamedTuple

from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.model import NO_ADDRESS, common
from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion
from compiler.intervals import Range, Ranges


class Split(NamedTuple):
    """A set of addresses, taken apart: `entities` and `cut` in the order of the mapping.

    `entities` are those that are wholly inside, `outside` the addresses that no entity has, and `cut` those entities
    that are inside in part, each with the addresses that are.
    """

    entities: tuple[Entity, ...]
    outside: AddressSet
    cut: tuple[tuple[Entity, AddressSet], ...]


class Atlas:
    """All addresses of a mapping's entities, to take sets apart by; equal sets are taken apart once.

    Only families in `versions` count, those that the firewall speaks of: a rule about IPv4 does not cut an entity for
    its IPv6 addresses where no rule could name them.
    """

    def __init__(self, inventory: Inventory, versions: Iterable[IpVersion] = VERSIONS) -> None:
        self._entities = inventory.entities
        self._versions = frozenset(versions)
        # Entities are disjoint, so their ranges in order of their first address are in order of their last as well.
        self._pieces: dict[IpVersion, list[tuple[Range, int]]] = {
            version: sorted(
                (range_, place)
                for place, entity in enumerate(inventory.entities)
                for range_ in entity.addresses.ranges(version)
            )
            for version in VERSIONS
        }
        self._lasts = {version: [last for (_, last), _ in pieces] for version, pieces in self._pieces.items()}
        self._sizes = [self._size(entity.addresses) for entity in inventory.entities]
        self._known: dict[AddressSet, Split] = {}

    def split(self, addresses: AddressSet) -> Split:
        """Take a set apart. An entity without addresses is in none."""
        found = self._known.get(addresses)
        if found is None:
            found = self._known[addresses] = self._split(addresses)
        return found

    def entity_at(self, address: Address) -> Entity | None:
        """Return the entity that has an address, None where none does."""
        pieces, number = self._pieces[address.version], int(address)
        place = bisect.bisect_left(self._lasts[address.version], number)
        if place < len(pieces) and pieces[place][0][0] <= number:
            return self._entities[pieces[place][1]]
        return None

    def _split(self, addresses: AddressSet) -> Split:
        inside = [0] * len(self._entities)
        outside: dict[IpVersion, Ranges] = {}
        for version in VERSIONS:
            outside[version] = self._walk(version, addresses.ranges(version), inside)
        whole: list[Entity] = []
        cut: list[tuple[Entity, AddressSet]] = []
        for place, count in enumerate(inside):
            entity = self._entities[place]
            if count and count == self._sizes[place]:
                whole.append(entity)
            elif count:
                cut.append((entity, common(entity.addresses, addresses)))
        return Split(tuple(whole), AddressSet(outside[4], outside[6]) or NO_ADDRESS, tuple(cut))

    def _walk(self, version: IpVersion, ranges: Ranges, inside: list[int]) -> Ranges:
        """Count the addresses of each entity in some ranges; return what is left of those."""
        pieces, lasts = self._pieces[version], self._lasts[version]
        counts = version in self._versions
        left: list[Range] = []
        for first, last in ranges:
            place, start = bisect.bisect_left(lasts, first), first
            while place < len(pieces) and pieces[place][0][0] <= last:
                (begin, end), entity = pieces[place]
                if start < begin:
                    left.append((start, begin - 1))
                if counts:
                    inside[entity] += min(end, last) - max(begin, first) + 1
                start = end + 1
                place += 1
            if start <= last:
                left.append((start, last))
        return tuple(left)

    def _size(self, addresses: AddressSet) -> int:
        return sum(last - first + 1 for version in self._versions for first, last in addresses.ranges(version))
