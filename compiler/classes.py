"""Classes of addresses that no policy can tell apart.

All that policies ask about an address is a finite number of yes-or-no questions, here called atoms: is it a
pod of this selection, a node of that one, inside this block, known under these domain names, a pod that
declares this named port? The answers, as a bit set, are the address's membership; addresses with equal
membership are one class. Restricting membership to the atoms that matter to some programs (by ``&`` with
their mask) merges the classes which those programs cannot tell apart.
"""

# ruff: noqa: SLF001  what is made from one of its own class may look inside

import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from operator import attrgetter
from typing import TypeAlias

from compiler import intervals
from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion
from compiler.atoms import Atom, Membership, Numbering, Questions, class_digest, numbers_in
from compiler.differences import changed_keys, changed_members, patched
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
from compiler.podindex import SPARE, PodIndex
from compiler.segments import Segment, segments_of
from compiler.selection import matches

__all__ = ["Atom", "Membership", "Segment", "Universe", "class_digest", "numbers_in"]

WIDE = 256
"""More neighbouring addresses than so many, learned for one name, are a range and not that many single addresses."""

Hosts: TypeAlias = Mapping[IpVersion, Mapping[int, Membership]]


class Universe:
    """Every address of a snapshot with its membership.

    `hosts` has the addresses of governed pods and of nodes and those learned for domain names, by family, but for
    ranges wider than `WIDE`; `segments` says what holds of all the others, ascending and disjoint. `learned` has what
    is true of single addresses for the domain names that they were learned for. `pods_on` has the pods by node.

    Made from a `previous` one it says the same as made from nothing, but for the numbers of atoms, which are
    inherited; what has not changed is the same object. The previous one is not kept, and what the two share only
    ever remembers more answers.
    """

    def __init__(self, snapshot: Snapshot, previous: "Universe | None" = None) -> None:
        kept = None if previous is None or previous._worn else previous
        numbering, questions = (kept.numbering, kept.questions) if kept else (Numbering(), None)
        self._snapshot = snapshot
        self.numbering: Numbering = numbering
        self.questions: Questions = Questions.of(snapshot.policies, numbering, questions)
        self._of_rule: dict[int, tuple[Rule, Membership, Membership]] = {}
        gone, come = changed_members(kept._snapshot.pods if kept else (), snapshot.pods, attrgetter("key"))
        self._ports = self._declared_ports(kept, gone, come)
        self.declarations = self._declarations(kept)
        peers = self.questions.peers
        ranges = numbering.only(AddressBlock, peers) | numbering.only(DomainSelection, peers)
        # What is asked of an address for what it is or where it is, with all that this can depend on.
        self._ground = (ranges, snapshot.learned)
        self._other_ground = (numbering.only(NodeSelection, peers), snapshot.nodes)
        # Where these are the same, so is the membership of a pod that is.
        on_same_ground = kept is not None and kept._ground == self._ground
        self.segments: Mapping[IpVersion, tuple[Segment, ...]] = (
            kept.segments
            if kept and on_same_ground
            else {version: tuple(segments_of(self._blocks(version))) for version in VERSIONS}
        )
        self._starts = {version: [segment.addresses[0] for segment in self.segments[version]] for version in VERSIONS}
        self.learned: Hosts = (
            kept.learned if kept and on_same_ground else {version: self._single(version) for version in VERSIONS}
        )
        index = PodIndex(self.questions, snapshot.namespaces)
        self._index: PodIndex = kept._index if kept and kept._index.serves(index, len(snapshot.pods)) else index
        self._tangled = False
        steady = kept if on_same_ground else None
        self._of_pods: Hosts = self._pod_hosts(steady, gone, come)
        self.pods_on = self._pods_by_node(kept, gone, come)
        same_others = steady and steady._other_ground == self._other_ground
        self._of_others: Hosts = steady._of_others if steady and same_others else self._other_hosts()
        self.hosts: Hosts = {version: self._hosts(kept, version) for version in VERSIONS}

    @property
    def _worn(self) -> bool:
        """Whether most of the numbers are those of atoms that nobody asks any more: it is time to begin anew."""
        return len(self.numbering) > 2 * (self.questions.peers.bit_count() + len(self._ports)) + SPARE

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
            for peer in rule.peers:
                if not isinstance(peer, Anyone):
                    peers |= 1 << self.numbering.number(peer)
            known = self._of_rule[id(rule)] = (rule, peers, self.numbering.only(PodSelection, peers))
        return known[1:]

    def declared(self, port: NamedPort) -> Iterator[tuple[ContainerPort, int]]:
        """Yield what pods declare under the name of an egress rule's port, with the atom that says a pod does."""
        for declaration, number in self.declarations.get(port.name, ()):
            if declaration.protocol in port.protocols:
                yield declaration, 1 << number

    def of(self, address: Address) -> Membership:
        """Return the membership of any address."""
        number = int(address)
        membership = self.hosts[address.version].get(number)
        return self.in_blocks(address.version, number) if membership is None else membership

    def atoms(self, membership: Membership) -> list[Atom]:
        """Return what is true of the addresses of a class."""
        return [self.numbering.atom(number) for number in numbers_in(membership)]

    def digest(self, membership: Membership) -> int:
        """Return 64 bits that depend on what is true of a class's addresses and on nothing else."""
        return class_digest(self.numbering.digest(number) for number in numbers_in(membership))

    def of_pod(self, pod: Pod) -> Membership:
        """Return what is true of all addresses of a governed pod, wherever they lie."""
        return self._index.membership(pod)

    def of_node(self, node: Node) -> Membership:
        """Return what is true of all addresses of a node, wherever they lie."""
        nodes = self.numbering.of_kind(NodeSelection, self.questions.peers)
        return sum(1 << number for atom, number in nodes if matches(atom.nodes, node.labels))

    @cached_property
    def atom_digests(self) -> list[str]:
        """Every atom, by number, as 16 hex digits that say what it asks."""
        return [self.numbering.digest(number) for number in range(len(self.numbering))]

    def in_blocks(self, version: IpVersion, number: int) -> Membership:
        """Return what holds of an address by number for lying where it lies, whoever has it."""
        place = bisect.bisect_right(self._starts[version], number) - 1
        if place < 0 or number > self.segments[version][place].addresses[1]:
            return 0
        return self.segments[version][place].membership

    def _declared_ports(self, kept: "Universe | None", gone: list[Pod], come: list[Pod]) -> Counter[ContainerPort]:
        """Count the declarations of every port that an egress rule names."""
        names = self.questions.names
        if kept is None or kept.questions.names != names:
            known, gone, come = Counter[ContainerPort](), [], list(self._snapshot.pods)
        else:
            known = kept._ports
        if not (names and (gone or come)):
            return known
        ports = known.copy()
        for pods, sign in ((gone, -1), (come, 1)):
            for pod in pods:
                for port in pod.ports if pod.governed else ():
                    if port.name in names:
                        ports[port] += sign
        return +ports

    def _declarations(self, kept: "Universe | None") -> Mapping[str, list[tuple[ContainerPort, int]]]:
        if kept and kept._ports.keys() == self._ports.keys():
            return kept.declarations
        declarations: dict[str, list[tuple[ContainerPort, int]]] = {}
        for port in self._ports:
            declarations.setdefault(port.name, []).append((port, self.numbering.number(port)))
        return declarations

    @cached_property
    def _learned(self) -> list[tuple[int, AddressSet]]:
        """What was learned, each time with the number of a domain atom that it is about."""
        return [
            (number, addresses)
            for atom, number in self.numbering.of_kind(DomainSelection, self.questions.peers)
            for name, addresses in self._snapshot.learned.items()
            if any(domain_matches(pattern, name) for pattern in atom.patterns)
        ]

    def _blocks(self, version: IpVersion) -> Iterator[tuple[int, Ranges]]:
        """Yield all that is too wide to be taken address by address, each atom once."""
        for block, number in self.numbering.of_kind(AddressBlock, self.questions.peers):
            yield number, block.addresses.ranges(version)
        wide: dict[int, list[Range]] = {}
        for number, addresses in self._learned:
            wide.setdefault(number, []).extend(found for found in addresses.ranges(version) if _is_wide(found))
        for number, ranges in wide.items():
            yield number, intervals.union(ranges)

    def _single(self, version: IpVersion) -> Mapping[int, Membership]:
        """Return the addresses that were learned one by one, each with all that it was learned for."""
        found: dict[int, Membership] = {}
        for atom, addresses in self._learned:
            for edges in addresses.ranges(version):
                for number in range(edges[0], edges[1] + 1) if not _is_wide(edges) else ():
                    found[number] = found.get(number, 0) | 1 << atom
        return found

    def _pod_hosts(self, kept: "Universe | None", gone: list[Pod], come: list[Pod]) -> Hosts:
        """Say what holds of the addresses of governed pods, for whose they are and where they lie.

        Whoever builds a snapshot sees to it that an address is one governed pod's. Where it is not, there is no
        telling what remains when one of them goes.
        """
        if kept is None or kept._tangled or kept._index is not self._index:
            kept, gone, come = None, [], list(self._snapshot.pods)
        elif not (gone or come):
            return kept._of_pods
        hosts = {version: dict(kept._of_pods[version]) if kept else {} for version in VERSIONS}

        def add(version: IpVersion, number: int, membership: Membership) -> None:
            known = hosts[version].get(number)
            self._tangled |= known is not None
            known = self.in_blocks(version, number) if known is None else known
            hosts[version][number] = self._index.same(known | membership)

        for pod in gone:
            for address in pod.addresses if pod.governed else ():
                hosts[address.version].pop(int(address), None)
        for pod in come:
            if not (pod.governed and pod.addresses):
                continue
            membership = self.of_pod(pod)
            for address in pod.addresses:
                add(address.version, int(address), membership)
        if kept and self._tangled:
            return self._pod_hosts(None, [], [])
        return hosts

    def _other_hosts(self) -> Hosts:
        """Say what holds of the addresses of nodes and of those learned for domain names."""
        hosts: dict[IpVersion, dict[int, Membership]] = {4: {}, 6: {}}

        def add(version: IpVersion, number: int, membership: Membership) -> None:
            known = hosts[version].get(number, self.in_blocks(version, number))
            hosts[version][number] = self._index.same(known | membership)

        for node in self._snapshot.nodes:
            membership = self.of_node(node)
            for address in node.addresses:
                add(address.version, int(address), membership)
        for version in VERSIONS:
            for number, membership in self.learned[version].items():
                add(version, number, membership)
        return hosts

    def _pods_by_node(self, kept: "Universe | None", gone: list[Pod], come: list[Pod]) -> Mapping[str, tuple[Pod, ...]]:
        pods: dict[str, list[Pod]] = {pod.node: [] for pod in (*gone, *come)}
        # Those that stay may be equal to what was in the last snapshot without being the same objects.
        going = Counter(gone)
        keys = {pod.key for pod in gone}
        for node, members in pods.items():
            for pod in kept.pods_on.get(node, ()) if kept else ():
                if pod.key in keys and going[pod]:
                    going[pod] -= 1
                else:
                    members.append(pod)
        for pod in come:
            pods[pod.node].append(pod)
        news = {node: tuple(sorted(members, key=attrgetter("key"))) for node, members in pods.items()}
        together = {**(kept.pods_on if kept else {}), **news}
        return {node: members for node, members in together.items() if members}

    def _hosts(self, kept: "Universe | None", version: IpVersion) -> Mapping[int, Membership]:
        """Put together what holds of an address for pods and for others."""
        pods, others = self._of_pods[version], self._of_others[version]

        def whole(number: int) -> Membership | None:
            one, other = pods.get(number), others.get(number)
            if one is None or other is None:
                return other if one is None else one
            return self._index.same(one | other)

        if kept is None:
            return {number: known for number in (*pods, *others) if (known := whole(number)) is not None}
        changed = {
            *changed_keys(kept._of_pods[version], pods),
            *changed_keys(kept._of_others[version], others),
        }
        return patched(kept.hosts[version], changed, whole)


def _is_wide(addresses: Range) -> bool:
    return addresses[1] - addresses[0] >= WIDE
