"""The packets of a region that two diagrams do not treat alike, as gaps: put together by who is meant to decide."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice, product
from typing import TypeAlias

from anp.analysis.prove.ends import End
from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMP,
    ICMPV6,
    ICMPV6_PROTOCOL,
    PORTLESS,
    PROTOCOL,
    SOURCE,
    SPORT,
    STATE,
    STATES,
)
from anp.analysis.prove.meant import NUMBERS, Meant, packets_of
from anp.analysis.prove.result import Condition, Gap
from anp.analysis.prove.space import PacketSpace, numbers_of
from anp.analysis.prove.steps import Packet
from compiler import intervals
from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion, address_of
from compiler.diagram.queries import boxes
from compiler.diagram.space import Decision, Node
from compiler.diagram.traffic import example
from compiler.intervals import Ranges
from compiler.model import Protocol, Snapshot
from compiler.packets import PacketSet
from compiler.profiles import Outcome, Profile

_JUDGED = tuple(state for state in STATES if state not in {"established", "related"})
_TRIED = 4
"""How many addresses of an end are looked through for an example of two that are not one pod's."""
_EXAMPLES = {version: ip_address(text) for version, text in zip(VERSIONS, ("203.0.113.1", "2001:db8::1"), strict=True)}

Key: TypeAlias = tuple[bool, tuple[Outcome, ...], PacketSet, tuple[str, ...], Condition]
"""What makes pairs of ends one gap: what the kernel does, who is meant to decide, which packets."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """Packets between two ends that are alike in all but what policies know of them."""

    accepted: bool
    packets: PacketSet
    condition: Condition


class Gaps:
    """Finds the gaps of one region."""

    def __init__(self, space: PacketSpace, meant: Meant, snapshot: Snapshot) -> None:
        self._space = space
        self._meant = meant
        self._pods = {address: pod.key for pod in snapshot.pods if pod.governed for address in pod.addresses}
        self._leaves: dict[tuple[Node[bool | None], bool], tuple[_Leaf, ...]] = {}
        self._said: dict[int, tuple[Profile, tuple[tuple[Outcome, PacketSet], ...]]] = {}

    def of(self, different: Node[bool | None]) -> Iterator[Gap]:
        """Yield them; `different` says what the kernel does where that is not what is meant, and None elsewhere."""
        found: dict[Key, dict[int, set[int]]] = {}
        for states, kinds, below in self._upper(different):
            judged = "new" in states
            extra = kinds
            for source, destination, leaf in self._pairs(below):
                found_there = self._keys(source, destination, leaf, judged=judged)
                for accepted, meant, packets, condition in found_there:
                    key: Key = (accepted, meant, packets, () if states == _JUDGED else states, (*extra, *condition))
                    found.setdefault(key, {}).setdefault(source, set()).add(destination)
        for whole, by_source in found.items():
            joined: dict[frozenset[int], list[int]] = {}
            for source, receivers in by_source.items():
                joined.setdefault(frozenset(receivers), []).append(source)
            for destinations, sources in joined.items():
                yield self._gap(whole, sources, sorted(destinations))

    def _upper(self, node: Node[bool | None]) -> Iterator[tuple[tuple[str, ...], Condition, Node[bool | None]]]:
        """Yield what is below the fields that come before the ends, with what a packet must be to get there."""
        for states, below in self._branches(node, STATE):
            names = tuple(STATES[number] for number in numbers_of(states))
            if not self._space.region.icmpv6:
                yield names, (), below
                continue
            every = self._space.fields[self._space.level(ICMPV6)].every
            for kinds, rest in self._branches(below, ICMPV6):
                # That neighbour discovery is spared is understood.
                usual = intervals.difference(every, ((133, 137),))
                yield names, () if kinds in (every, usual) else ((ICMPV6, kinds),), rest

    def _branches(self, node: Node[bool | None], field: str) -> Iterator[tuple[Ranges, Node[bool | None]]]:
        level = self._space.level(field)
        if isinstance(node, Decision) and node.level == level:
            for child, ranges in node.branches().items():
                if child is not self._space.constant(None):
                    yield ranges, child
        elif node is not self._space.constant(None):
            yield self._space.fields[level].every, node

    def _pairs(self, node: Node[bool | None]) -> Iterator[tuple[int, int, Node[bool | None]]]:
        for sources, row in self._branches(node, SOURCE):
            for destinations, leaf in self._branches(row, DESTINATION):
                for source, destination in product(numbers_of(sources), numbers_of(destinations)):
                    yield source, destination, leaf

    # Who should have decided.

    def _keys(
        self, source: int, destination: int, node: Node[bool | None], *, judged: bool
    ) -> Iterator[tuple[bool, tuple[Outcome, ...], PacketSet, Condition]]:
        ends = (self._space.sources[source].side, self._space.destinations[destination].side)
        profiles = [profile for _direction, profile in self._meant.outcomes(*ends)] if judged else []
        for leaf in self._leaf(node):
            for meant, packets in self._split(profiles, leaf.packets):
                # Of several ends, a denial is what counts; that one accepts is then no matter.
                denials = tuple(outcome for outcome in meant if not outcome.accept)
                if leaf.accepted and judged and not denials:
                    continue
                yield leaf.accepted, denials[:1] or meant, packets, leaf.condition

    def _split(self, profiles: list[Profile], packets: PacketSet) -> list[tuple[tuple[Outcome, ...], PacketSet]]:
        """Divide packets by what each of the profiles says of them."""
        parts: list[tuple[tuple[Outcome, ...], PacketSet]] = [((), packets)]
        for profile in profiles:
            parts = [
                ((*meant, outcome), common)
                for meant, some in parts
                for outcome, about in self._outcomes(profile)
                if (common := some & about)
            ]
        return parts

    def _outcomes(self, profile: Profile) -> tuple[tuple[Outcome, PacketSet], ...]:
        known = self._said.get(id(profile))
        if known is None:
            found: dict[Outcome, PacketSet] = {}
            for protocol in Protocol:
                for ports, outcome in profile.ports(protocol):
                    some = packets_of(NUMBERS.get(protocol, -1), (ports,))
                    found[outcome] = found.get(outcome, PacketSet()) | some
            known = self._said[id(profile)] = (profile, tuple(found.items()))
        return known[1]

    def _leaf(self, node: Node[bool | None]) -> tuple[_Leaf, ...]:
        """Divide what is below two ends: into packets as policies know them, and what else they must be."""
        known = self._leaves.get((node, False))
        if known is None:
            found: dict[tuple[bool, Condition], PacketSet] = {}
            for box, accepted in boxes(self._space, node):
                if accepted is None:
                    continue
                for packets, condition in self._packets(box):
                    key = (accepted, condition)
                    found[key] = found.get(key, PacketSet()) | packets
            known = tuple(_Leaf(accepted, packets, condition) for (accepted, condition), packets in found.items())
            self._leaves[node, False] = known
        return known

    def _packets(self, box: tuple[Ranges, ...]) -> Iterator[tuple[PacketSet, Condition]]:
        space = self._space
        more = tuple(
            (field.name, ranges)
            for field, ranges in zip(space.fields, box, strict=True)
            if field.name not in {STATE, ICMPV6, SOURCE, DESTINATION, PROTOCOL, DPORT} and ranges != field.every
        )
        all_ports = space.fields[space.level(DPORT)].every
        if space.region.icmpv6:
            ports = box[space.level(DPORT)]
            yield PacketSet(other=True), more if ports == all_ports else ((DPORT, ports), *more)
            return
        protocols, ports = box[space.level(PROTOCOL)], box[space.level(DPORT)]
        known = space.of_protocols(intervals.union((number, number) for number in NUMBERS.values()))
        for number in numbers_of(intervals.intersection(protocols, known)):
            yield packets_of(space.protocol(number), ports), more
        every = intervals.difference(space.fields[space.level(PROTOCOL)].every, known)
        others = intervals.difference(protocols, known)
        if others:
            odd: Condition = () if others == every else ((PROTOCOL, space.protocols(others)),)
            if ports != all_ports:
                odd = (*odd, (DPORT, ports))
            yield PacketSet(other=True), (*odd, *more)

    # Words.

    def _gap(self, key: Key, sources: list[int], destinations: list[int]) -> Gap:
        accepted, meant, packets, states, condition = key
        senders = [self._space.sources[number] for number in sources]
        receivers = [self._space.destinations[number] for number in destinations]
        packet = self._example(senders, receivers, key)
        return Gap(
            self._space.region.hook,
            self._space.region.version,
            _addresses(senders),
            _addresses(receivers),
            packets,
            accepted,
            meant,
            states,
            condition,
            packet,
        )

    def _example(self, senders: list[End], receivers: list[End], key: Key) -> Packet:
        """Return one packet of a gap, not of a pod to itself if there is another."""
        _accepted, _meant, packets, states, condition = key
        pairs = (
            pair
            for sender, receiver in product(senders, receivers)
            for pair in product(_examples(sender), _examples(receiver))
        )
        first = next(pairs)
        apart = (pair for pair in pairs if not self._is_one_pod(*pair))
        source, destination = next(apart, first) if self._is_one_pod(*first) else first
        wanted = dict(condition)
        protocol, port = example(packets)
        numbers = {name: ranges[0][0] for name, ranges in wanted.items()}
        if protocol is not Protocol.OTHER:
            number = NUMBERS[protocol]
        elif self._space.region.icmpv6:
            number = ICMPV6_PROTOCOL
        elif PROTOCOL in wanted:
            number = numbers[PROTOCOL]
        else:
            number = 1
        kind = numbers.get(ICMP, numbers.get(ICMPV6, 128 if self._space.region.icmpv6 else 8))
        mark = sum(1 << bit for bit in range(32) if numbers.get(f"mark bit {bit}"))
        return Packet(
            self._space.region.hook,
            source,
            destination,
            number,
            numbers.get(DPORT, port),
            numbers.get(SPORT, 40000),
            kind,
            "new" if not states or "new" in states else states[0],
            mark,
            portless=bool(numbers.get(PORTLESS)),
        )

    def _is_one_pod(self, one: Address, other: Address) -> bool:
        pod = self._pods.get(one)
        return one == other or (pod is not None and pod == self._pods.get(other))


def _examples(end: End) -> Iterator[Address]:
    """Yield a few addresses of an end, first one that is nobody's by definition if it is among them."""
    nobody = _EXAMPLES[end.version]
    if intervals.contains(end.addresses, int(nobody)):
        yield nobody
    for number in islice(numbers_of(end.addresses), _TRIED):
        yield address_of(end.version, number)


def _addresses(ends: list[End]) -> AddressSet:
    version: IpVersion = ends[0].version
    ranges = intervals.union(numbers for end in ends for numbers in end.addresses)
    return AddressSet(v4=ranges) if version == 4 else AddressSet(v6=ranges)
