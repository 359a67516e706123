"""Sources and destinations that a proof tells apart, as numbers in the order of the firewall's addresses."""

import bisect
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.model import NO_ADDRESS
from anp.firewall.proof.world import SymbolicPod
from compiler import intervals
from compiler.addresses import BITS, AddressSet, IpVersion
from compiler.intervals import Range, Ranges

T = TypeVar("T")


class EndKind(enum.Enum):
    """What an end is."""

    ENTITY = "entity"
    """One kind of pods of an entity, known to the firewall by some of the entity's addresses."""
    OUTSIDE = "outside"
    OTHER_PODS = "other pods"
    """One kind of pods that no entity has; only rules about any address are about them."""
    POD_ADDRESSES = "pod addresses"
    """What the cluster gives to pods, as seen by a firewall that never met such a packet."""


@dataclass(frozen=True, slots=True)
class End:
    """Some of the firewall's addresses that nothing tells apart, and the pod, if any, that is meant by them."""

    number: int
    kind: EndKind
    addresses: Range | None
    segment: str = ""
    symbolic: SymbolicPod | None = None

    @property
    def entity(self) -> Entity | None:
        """Whose pods they are."""
        return self.symbolic.entity if self.symbolic else None


class Ends:
    """All ends of one family, in ascending order of their addresses; pods that are not mapped come last."""

    def __init__(
        self, inventory: Inventory, version: IpVersion, pods: Sequence[SymbolicPod], sets: Sequence[Ranges]
    ) -> None:
        """Cut all addresses where one of the sets begins or ends; the mapping's own are among them without asking."""
        self.version = version
        whole: Ranges = ((0, (1 << BITS[version]) - 1),)
        of_entity: dict[str, list[SymbolicPod]] = {}
        for symbolic in pods:
            if symbolic.entity:
                of_entity.setdefault(symbolic.entity.name, []).append(symbolic)
        entities = [(entity, entity.addresses.ranges(version)) for entity in inventory.entities]
        segments = [(segment.name, segment.addresses.ranges(version)) for segment in inventory.segments]
        pod_addresses = inventory.pod_addresses.ranges(version)
        known = [
            *sets,
            whole,
            pod_addresses,
            inventory.node_addresses.ranges(version),
            *(r for _entity, r in entities),
            *(r for _name, r in segments),
        ]
        self._starts = sorted({first for ranges in known for r in ranges for first in (r[0], r[1] + 1)})[:-1]
        entity_at, segment_at = _Lookup(entities), _Lookup(segments)
        found: list[End] = []
        self._first: list[int] = []
        for start, after in zip(self._starts, [*self._starts[1:], whole[0][1] + 1], strict=True):
            self._first.append(len(found))
            entity = entity_at.at(start)
            piece = (start, after - 1)
            name = (entity.segment if entity else "") or segment_at.at(start) or ""
            if entity:
                for symbolic in of_entity.get(entity.name, []):
                    found.append(End(len(found), EndKind.ENTITY, piece, name, symbolic))
            elif intervals.contains(pod_addresses, start):
                found.append(End(len(found), EndKind.POD_ADDRESSES, piece))
            else:
                found.append(End(len(found), EndKind.OUTSIDE, piece, name))
        self._first.append(len(found))
        for symbolic in pods:
            if symbolic.entity is None:
                found.append(End(len(found), EndKind.OTHER_PODS, None, "", symbolic))
        self.ends = tuple(found)
        self.others = intervals.union((end.number, end.number) for end in found if end.kind is EndKind.OTHER_PODS)

    def numbers(self, addresses: AddressSet) -> Ranges:
        """Return the numbers of the ends that are known by some addresses, of which none may cut an end."""
        found: list[Range] = []
        for first, last in addresses.ranges(self.version):
            begin = self._first[bisect.bisect_left(self._starts, first)]
            end = self._first[bisect.bisect_right(self._starts, last)] - 1
            found.append((begin, end))
        # Pods that are not mapped are meant by rules about any address, and by no others.
        if addresses.ranges(self.version) == ((0, (1 << BITS[self.version]) - 1),):
            found += self.others
        return intervals.union(found)

    def party(self, numbers: Ranges) -> list[End]:
        """Return ends by their numbers."""
        return [self.ends[number] for first, last in numbers for number in range(first, last + 1)]


def outside(ends: Sequence[End], version: IpVersion) -> AddressSet:
    """Return the addresses of those ends that are outside."""
    ranges = intervals.union(end.addresses for end in ends if end.kind is EndKind.OUTSIDE and end.addresses)
    if not ranges:
        return NO_ADDRESS
    return AddressSet(v4=ranges) if version == 4 else AddressSet(v6=ranges)


class _Lookup(Generic[T]):
    """Which of some things has an address; no two have the same one."""

    def __init__(self, things: Sequence[tuple[T, Ranges]]) -> None:
        self._ranges = sorted(((first, last, thing) for thing, ranges in things for first, last in ranges), key=_first)
        self._starts = [first for first, _last, _thing in self._ranges]

    def at(self, number: int) -> T | None:
        """Return whose an address is."""
        place = bisect.bisect_right(self._starts, number) - 1
        if place < 0 or number > self._ranges[place][1]:
            return None
        return self._ranges[place][2]


def _first(item: tuple[int, int, object]) -> int:
    return item[0]
