"""What follows from selectors alone, whatever pods, namespaces and nodes there are.

For one label a selector allows a set of values, and perhaps the label's absence. Such a set is finite or has finitely
many exceptions, and labels do not depend on one another: so one selector implies another exactly when it can never
hold, or allows no more of any label. That is decided here exactly. What is said about whole rules is sound and not
complete: where several others cover one peer of a rule only together, the rule is not seen to be covered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import assert_never

from compiler.addresses import AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Operator, Requirement, Selector
from compiler.model import (
    AddressBlock,
    Anyone,
    DomainSelection,
    NamedPort,
    NamespaceNamed,
    NodeSelection,
    Peer,
    PodSelection,
    Policy,
    Protocol,
    Rule,
    Traffic,
)
from compiler.packets import ALL_PORTS, EVERY_PACKET, PacketSet

_EVERY_ADDRESS = AddressSet.of("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a selector allows of one label: these values, or all but these; and whether it may be missing."""

    values: frozenset[str]
    but: bool
    missing: bool

    @property
    def nothing(self) -> bool:
        """Whether no object can have it so."""
        return not (self.values or self.but or self.missing)

    def __and__(self, other: "Allowed") -> "Allowed":
        missing = self.missing and other.missing
        if self.but and other.but:
            return Allowed(self.values | other.values, but=True, missing=missing)
        if self.but:
            return Allowed(other.values - self.values, but=False, missing=missing)
        kept = self.values - other.values if other.but else self.values & other.values
        return Allowed(kept, but=False, missing=missing)

    def __le__(self, other: "Allowed") -> bool:
        if self.missing and not other.missing:
            return False
        if self.but:
            return other.but and other.values <= self.values
        return not self.values & other.values if other.but else self.values <= other.values


_ANYTHING = Allowed(frozenset(), but=True, missing=True)


@cache
def allowed(selector: Selector) -> Mapping[str, Allowed]:
    """Return what a selector allows of each label that it speaks of."""
    found: dict[str, Allowed] = {}
    for requirement in selector.requirements:
        found[requirement.key] = found.get(requirement.key, _ANYTHING) & _of(requirement)
    return found


def _of(requirement: Requirement) -> Allowed:
    values = frozenset(requirement.values)
    match requirement.operator:
        case Operator.IN:
            return Allowed(values, but=False, missing=False)
        case Operator.NOT_IN:
            return Allowed(values, but=True, missing=True)
        case Operator.EXISTS:
            return Allowed(frozenset(), but=True, missing=False)
        case Operator.DOES_NOT_EXIST:
            return Allowed(frozenset(), but=False, missing=True)
        case unreachable:
            assert_never(unreachable)


@cache
def impossible(selector: Selector) -> bool:
    """Say whether no labels at all meet a selector."""
    return any(each.nothing for each in allowed(selector).values())


@cache
def implies(narrow: Selector, wide: Selector) -> bool:
    """Say whether all labels that meet one selector meet the other."""
    if impossible(narrow):
        return True
    of_narrow = allowed(narrow)
    return all(of_narrow.get(key, _ANYTHING) <= bound for key, bound in allowed(wide).items())


@cache
def disjoint(left: Selector, right: Selector) -> bool:
    """Say whether no labels at all meet both selectors."""
    return impossible(Selector((*left.requirements, *right.requirements)))


def _namespaces(selection: PodSelection) -> Selector:
    where = selection.namespaces
    return Selector.of({NAMESPACE_NAME_LABEL: where.name}) if isinstance(where, NamespaceNamed) else where


def within(narrow: PodSelection, wide: PodSelection) -> bool:
    """Say whether one selection has no pod that the other has not, in any cluster."""
    if impossible(_namespaces(narrow)) or impossible(narrow.pods):
        return True
    return implies(_namespaces(narrow), _namespaces(wide)) and implies(narrow.pods, wide.pods)


def apart(left: PodSelection, right: PodSelection) -> bool:
    """Say whether two selections have no pod in common, in any cluster."""
    return disjoint(_namespaces(left), _namespaces(right)) or disjoint(left.pods, right.pods)


def peer_within(narrow: Peer, wide: Peer, *, by_name: bool) -> bool:
    """Say whether one peer is never somebody whom the other is not; `by_name` if rules name ports."""
    match narrow, wide:
        case _, Anyone():
            return True
        case PodSelection(), PodSelection():
            return within(narrow, wide)
        case NodeSelection(), NodeSelection():
            return implies(narrow.nodes, wide.nodes)
        case DomainSelection(), DomainSelection():
            return set(narrow.patterns) <= set(wide.patterns)
        case AddressBlock(), AddressBlock():
            return not narrow.addresses - wide.addresses
        case _, AddressBlock():
            # To networks, port names mean nothing, so they do not cover pods then (2.7).
            return not by_name and not _EVERY_ADDRESS - wide.addresses
        case _:
            return False


def literal(traffic: Iterable[Traffic]) -> PacketSet:
    """Return the packets that are meant by number."""
    return PacketSet.of(item for item in traffic if not isinstance(item, NamedPort))


def covers(policy: Policy, rule: Rule, others: Sequence[tuple[Policy, Rule]]) -> bool:
    """Say whether whatever meets a rule meets one of the others, in any cluster of any pods.

    For each peer, all others that hold that peer are taken together.
    """
    reaching = [(other, each) for other, each in others if within(policy.subject, other.subject)]
    names = [item for item in rule.traffic if isinstance(item, NamedPort)]
    wanted = literal(rule.traffic)
    for peer in rule.peers:
        packets = PacketSet()
        named: set[tuple[str, Protocol]] = set()
        for _other, each in reaching:
            has_names = bool(names) or any(isinstance(item, NamedPort) for item in each.traffic)
            if any(peer_within(peer, wide, by_name=has_names) for wide in each.peers):
                packets |= literal(each.traffic)
                found = (item for item in each.traffic if isinstance(item, NamedPort))
                named |= {(item.name, protocol) for item in found for protocol in item.protocols}
        if wanted - packets:
            return False
        for name in names:
            for protocol in name.protocols:
                if packets.ports(protocol) != ALL_PORTS and (name.name, protocol) not in named:
                    return False
    return bool(rule.peers)


def never_meet(policy: Policy, rule: Rule, other: Policy, another: Rule) -> bool:
    """Say whether nothing can meet both rules, as far as subjects and port numbers tell."""
    if apart(policy.subject, other.subject):
        return True
    named = any(isinstance(item, NamedPort) for item in (*rule.traffic, *another.traffic))
    return not named and not (EVERY_PACKET & literal(rule.traffic) & literal(another.traffic))
