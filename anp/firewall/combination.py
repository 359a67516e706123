"""Several sources as one firewall: dumps of two address families, or firewalls that packets pass in turn."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from anp.firewall.model import Firewall, Rule, RuleList, Statement
from compiler.addresses import AddressSet, IpVersion


def shared_families(firewalls: Sequence[Firewall]) -> frozenset[IpVersion]:
    """Return the address families that more than one firewall speaks of: there they stand in series."""
    seen: set[IpVersion] = set()
    shared: set[IpVersion] = set()
    for firewall in firewalls:
        spoken = {version for rule_list in firewall.lists for version in rule_list.versions}
        shared |= seen & spoken
        seen |= spoken
    return frozenset(shared)


def combined(firewalls: Sequence[Firewall]) -> Firewall:
    """Return one firewall that permits what each permits that is asked; statements keep their order."""
    if len(firewalls) == 1:
        return firewalls[0]
    statements: list[Statement] = []
    lists: list[RuleList] = []
    groups: dict[str, AddressSet] = {}
    interfaces: dict[str, AddressSet] = {}
    for firewall in firewalls:
        first = len(statements)
        statements += (replace(one, number=one.number + first) for one in firewall.statements)
        lists += (replace(one, rules=tuple(_moved(one.rules, first))) for one in firewall.lists)
        for into, found in ((groups, firewall.groups), (interfaces, firewall.interfaces)):
            for name, addresses in found.items():
                into[name] = into.get(name, AddressSet()) | addresses
    digests = "".join(firewall.digest for firewall in firewalls)
    return Firewall(
        ", ".join(firewall.source for firewall in firewalls),
        ", ".join(dict.fromkeys(firewall.format for firewall in firewalls)),
        hashlib.sha256(digests.encode()).hexdigest(),
        tuple(statements),
        tuple(lists),
        groups,
        interfaces,
        tuple(sorted({found for firewall in firewalls for found in firewall.diagnostics})),
    )


def _moved(rules: Sequence[Rule], first: int) -> Iterator[Rule]:
    for rule in rules:
        yield replace(rule, statement=rule.statement + first, through=tuple(number + first for number in rule.through))
