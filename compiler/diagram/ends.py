"""Ends: addresses that neither of some clusters can tell apart, whichever end of a flow they are.

For one cluster, this is what is left of its addresses when only its meaning counts. For two, it is the common
refinement of both: on every pair of ends each cluster has one answer, so answers can be compared end by end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import permutations

from compiler import intervals
from compiler.addresses import BITS, Address, IpVersion, address_of
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.intervals import Range, Ranges
from compiler.model import Direction, Pod
from compiler.programs import Program

_NO_NODE: frozenset[str] = frozenset()
_OUTSIDE: Mapping[IpVersion, Address] = {4: ip_address("203.0.113.1"), 6: ip_address("2001:db8::1")}
"""Addresses for examples (RFC 5737, RFC 3849): a reader sees that nobody in particular is meant."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one cluster makes of the addresses of an end.

    `governed` says that a governed pod has the address; its programs judge what it sends and gets, and None accepts
    everything. `node` is that pod's node where it has an ingress program. `nodes` are those that have the address.
    """

    membership: Membership = 0
    governed: bool = False
    egress: Program | None = None
    ingress: Program | None = None
    node: str = ""
    nodes: frozenset[str] = _NO_NODE


@dataclass(frozen=True, slots=True)
class End:
    """Some addresses of one family that are alike, with what each cluster makes of them; `number` counts ends."""

    number: int
    version: IpVersion
    addresses: Ranges
    sides: tuple[Side, ...]

    def examples(self) -> Iterator[Address]:
        """Yield each of its addresses, ascending, but first one that is nobody's by definition if it is among them."""
        example = _OUTSIDE[self.version]
        if intervals.contains(self.addresses, int(example)):
            yield example
        for first, last in self.addresses:
            for number in range(first, last + 1):
                yield address_of(self.version, number)


class Owners:
    """Who has which address of one family in one cluster."""

    def __init__(self, compilation: Compilation, version: IpVersion) -> None:
        self._compilation = compilation
        self._version = version
        snapshot = compilation.snapshot
        self.pods: Mapping[int, Pod] = {
            int(address): pod
            for pod in snapshot.pods
            if pod.governed
            for address in pod.addresses
            if address.version == version
        }
        self.nodes: dict[int, frozenset[str]] = {}
        for node in snapshot.nodes:
            for address in node.addresses:
                if address.version == version:
                    number = int(address)
                    self.nodes[number] = self.nodes.get(number, _NO_NODE) | {node.name}

    @property
    def numbers(self) -> set[int]:
        """Every address that differs, or may differ, from those around it."""
        return {*self._compilation.universe.hosts[self._version], *self.pods, *self.nodes}

    @property
    def cuts(self) -> Iterator[int]:
        """Where the addresses that nobody has begin to lie in other blocks than those before."""
        for segment in self._compilation.universe.segments[self._version]:
            yield segment.addresses[0]
            yield segment.addresses[1] + 1

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield every two addresses of one pod, in both orders."""
        of_pod: dict[int, list[int]] = {}
        for number, pod in self.pods.items():
            of_pod.setdefault(id(pod), []).append(number)
        for numbers in of_pod.values():
            yield from permutations(numbers, 2)

    def one_pod(self, left: int, right: int) -> bool:
        """Say whether two addresses are one governed pod's."""
        pod = self.pods.get(left)
        return pod is not None and pod is self.pods.get(right)

    def around(self, number: int) -> Side:
        """Return what holds of an address, whoever has it."""
        return Side(self._compilation.universe.in_blocks(self._version, number))

    def side(self, number: int) -> Side:
        """Return what holds of one address."""
        membership = self._compilation.universe.hosts[self._version].get(number)
        if membership is None:
            membership = self.around(number).membership
        nodes = self.nodes.get(number, _NO_NODE)
        pod = self.pods.get(number)
        if pod is None:
            return Side(membership, nodes=nodes)
        groups = self._compilation.groups(pod)
        egress, ingress = (
            self._compilation.program(group) if (group := groups[direction]) is not None else None
            for direction in (Direction.EGRESS, Direction.INGRESS)
        )
        return Side(membership, True, egress, ingress, pod.node if ingress is not None else "", nodes)  # noqa: FBT003


def ends_of(owners: Sequence[Owners], version: IpVersion) -> tuple[End, ...]:
    """Divide all addresses of one family into ends; those of pods come first."""
    numbers = sorted(set[int]().union(*(of.numbers for of in owners)))
    alike: dict[tuple[Side, ...], list[Range]] = {}
    for number in numbers:
        alike.setdefault(tuple(of.side(number) for of in owners), []).append((number, number))
    taken = intervals.union((number, number) for number in numbers)
    size = 1 << BITS[version]
    cuts = sorted({0, *(cut for of in owners for cut in of.cuts if cut < size)})
    for first, after in zip(cuts, [*cuts[1:], size], strict=True):
        free = intervals.difference(((first, after - 1),), taken)
        if free:
            alike.setdefault(tuple(of.around(first) for of in owners), []).extend(free)
    return tuple(
        End(number, version, intervals.union(addresses), sides)
        for number, (sides, addresses) in enumerate(
            sorted(alike.items(), key=lambda item: not any(side.governed for side in item[0]))
        )
    )
