"""What is allowed and probably not meant: said about policies once the whole cluster is known."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from anp.sources.diagnostics import FieldPath, Severity
from anp.state.disjoint import Company
from anp.state.selection import PodIndex
from compiler.domains import domain_matches
from compiler.model import (
    AddressBlock,
    Anyone,
    Direction,
    DomainSelection,
    NamedPort,
    NodeSelection,
    Pod,
    PodSelection,
    Policy,
    Rule,
    Snapshot,
    Tier,
)

Advice: TypeAlias = tuple[Policy, FieldPath, Severity, str]
"""A policy, the field that the advice is about, how much it matters, and the advice."""

_SHOWN = 3
"""How many names a sentence lists before it counts the rest."""


def advice(snapshot: Snapshot, *, learning: bool) -> Iterator[Advice]:
    """Yield all advice on the policies of a cluster; with `learning`, also on domain names without addresses."""
    yield from _ties(snapshot)
    index = PodIndex(snapshot.namespaces, snapshot.pods)
    everyone = tuple(pod for pod in snapshot.pods if pod.governed)
    for policy in snapshot.policies:
        yield from _subject(policy, index)
        for direction in Direction:
            for rule in policy.rules(direction):
                path: FieldPath = ("spec", direction.value, rule.index)
                yield from ((policy, path, *said) for said in _ports(policy, direction, rule, index, everyone))
                if learning:
                    yield from ((policy, path, *said) for said in _domains(rule, snapshot))


def _ties(snapshot: Snapshot) -> Iterator[Advice]:
    """Tell of policies that nobody can rely on being asked in this order (2.2)."""
    groups: dict[tuple[Tier, int], list[Policy]] = defaultdict(list)
    for policy in snapshot.policies:
        if policy.tier is not Tier.NETWORK_POLICY:
            groups[policy.tier, policy.priority].append(policy)
    for group in groups.values():
        company = Company([policy.subject for policy in group]) if len(group) > 1 else None
        for place, later in enumerate(group):
            # Policies that can have no pod in common are never asked about one.
            together = (group[number] for number in company.before(place)) if company else ()
            earlier = next((other for other in together if _both_concern(other, later)), None)
            if earlier is not None:
                message = (
                    f"{earlier} has the same priority {later.priority} in tier {later.tier.title}; "
                    f"which comes first is undefined, and here it is the other one, by name"
                )
                yield later, ("spec", "priority"), Severity.WARNING, message


def _both_concern(one: Policy, other: Policy) -> bool:
    return any(one.concerns(direction) and other.concerns(direction) for direction in Direction)


def _subject(policy: Policy, index: PodIndex) -> Iterator[Advice]:
    path: FieldPath = ("spec", "podSelector" if policy.tier is Tier.NETWORK_POLICY else "subject")
    labelled = index.labelled(policy.subject)
    aside = [pod for pod in labelled if pod.host_network and not pod.terminated]
    if aside:
        message = f"host-network pods are not selected, although their labels fit: {_names(aside)}"
        yield policy, path, Severity.INFO, message
    if not any(pod.governed for pod in labelled):
        yield policy, path, Severity.INFO, "the policy selects no pod at present"


def _ports(
    policy: Policy, direction: Direction, rule: Rule, index: PodIndex, everyone: tuple[Pod, ...]
) -> Iterator[tuple[Severity, str]]:
    """Tell of named ports that no pod at the destination declares, so that nothing matches (2.7)."""
    named = [traffic for traffic in rule.traffic if isinstance(traffic, NamedPort)]
    if not named:
        return
    selections = [policy.subject] if direction is Direction.INGRESS else list(rule.peers)
    destinations: list[Pod] = []
    for selection in selections:
        match selection:
            case PodSelection():
                destinations += index.governed(selection)
            case Anyone():
                destinations += everyone
            case NodeSelection() | AddressBlock() | DomainSelection():
                pass  # an address without a pod declares nothing
    if not destinations:
        return
    declared = {(port.name, port.protocol) for pod in destinations for port in pod.ports}
    for traffic in named:
        if declared.isdisjoint((traffic.name, protocol) for protocol in traffic.protocols):
            yield Severity.INFO, f"no pod that this rule leads to declares a {traffic}, so it matches nothing"


def _domains(rule: Rule, snapshot: Snapshot) -> Iterator[tuple[Severity, str]]:
    patterns = {pattern for peer in rule.peers if isinstance(peer, DomainSelection) for pattern in peer.patterns}
    for pattern in sorted(patterns):
        if not any(addresses and domain_matches(pattern, name) for name, addresses in snapshot.learned.items()):
            yield Severity.INFO, f"no address has been learned for {pattern} yet, so it matches nothing"


def _names(pods: list[Pod]) -> str:
    rest = f" and {len(pods) - _SHOWN} more" if len(pods) > _SHOWN else ""
    return ", ".join(map(str, pods[:_SHOWN])) + rest
