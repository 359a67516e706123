"""Every list of a firewall as one list over addresses: interfaces become addresses, lists in series become one.

What is left is what translation and proof both start from: for each packet that the firewall is asked about, the first
rule that matches decides.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from anp.firewall.inventory.model import Inventory
from anp.firewall.model import EVERY_ADDRESS, Action, Firewall, InterfaceMatch, Rule, RuleList, common
from compiler.addresses import VERSIONS, AddressSet, IpVersion


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An interface that a statement asks for and that the mapping does not know; `statement` is None for a list."""

    interface: str
    list: str
    statement: int | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """One list of rules without interfaces, which together match every packet that meets the firewall at all.

    `versions` are the families that it speaks of: of others it says nothing. Each rule's `statement` is the one that
    decides; in series, `through` also has those that permitted before.
    """

    rules: tuple[Rule, ...]
    versions: frozenset[IpVersion]
    unresolved: tuple[Unresolved, ...] = ()


def resolve(firewall: Firewall, inventory: Inventory) -> Resolved:
    """Bring a firewall into one list, with the mapping's segments for its interfaces."""
    unresolved = [*_unresolved(firewall.lists, inventory)]
    rules: Sequence[Rule] = ()
    for rule_list in firewall.lists:
        rules = _in_series(rules, tuple(_plain(rule_list, inventory)))
    versions = frozenset(version for rule_list in firewall.lists for version in rule_list.versions)
    return Resolved(tuple(rules), versions, tuple(unresolved))


def _plain(rule_list: RuleList, inventory: Inventory) -> Iterator[Rule]:
    """Yield a list's rules as far as there are packets that meet them."""
    families = AddressSet(
        *(EVERY_ADDRESS.ranges(version) if version in rule_list.versions else () for version in VERSIONS)
    )
    sources = common(families, _behind(rule_list.incoming, inventory))
    destinations = common(families, _behind(rule_list.outgoing, inventory))
    for rule in rule_list.rules:
        senders = common(common(rule.sources, sources), _behind(rule.incoming, inventory))
        receivers = common(common(rule.destinations, destinations), _behind(rule.outgoing, inventory))
        if _possible(senders, receivers) and rule.services:
            yield replace(rule, sources=senders, destinations=receivers, incoming=(), outgoing=())


def _in_series(first: Sequence[Rule], second: Sequence[Rule]) -> Sequence[Rule]:
    """Return the list that permits what both permit; packets that only one of them is about are that one's alone."""
    if not first:
        return second
    found: list[Rule] = []
    for rule in first:
        if rule.action is Action.PERMIT:
            found += (both for other in second if (both := _both(rule, other)) is not None)
            if second and _covers(second[-1], rule):
                continue
        # What the second list is not about, the first has decided.
        found.append(rule)
    return (*found, *second)


def _both(permit: Rule, then: Rule) -> Rule | None:
    sources = common(permit.sources, then.sources)
    destinations = common(permit.destinations, then.destinations)
    services = permit.services & then.services
    if not (services and _possible(sources, destinations)):
        return None
    return replace(
        then,
        sources=sources,
        destinations=destinations,
        services=services,
        conditions=(*permit.conditions, *then.conditions),
        through=(*permit.through, permit.statement, *then.through),
    )


def _covers(last: Rule, rule: Rule) -> bool:
    """Say whether a list decides about every packet of a rule, by its last rule, which has no condition."""
    return not (last.conditions or rule.sources - last.sources or rule.destinations - last.destinations) and not (
        rule.services - last.services
    )


def _possible(sources: AddressSet, destinations: AddressSet) -> bool:
    return any(sources.ranges(version) and destinations.ranges(version) for version in VERSIONS)


def _behind(matches: Iterable[InterfaceMatch], inventory: Inventory) -> AddressSet:
    return reduce(common, (inventory.behind(match) for match in matches), EVERY_ADDRESS)


def _unresolved(lists: Iterable[RuleList], inventory: Inventory) -> Iterator[Unresolved]:
    for rule_list in lists:
        for match in (*rule_list.incoming, *rule_list.outgoing):
            for name in inventory.unknown_interfaces(match):
                yield Unresolved(name, rule_list.name, None)
        for rule in rule_list.rules:
            for match in (*rule.incoming, *rule.outgoing):
                for name in inventory.unknown_interfaces(match):
                    yield Unresolved(name, rule_list.name, rule.statement)
