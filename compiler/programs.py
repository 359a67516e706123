"""Programs: what one group of pods does in one direction, as a function from classes to profiles.

Pods selected by the same policies share a program (for ingress they must also declare the same numbers for
the port names in use). No order of rules is left in a program; that is why the kernel needs none.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, groupby
from operator import attrgetter

from compiler.classes import Membership, Universe, numbers_in
from compiler.model import (
    Action,
    Anyone,
    ContainerPort,
    DefaultOrigin,
    Direction,
    IsolationOrigin,
    NamedPort,
    Origin,
    Policy,
    PortRange,
    Rule,
    RuleOrigin,
    Tier,
)
from compiler.packets import EVERY_PACKET, NO_PACKET, PacketSet
from compiler.profiles import Outcome, Profile

REMEMBERED = 1 << 15
"""A program outlives the classes that it was asked about; after so many answers it forgets them all and goes on."""


# Without slots, because the digest is kept: programs are asked for by their group once for each pod.
@dataclass(frozen=True)
class Group:
    """What makes pods alike in one direction: the policies that concern them, in order, and the ports they name.

    `ports` is empty for egress, where names are the other end's, and holds only names that the rules use.
    """

    direction: Direction
    policies: tuple[Policy, ...]
    ports: tuple[ContainerPort, ...] = ()

    @classmethod
    def of(cls, direction: Direction, policies: Iterable[Policy], ports: Iterable[ContainerPort]) -> "Group | None":
        """Group a pod by the policies that select it, in order of precedence; None if none concerns the direction."""
        concerned = tuple(policy for policy in policies if policy.concerns(direction))
        if not concerned:
            return None
        names = {
            item.name
            for policy in concerned
            for rule in policy.rules(direction)
            for item in rule.traffic
            if isinstance(item, NamedPort)
        }
        if direction is Direction.EGRESS or not names:
            return cls(direction, concerned)
        used = {port for port in ports if port.name in names}
        return cls(direction, concerned, tuple(sorted(used, key=lambda p: (p.name, p.protocol.value, p.number))))

    @property
    def asks_names(self) -> bool:
        """Whether the rules depend on what pods at the other end declare under names."""
        return self.direction is Direction.EGRESS and any(
            isinstance(item, NamedPort) for policy in self.policies for rule in policy.egress for item in rule.traffic
        )

    @cached_property
    def digest(self) -> str:
        """Name the group by who is in it, not by what the policies say, in 16 hex digits: edits keep the name."""
        who = [(policy.kind.value, policy.namespace, policy.name) for policy in self.policies]
        ports = [(port.name, port.protocol.value, port.number) for port in self.ports]
        return hashlib.sha256(repr((self.direction.value, who, ports)).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule with its questions turned into bits: `named` are ports that only some classes have."""

    number: int
    action: Action
    anyone: bool
    peers: Membership
    packets: PacketSet
    named: tuple[tuple[Membership, PacketSet], ...]
    origin: Origin

    def matched(self, membership: Membership) -> PacketSet:
        """Return the packets that the rule is about, where the other end is of that class."""
        packets = self.packets
        for bit, more in self.named:
            if bit & membership:
                packets |= more
        return packets


@dataclass(frozen=True, slots=True)
class ReadyTier:
    """The rules of one tier in order, and what becomes of what none of them settles, where the tier isolates.

    Rule numbers go up by one within a tier and from each tier to the next.
    """

    rules: tuple[ReadyRule, ...]
    isolation: Outcome | None

    def met(self, numbers: int) -> Iterator[ReadyRule]:
        """Yield the tier's rules whose numbers are in a bit set, in order, however many others there are."""
        first = self.rules[0].number if self.rules else 0
        for place in numbers_in(numbers >> first & (1 << len(self.rules)) - 1):
            yield self.rules[place]


class Program:
    """The verdicts of one group, computed class by class when asked for.

    `digest` names the group. `mask` holds the atoms that the program asks about: classes that agree on them have one
    profile. `policies` are those of the group, where they are known.
    """

    def __init__(
        self, digest: str, direction: Direction, tiers: tuple[ReadyTier, ...], policies: tuple[Policy, ...] = ()
    ) -> None:
        self.digest = digest
        self.direction = direction
        self.tiers = tiers
        self.policies = policies
        rules = [rule for tier in tiers for rule in tier.rules]
        self._always = sum(1 << rule.number for rule in rules if rule.anyone)
        self._named: Membership = 0
        self._peers: Membership = 0
        self._met_by: dict[int, int] = {}
        for rule in rules:
            self._peers |= rule.peers
            for bit, _packets in rule.named:
                self._named |= bit
            for atom in numbers_in(rule.peers):
                self._met_by[atom] = self._met_by.get(atom, 0) | 1 << rule.number
        self._known: dict[tuple[int, Membership], Profile] = {}

    @classmethod
    def of(cls, group: Group, universe: Universe) -> "Program":
        """Make the program of a group."""
        return cls(group.digest, group.direction, tuple(_tiers(group, universe)), group.policies)

    @property
    def mask(self) -> Membership:
        """The atoms that the program asks about."""
        return self._peers | self._named

    def profile(self, membership: Membership) -> Profile:
        """Return what becomes of packets between the group's pods and addresses of that membership."""
        met = self._always
        for atom in numbers_in(membership & self._peers):
            met |= self._met_by[atom]
        key = (met, membership & self._named)
        profile = self._known.get(key)
        if profile is None:
            if len(self._known) == REMEMBERED:
                self._known.clear()
            profile = self._known[key] = Profile.of(self._settled(*key))
        return profile

    def _settled(self, met: int, membership: Membership) -> Iterator[tuple[PacketSet, Outcome]]:
        """Walk the rules in `met` over all packets, tier by tier, and yield what is decided when it is."""
        pending = EVERY_PACKET
        for tier in self.tiers:
            passed = NO_PACKET
            for rule in tier.met(met):
                hit = pending & rule.matched(membership)
                if not hit:
                    continue
                pending -= hit
                if rule.action is Action.PASS:
                    passed |= hit
                else:
                    yield hit, Outcome(rule.action is Action.ACCEPT, rule.origin)
                if not pending:
                    break
            if tier.isolation is not None:
                yield pending, tier.isolation
                pending = NO_PACKET
            pending |= passed
        yield pending, Outcome(accept=True, origin=DefaultOrigin(self.direction))


def _tiers(group: Group, universe: Universe) -> Iterator[ReadyTier]:
    numbers = count()
    for tier, members in groupby(group.policies, attrgetter("tier")):
        policies = tuple(members)
        rules = (
            ready
            for policy in policies
            for rule in policy.rules(group.direction)
            for ready in _ready(numbers, policy, rule, group, universe)
        )
        isolation = None
        if tier is Tier.NETWORK_POLICY:
            names = tuple(sorted((policy.namespace, policy.name) for policy in policies))
            isolation = Outcome(accept=False, origin=IsolationOrigin(group.direction, names))
        yield ReadyTier(tuple(rules), isolation)


def _ready(numbers: Iterator[int], policy: Policy, rule: Rule, group: Group, universe: Universe) -> Iterator[ReadyRule]:
    """Yield a rule, as two where its port names are not for all of its peers (2.7); which comes first is no matter."""
    by_number = [item for item in rule.traffic if not isinstance(item, NamedPort)]
    by_name = [item for item in rule.traffic if isinstance(item, NamedPort)]
    named: list[tuple[Membership, PacketSet]] = []
    for item in by_name:
        if group.direction is Direction.INGRESS:
            by_number.extend(
                PortRange(port.protocol, port.number, port.number)
                for port in group.ports
                if port.name == item.name and port.protocol in item.protocols
            )
        else:
            named.extend(
                (bit, PacketSet.of([PortRange(port.protocol, port.number, port.number)]))
                for port, bit in universe.declared(item)
            )
    ready = ReadyRule(
        number=next(numbers),
        action=rule.action,
        anyone=Anyone() in rule.peers,
        peers=universe.peers(rule),
        packets=PacketSet.of(by_number),
        named=tuple(named),
        origin=RuleOrigin.of(policy, group.direction, rule),
    )
    pods = universe.pod_peers(rule)
    if named and policy.tier is not Tier.NETWORK_POLICY and ready.peers != pods:
        yield replace(ready, named=())
        yield replace(ready, number=next(numbers), peers=pods, packets=NO_PACKET)
    else:
        yield ready
