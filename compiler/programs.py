"""Programs: what one group of pods does in one direction, as a function from classes to profiles.

Pods selected by the same policies share a program (for ingress they must also declare the same numbers for
the port names in use). No order of rules is left in a program; that is why the kernel needs none.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from compiler.classes import Membership, Universe
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


@dataclass(frozen=True, slots=True)
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
    def digest(self) -> str:
        """Name the group by who is in it, not by what the policies say, in 16 hex digits: edits keep the name."""
        who = [(policy.kind.value, policy.namespace, policy.name) for policy in self.policies]
        ports = [(port.name, port.protocol.value, port.number) for port in self.ports]
        return hashlib.sha256(repr((self.direction.value, who, ports)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _ReadyRule:
    """A rule with its questions turned into bits: `named` are ports that only some classes have."""

    action: Action
    anyone: bool
    peers: Membership
    packets: PacketSet
    named: tuple[tuple[Membership, PacketSet], ...]
    origin: Origin

    def meets(self, membership: Membership) -> bool:
        return self.anyone or bool(self.peers & membership)

    def matched(self, membership: Membership) -> PacketSet:
        packets = self.packets
        for bit, more in self.named:
            if bit & membership:
                packets |= more
        return packets


@dataclass(frozen=True, slots=True)
class _ReadyTier:
    rules: tuple[_ReadyRule, ...]
    isolation: Outcome | None


class Program:
    """The verdicts of one group, computed class by class when asked for.

    `mask` holds the atoms that the program asks about: classes that agree on them have one profile.
    """

    def __init__(self, group: Group, universe: Universe) -> None:
        self.group = group
        self._tiers = tuple(_tiers(group, universe))
        self.mask: Membership = 0
        for tier in self._tiers:
            for rule in tier.rules:
                self.mask |= rule.peers
                for bit, _packets in rule.named:
                    self.mask |= bit
        self._known: dict[Membership, Profile] = {}

    def profile(self, membership: Membership) -> Profile:
        """Return what becomes of packets between the group's pods and addresses of that membership."""
        key = membership & self.mask
        profile = self._known.get(key)
        if profile is None:
            profile = self._known[key] = Profile.of(self._settled(key))
        return profile

    def _settled(self, membership: Membership) -> Iterator[tuple[PacketSet, Outcome]]:
        pending = EVERY_PACKET
        for tier in self._tiers:
            passed = NO_PACKET
            for rule in tier.rules:
                if not rule.meets(membership):
                    continue
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
        yield pending, Outcome(accept=True, origin=DefaultOrigin(self.group.direction))


def _tiers(group: Group, universe: Universe) -> Iterator[_ReadyTier]:
    by_tier: Callable[[Policy], Tier] = lambda policy: policy.tier  # noqa: E731
    for tier, members in groupby(group.policies, by_tier):
        policies = tuple(members)
        rules = (
            _ready(rule, RuleOrigin.of(policy, group.direction, rule), group, universe)
            for policy in policies
            for rule in policy.rules(group.direction)
        )
        isolation = None
        if tier is Tier.NETWORK_POLICY:
            names = tuple(sorted((policy.namespace, policy.name) for policy in policies))
            isolation = Outcome(accept=False, origin=IsolationOrigin(group.direction, names))
        yield _ReadyTier(tuple(rules), isolation)


def _ready(rule: Rule, origin: Origin, group: Group, universe: Universe) -> _ReadyRule:
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
    return _ReadyRule(
        action=rule.action,
        anyone=Anyone() in rule.peers,
        peers=universe.peers(rule),
        packets=PacketSet.of(by_number),
        named=tuple(named),
        origin=origin,
    )
