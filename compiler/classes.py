"""Classes of addresses that no policy can tell apart.

All that policies ask about an address is a finite number of yes-or-no questions, here called atoms: is it a
pod of this selection, a node of that one, inside this block, known under these domain names, a pod that
declares this named port? The answers, as a bit set, are the address's membership; addresses with equal
membership are one class. Restricting membership to the atoms that matter to some programs (by ``&`` with
their mask) merges the classes which those programs cannot tell apart.
"""

import bisect
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from compiler import intervals
from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion
from compiler.domains import domain_matches
from compiler.intervals import Range, Ranges
from compiler.model import (
    AddressBlock,
    Anyone,
    ContainerPort,
    DomainSelection,
    NamedPort,
    Node,
    NodeSelection,
    Pod,
    PodSelection,
    Rule,
    Snapshot,
)
from compiler.selection import SelectionIndex, matches

Membership: TypeAlias = int
"""A bit set over the atoms of one `Universe`."""

Atom: TypeAlias = PodSelection | NodeSelection | AddressBlock | DomainSelection | ContainerPort
WIDE = 256
"""More neighbouring addresses than so many, learned for one name, are a range and not that many single addresses."""

AtomT = TypeVar("AtomT", PodSelection, NodeSelection, AddressBlock, DomainSelection, ContainerPort)


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive addresses of one family that lie in the same blocks; `membership` is never zero."""

    addresses: Range
    membership: Membership


class Universe:
    """Every address of a snapshot with its membership.

    `hosts` has the addresses of governed pods and of nodes and those learned for domain names, by family, but for
    ranges wider than `WIDE`; `segments` says what holds of all the others, ascending and disjoint. `learned` has what
    is true of single addresses for the domain names that they were learned for.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._atoms = _atoms(snapshot)
        # Numbers, not bits: a bit is as long as its number, and all of them together are as long as its square.
        self._numbers = {atom: number for number, atom in enumerate(self._atoms)}
        self._of_rule: dict[int, tuple[Rule, Membership, Membership]] = {}
        self._declarations: dict[str, list[tuple[ContainerPort, int]]] = {}
        for port, number in self._of_kind(ContainerPort):
            self._declarations.setdefault(port.name, []).append((port, number))
        learned = list(self._learned(snapshot))
        self.segments: Mapping[IpVersion, tuple[Segment, ...]] = {
            version: tuple(_segments(self._blocks(learned, version))) for version in VERSIONS
        }
        self._starts = {version: [segment.addresses[0] for segment in self.segments[version]] for version in VERSIONS}
        self.learned = {version: dict(_single(learned, version)) for version in VERSIONS}
        selections = self._of_kind(PodSelection)
        self._selections = SelectionIndex((atom for atom, _number in selections), snapshot.namespaces)
        self._selection_numbers = [number for _atom, number in selections]
        self._shapes: dict[object, Membership] = {}
        self.hosts = self._hosts(snapshot)

    def peers(self, rule: Rule) -> Membership:
        """Return the atoms of which one is enough for a peer of `rule` to match; `Anyone` is not among them."""
        return self._asked(rule)[0]

    def pod_peers(self, rule: Rule) -> Membership:
        """Return those of `peers` that are pods: to the others a cluster policy's port names mean nothing (2.7)."""
        return self._asked(rule)[1]

    def _asked(self, rule: Rule) -> tuple[Membership, Membership]:
        # Every program with the rule asks, and to find a peer's number is to hash all that it consists of. What
        # is kept by identity keeps the rule, so no other can get that identity.
        known = self._of_rule.get(id(rule))
        if known is None:
            peers: Membership = 0
            pods: Membership = 0
            for peer in rule.peers:
                if not isinstance(peer, Anyone):
                    bit = 1 << self._numbers[peer]
                    peers |= bit
                    pods |= bit if isinstance(peer, PodSelection) else 0
            known = self._of_rule[id(rule)] = (rule, peers, pods)
        return known[1:]

    def declared(self, port: NamedPort) -> Iterator[tuple[ContainerPort, int]]:
        """Yield what pods declare under the name of an egress rule's port, with the atom that says a pod does."""
        for declaration, number in self._declarations.get(port.name, ()):
            if declaration.protocol in port.protocols:
                yield declaration, 1 << number

    def of(self, address: Address) -> Membership:
        """Return the membership of any address."""
        number = int(address)
        membership = self.hosts[address.version].get(number)
        return self.in_blocks(address.version, number) if membership is None else membership

    def atoms(self, membership: Membership) -> list[Atom]:
        """Return what is true of the addresses of a class."""
        return [self._atoms[number] for number in numbers_in(membership)]

    def digest(self, membership: Membership) -> int:
        """Return 64 bits that depend on what is true of a class's addresses and on nothing else."""
        return class_digest(self.atom_digests[number] for number in numbers_in(membership))

    @cached_property
    def atom_digests(self) -> list[str]:
        """Every atom, by number, as 16 hex digits that say what it asks."""
        return [hashlib.sha256(repr(atom).encode()).hexdigest()[:16] for atom in self._atoms]

    def _of_kind(self, kind: type[AtomT]) -> list[tuple[AtomT, int]]:
        return [(atom, number) for atom, number in self._numbers.items() if isinstance(atom, kind)]

    def _learned(self, snapshot: Snapshot) -> Iterator[tuple[int, AddressSet]]:
        """Yield what was learned, each time with the number of a domain atom that it is about."""
        domains = self._of_kind(DomainSelection)
        for name, addresses in snapshot.learned.items():
            for atom, number in domains:
                if any(domain_matches(pattern, name) for pattern in atom.patterns):
                    yield number, addresses

    def _blocks(self, learned: list[tuple[int, AddressSet]], version: IpVersion) -> Iterator[tuple[int, Ranges]]:
        """Yield all that is too wide to be taken address by address, each atom once."""
        for block, number in self._of_kind(AddressBlock):
            yield number, block.addresses.ranges(version)
        wide: dict[int, list[Range]] = {}
        for number, addresses in learned:
            wide.setdefault(number, []).extend(found for found in addresses.ranges(version) if _is_wide(found))
        for number, ranges in wide.items():
            yield number, intervals.union(ranges)

    def in_blocks(self, version: IpVersion, number: int) -> Membership:
        """Return what holds of an address by number for lying where it lies, whoever has it."""
        place = bisect.bisect_right(self._starts[version], number) - 1
        if place < 0 or number > self.segments[version][place].addresses[1]:
            return 0
        return self.segments[version][place].membership

    def _hosts(self, snapshot: Snapshot) -> Mapping[IpVersion, Mapping[int, Membership]]:
        hosts: dict[IpVersion, dict[int, Membership]] = {4: {}, 6: {}}
        same: dict[Membership, Membership] = {}

        def add(version: IpVersion, number: int, membership: Membership) -> None:
            known = hosts[version].get(number)
            known = self.in_blocks(version, number) if known is None else known
            hosts[version][number] = same.setdefault(known | membership, known | membership)

        for pod in snapshot.pods:
            if pod.governed and pod.addresses:
                membership = self.of_pod(pod)
                for address in pod.addresses:
                    add(address.version, int(address), membership)
        for node in snapshot.nodes:
            membership = self.of_node(node)
            for address in node.addresses:
                add(address.version, int(address), membership)
        for version in VERSIONS:
            for number, membership in self.learned[version].items():
                add(version, number, membership)
        return hosts

    def of_pod(self, pod: Pod) -> Membership:
        """Return what is true of all addresses of a governed pod, wherever they lie."""
        shape = (pod.namespace, pod.labels, pod.ports)
        membership = self._shapes.get(shape)
        if membership is None:
            membership = 0
            for number in numbers_in(self._selections.matching(pod.namespace, pod.labels)):
                membership |= 1 << self._selection_numbers[number]
            for port in pod.ports:
                membership |= 1 << self._numbers[port] if port in self._numbers else 0
            self._shapes[shape] = membership
        return membership

    def of_node(self, node: Node) -> Membership:
        """Return what is true of all addresses of a node, wherever they lie."""
        atoms = self._of_kind(NodeSelection)
        return sum(1 << number for atom, number in atoms if matches(atom.nodes, node.labels))


def _atoms(snapshot: Snapshot) -> list[Atom]:
    """List every question that the snapshot's policies ask about the other end of a flow."""
    peers: dict[Atom, None] = {}
    names: set[str] = set()
    for policy in snapshot.policies:
        for rule in (*policy.ingress, *policy.egress):
            peers.update((peer, None) for peer in rule.peers if not isinstance(peer, Anyone))
        for rule in policy.egress:
            names.update(item.name for item in rule.traffic if isinstance(item, NamedPort))
    pods = (pod for pod in snapshot.pods if pod.governed)
    ports = {port: None for pod in pods for port in pod.ports if port.name in names}
    return [*peers, *ports]


def class_digest(atoms: Iterable[str]) -> int:
    """Return 64 bits for a class, given the digests of what is true of it in any order."""
    return int.from_bytes(hashlib.sha256("\n".join(sorted(atoms)).encode()).digest()[:8], "big")


def numbers_in(membership: Membership) -> Iterator[int]:
    """Yield the numbers of the bits in a set, ascending."""
    while membership:
        lowest = membership & -membership
        yield lowest.bit_length() - 1
        membership ^= lowest


def _segments(blocks: Iterable[tuple[int, Ranges]]) -> Iterator[Segment]:
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


def _single(learned: Iterable[tuple[int, AddressSet]], version: IpVersion) -> Iterator[tuple[int, Membership]]:
    """Yield the addresses of one family that were learned one by one, each with all that it was learned for."""
    found: dict[int, Membership] = {}
    for atom, addresses in learned:
        for ranges in addresses.ranges(version):
            for number in range(ranges[0], ranges[1] + 1) if not _is_wide(ranges) else ():
                found[number] = found.get(number, 0) | 1 << atom
    yield from found.items()


def _is_wide(addresses: Range) -> bool:
    return addresses[1] - addresses[0] >= WIDE
