"""What rules match on a snapshot, exactly: sets of (subject pod, peer address, packet) as products of bit sets.

A `Space` cuts the packets of one direction along every line that a policy of one tier can draw. Pods that no
subject and no port name tells apart are one subject, addresses that no peer tells apart are one peer (those of
the two families never are), and neighbouring ports without an edge between them are one packet. What is left
is finite, a bit for each, and arithmetic on Python's integers does the rest.
"""

import bisect
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from compiler.addresses import BITS, VERSIONS, IpVersion
from compiler.classes import Membership, Universe, numbers_in
from compiler.model import (
    Anyone,
    ContainerPort,
    Direction,
    NamedPort,
    Policy,
    PortRange,
    Protocol,
    Rule,
    Snapshot,
    Tier,
)
from compiler.packets import PacketSet
from compiler.selection import SelectionIndex

Bits: TypeAlias = int
"""A set: bit i stands for the i-th subject, peer or packet of a `Space`."""

KeyT = TypeVar("KeyT", bound=Hashable)

_NO_NODE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Box:
    """Every combination of some subjects, some peers and some packets; at least one combination is judged."""

    subjects: Bits
    peers: Bits
    packets: Bits


Region: TypeAlias = tuple[Box, ...]
"""A union of boxes that share no combination."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """Pods that are alike; `selected` has a bit for each policy that selects them, `node` matters on ingress only."""

    version: IpVersion
    selected: int
    ports: frozenset[ContainerPort]
    node: str


@dataclass(frozen=True, slots=True)
class _Peer:
    """Addresses that are alike; `nodes` are those that they belong to, and matter on ingress only."""

    version: IpVersion
    membership: Membership
    nodes: frozenset[str]


class Space:
    """All that the policies of one tier can tell apart in one direction.

    `policies` are those of the tier that concern the direction, in order of precedence. What comes to a pod from
    its own node is never judged (2.12), so it is in no region.
    """

    def __init__(self, snapshot: Snapshot, tier: Tier, direction: Direction) -> None:
        concerned = (policy for policy in snapshot.policies if policy.tier is tier and policy.concerns(direction))
        self.policies: tuple[Policy, ...] = tuple(sorted(concerned, key=lambda policy: policy.order))
        self._rules = tuple(rule for policy in self.policies for rule in policy.rules(direction))
        self._tier = tier
        self._ingress = direction is Direction.INGRESS
        self._universe = Universe(snapshot)
        names = {port.name for rule in self._rules for port in _named(rule)}
        self._subjects = tuple(dict.fromkeys(self._find_subjects(snapshot, names)))
        self._peers = tuple(dict.fromkeys(self._find_peers(snapshot)))
        governed = (port for pod in snapshot.pods if pod.governed for port in pod.ports)
        self._cuts = _cuts(map(_literal, self._rules), {port for port in governed if port.name in names})

        # Who is in which policy, family, peer or node.
        self._selected = _inverted(numbers_in(subject.selected) for subject in self._subjects)
        self._met = _inverted(numbers_in(peer.membership) for peer in self._peers)
        self._own = _inverted(peer.nodes for peer in self._peers)
        self._subjects_of = _inverted([subject.version] for subject in self._subjects)
        self._peers_of = _inverted([peer.version] for peer in self._peers)

    def region(self, policy: int, rule: Rule) -> Region:
        """Return what a rule of the policy with that number matches, whatever other rules say."""
        selected = self._selected.get(policy, 0)
        met = self._meeting(rule, self._universe.peers(rule))
        naming = met
        if not self._ingress and self._tier is not Tier.NETWORK_POLICY:
            # To peers that are no pods, port names mean nothing (2.7).
            naming = self._meeting(rule, self._universe.pod_peers(rule))
        boxes: list[Box] = []
        for version in VERSIONS:
            subjects, peers = selected & self._subjects_of.get(version, 0), met & self._peers_of.get(version, 0)
            boxes.extend(self._resolved(rule, subjects, peers & naming))
            boxes.append(Box(subjects, peers & ~naming, self._numbered(_literal(rule))))
        return tuple(filter(self._holds_any, boxes))

    def _meeting(self, rule: Rule, atoms: Membership) -> Bits:
        peers = (1 << len(self._peers)) - 1 if Anyone() in rule.peers else 0
        for atom in numbers_in(atoms):
            peers |= self._met.get(atom, 0)
        return peers

    def overlap(self, left: Region, right: Region) -> bool:
        """Say whether some packet is in both regions."""
        return any(self._holds_any(_common(one, other)) for one in left for other in right)

    def without(self, box: Box, removed: Box) -> Iterator[Box]:
        """Yield pieces of a box that hold what is not in the other, and together all of it; none holds nothing."""
        common = _common(box, removed)
        if not self._holds_any(common):
            yield box
            return
        # Packets are cut last: pieces differ in (subject, peer), which bounds how many there can be.
        for piece in (
            Box(box.subjects & ~common.subjects, box.peers, box.packets),
            Box(common.subjects, box.peers & ~common.peers, box.packets),
            Box(common.subjects, common.peers, box.packets & ~common.packets),
        ):
            if self._holds_any(piece):
                yield piece

    def _holds_any(self, box: Box) -> bool:
        """Say whether a box holds anything that is judged: not only packets from subjects' own nodes."""
        if not (box.packets and box.peers and box.subjects):
            return False
        return any(box.peers & ~self._own.get(self._subjects[n].node, 0) for n in numbers_in(box.subjects))

    def _resolved(self, rule: Rule, subjects: Bits, peers: Bits) -> Iterator[Box]:
        """Split subjects (on ingress) or peers (on egress) by what the rule's port names mean there."""
        names = _named(rule)
        if not names:
            yield Box(subjects, peers, self._numbered(_literal(rule)))
            return
        alike: dict[PacketSet, Bits] = {}
        for number in numbers_in(subjects if self._ingress else peers):
            packets = _literal(rule, self._declared(number, names))
            alike[packets] = alike.get(packets, 0) | 1 << number
        for packets, bits in alike.items():
            numbered = self._numbered(packets)
            yield Box(bits, peers, numbered) if self._ingress else Box(subjects, bits, numbered)

    def _declared(self, number: int, names: Iterable[NamedPort]) -> Iterator[ContainerPort]:
        """Yield what the destination, a subject on ingress and a peer on egress, declares under these names."""
        for name in names:
            if self._ingress:
                for port in self._subjects[number].ports:
                    if port.name == name.name and port.protocol in name.protocols:
                        yield port
            else:
                for port, atom in self._universe.declared(name):
                    if self._peers[number].membership & atom:
                        yield port

    def _numbered(self, packets: PacketSet) -> Bits:
        bits = 0
        for protocol, (first, last) in packets:
            base, cuts = self._cuts[protocol]
            low, high = bisect.bisect_left(cuts, first), bisect.bisect_left(cuts, last + 1)
            bits |= ((1 << high - low) - 1) << base + low
        return bits

    # What can be told apart.

    def _find_subjects(self, snapshot: Snapshot, names: set[str]) -> Iterator[_Subject]:
        index = SelectionIndex((policy.subject for policy in self.policies), snapshot.namespaces)
        for pod in snapshot.pods:
            if not pod.governed:
                continue
            selected = index.matching(pod.namespace, pod.labels)
            ports = frozenset(port for port in pod.ports if self._ingress and port.name in names)
            for version in sorted({address.version for address in pod.addresses}):
                yield _Subject(version, selected, ports, pod.node if self._ingress else "")

    def _find_peers(self, snapshot: Snapshot) -> Iterator[_Peer]:
        asked = self._asked()
        owners: dict[tuple[int, int], frozenset[str]] = {}
        for node in snapshot.nodes if self._ingress else ():
            for address in node.addresses:
                key = (address.version, int(address))
                owners[key] = owners.get(key, _NO_NODE) | {node.name}
        for version in VERSIONS:
            hosts = self._universe.hosts[version]
            for number, membership in hosts.items():
                yield _Peer(version, membership & asked, owners.get((version, number), _NO_NODE))
            # What is left of the segments, and of all the rest, without the hosts there.
            taken = sorted(hosts)
            rest = (1 << BITS[version]) - len(taken)
            for segment in self._universe.segments[version]:
                first, last = segment.addresses
                free = last - first + 1 - (bisect.bisect_right(taken, last) - bisect.bisect_left(taken, first))
                rest -= free
                if free:
                    yield _Peer(version, segment.membership & asked, _NO_NODE)
            if rest:
                yield _Peer(version, 0, _NO_NODE)

    def _asked(self) -> Membership:
        """Return the atoms that some rule in this space asks for."""
        asked = 0
        for rule in self._rules:
            asked |= self._universe.peers(rule)
            for name in () if self._ingress else _named(rule):
                for _port, atom in self._universe.declared(name):
                    asked |= atom
        return asked


def hull(region: Region) -> Box:
    """Return a box around a region: it holds all of that, and perhaps more."""
    subjects = peers = packets = 0
    for box in region:
        subjects |= box.subjects
        peers |= box.peers
        packets |= box.packets
    return Box(subjects, peers, packets)


def may_meet(left: Box, right: Box) -> bool:
    """Say whether something may be in both boxes; cheap, and false only where nothing is."""
    return bool(left.subjects & right.subjects and left.packets & right.packets and left.peers & right.peers)


def _common(left: Box, right: Box) -> Box:
    return Box(left.subjects & right.subjects, left.peers & right.peers, left.packets & right.packets)


def _named(rule: Rule) -> tuple[NamedPort, ...]:
    return tuple(item for item in rule.traffic if isinstance(item, NamedPort))


def _literal(rule: Rule, declared: Iterable[ContainerPort] = ()) -> PacketSet:
    """Return the rule's traffic, with these declarations for its port names."""
    literal = (item for item in rule.traffic if not isinstance(item, NamedPort))
    return PacketSet.of([*literal, *(PortRange(port.protocol, port.number, port.number) for port in declared)])


def _cuts(literals: Iterable[PacketSet], declared: Iterable[ContainerPort]) -> dict[Protocol, tuple[int, list[int]]]:
    """Cut each protocol's ports where some set begins or ends: the number of the first piece, and where each begins."""
    starts: dict[Protocol, set[int]] = {protocol: {0} for protocol in Protocol}
    for packets in literals:
        for protocol, (first, last) in packets:
            starts[protocol].update((first, last + 1))
    for port in declared:
        starts[port.protocol].update((port.number, port.number + 1))
    cuts: dict[Protocol, tuple[int, list[int]]] = {}
    base = 0
    for protocol in Protocol:
        cuts[protocol] = (base, sorted(starts[protocol]))
        base += len(starts[protocol])
    return cuts


def _inverted(keys: Iterable[Iterable[KeyT]]) -> dict[KeyT, Bits]:
    """Turn the keys of each number into the numbers, as bits, of each key."""
    numbers: dict[KeyT, Bits] = {}
    for number, of_number in enumerate(keys):
        for key in of_number:
            numbers[key] = numbers.get(key, 0) | 1 << number
    return numbers
