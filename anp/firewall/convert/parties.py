"""Sets of addresses as the parties that policies know: entities, pods that no entity has, and addresses outside."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from anp.firewall.inventory.atlas import Atlas
from anp.firewall.inventory.model import Entity, Inventory, Neighbours
from anp.firewall.model import EVERY_ADDRESS, NO_ADDRESS, Action, common
from compiler.addresses import AddressSet, IpVersion
from compiler.intervals import Ranges


class Side(NamedTuple):
    """One end of a rule: entities as a bit set, all addresses as written, those outside, families of which it has all.

    `shown` are the addresses as a network in a policy has them. Those of entities may be among them: no host but their
    pods has them, so that the shorter list serves.
    """

    entities: int
    addresses: AddressSet
    outside: AddressSet
    shown: AddressSet
    total: frozenset[IpVersion]


class Parties:
    """The entities of a mapping by number, and one bit more for all pods that no entity has."""

    def __init__(self, inventory: Inventory, versions: frozenset[IpVersion]) -> None:
        self.inventory = inventory
        self.versions = versions
        self.entities = inventory.entities
        self.every_entity = (1 << len(inventory.entities)) - 1
        self.other = 1 << len(inventory.entities)
        self.every_pod = self.every_entity | self.other
        self._atlas = Atlas(inventory, versions)
        self._numbers = {entity.name: number for number, entity in enumerate(inventory.entities)}
        self._sides: dict[AddressSet, Side] = {}
        self._families = [
            frozenset(version for version in versions if entity.addresses.ranges(version)) or versions
            for entity in inventory.entities
        ]
        self._segments = [_segment(inventory, entity) for entity in inventory.entities]
        self._neighbours = {
            segment.name: inventory.neighbours(segment)
            for segment in inventory.segments
            if segment.neighbours is Neighbours.ALLOW
        }

    def side(self, addresses: AddressSet) -> Side:
        """Take one end of a rule apart, equal ones once."""
        found = self._sides.get(addresses)
        if found is None:
            split = self._atlas.split(addresses)
            bits = sum(1 << self._numbers[entity.name] for entity in split.entities)
            total = frozenset(v for v in self.versions if addresses.ranges(v) == EVERY_ADDRESS.ranges(v))
            outside = common(split.outside, _families(self.versions))
            shown = min((outside, common(addresses, _families(self.versions))), key=_length) if outside else NO_ADDRESS
            found = self._sides[addresses] = Side(bits, addresses, outside, shown, total)
        return found

    def pods(self, entity: int, peers: Side, action: Action) -> int:
        """Return the pods that one side of a rule means to an entity on the other, as a bit set.

        Pods that are not mapped are meant only by a rule about any address: a permit of all families that the entity
        has, a deny of one of them.
        """
        families = self._families[entity]
        any_address = families <= peers.total if action is Action.PERMIT else not families.isdisjoint(peers.total)
        return self.every_pod if any_address else peers.entities

    def networks(self, entity: int, own: Side, peers: Side) -> AddressSet:
        """Return the addresses that one side of a rule means to an entity on the other, in families that both have."""
        if not peers.outside:
            return NO_ADDRESS
        families = self._families[entity] | own.total
        if families >= self.versions:
            return peers.shown
        within = _families(families)
        return common(peers.shown, within) if common(peers.outside, within) else NO_ADDRESS

    def reached(self, entity: int) -> int:
        """Return the entities that have a family of addresses in common with one."""
        families = self._families[entity]
        return sum(1 << n for n, theirs in enumerate(self._families) if not families.isdisjoint(theirs))

    def companions(self, entity: int) -> int:
        """Return the entities of the same segment, itself among them; none where it is in no segment."""
        segment = self._segments[entity]
        return sum(1 << n for n, other in enumerate(self._segments) if segment and other == segment)

    def neighbours(self, entity: int) -> AddressSet:
        """Return the addresses of its segment that no entity has and that it may go on to talk with."""
        return common(self._neighbours.get(self._segments[entity], NO_ADDRESS), _families(self.versions))

    def segment(self, entity: int) -> str:
        """Return the name of its segment, perhaps none."""
        return self._segments[entity]

    def everything(self) -> AddressSet:
        """Return all addresses that the firewall speaks of."""
        return _families(self.versions)


def numbers(bits: int) -> Iterator[int]:
    """Yield the numbers in a bit set, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def ranges(bits: int) -> Ranges:
    """Return the numbers in a bit set as ranges."""
    found: list[tuple[int, int]] = []
    start = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        start += zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        found.append((start, start + ones - 1))
        bits >>= ones
        start += ones
    return tuple(found)


def _families(versions: Iterable[IpVersion]) -> AddressSet:
    return AddressSet(EVERY_ADDRESS.v4 if 4 in versions else (), EVERY_ADDRESS.v6 if 6 in versions else ())


def _length(addresses: AddressSet) -> int:
    return sum(1 for _network in addresses.networks())


def _segment(inventory: Inventory, entity: Entity) -> str:
    """Return the segment that the mapping says, or that has the entity's addresses."""
    around = (segment.name for segment in inventory.segments if not entity.addresses - segment.addresses)
    return entity.segment or next(around, "")
