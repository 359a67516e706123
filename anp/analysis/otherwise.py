"""Who would decide if what decides were not there, and who if that were not there either, down to the default.

`compiler.semantics.decide` is asked each time, about the cluster without the rules that were named before: nothing is
derived from how the first decision went.
"""

from dataclasses import dataclass, replace

from compiler.decision import Judgement
from compiler.model import (
    DefaultOrigin,
    Direction,
    Flow,
    IsolationOrigin,
    Origin,
    Policy,
    PolicyKind,
    RuleOrigin,
    Snapshot,
)
from compiler.semantics import decide

MAX_ALTERNATIVES = 5
"""How far down it is told: after so many rules it is time to change something else."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What an end would say, and by whose word, if all who were named before were not there."""

    accepted: bool
    origin: Origin


def otherwise(snapshot: Snapshot, flow: Flow, judgement: Judgement) -> tuple[Alternative, ...]:
    """Return who would decide at this end without its decider, without that one too, and so on.

    The last is the default, unless there are too many. An end that nobody judges has none, and neither has the default.
    """
    found: list[Alternative] = []
    if not isinstance(judgement.origin, DefaultOrigin):
        snapshot = _around(snapshot, flow)
    while not isinstance(judgement.origin, DefaultOrigin) and len(found) < MAX_ALTERNATIVES:
        snapshot = without(snapshot, judgement.origin)
        decision = decide(snapshot, flow)
        judgement = decision.egress if judgement.direction is Direction.EGRESS else decision.ingress
        found.append(Alternative(judgement.accepted, judgement.origin))
    return tuple(found)


def _around(snapshot: Snapshot, flow: Flow) -> Snapshot:
    """Return the cluster with no other pods than those at the ends: what others there are has no say in a flow."""
    ends = {flow.source, flow.destination}
    return replace(snapshot, pods=tuple(pod for pod in snapshot.pods if not ends.isdisjoint(pod.addresses)))


def without(snapshot: Snapshot, origin: Origin) -> Snapshot:
    """Return the cluster without a rule, or without the isolation of one direction by some NetworkPolicies.

    Other rules keep their numbers, which are where they are written.
    """
    match origin:
        case RuleOrigin():
            named = (origin.kind, origin.namespace, origin.policy)
            policies = [
                _without_rule(policy, origin) if (policy.kind, policy.namespace, policy.name) == named else policy
                for policy in snapshot.policies
            ]
        case IsolationOrigin(direction, isolating):
            policies = [
                replace(policy, isolates=policy.isolates - {direction})
                if policy.kind is PolicyKind.NETWORK_POLICY and (policy.namespace, policy.name) in isolating
                else policy
                for policy in snapshot.policies
            ]
        case DefaultOrigin():
            return snapshot
    return replace(snapshot, policies=tuple(policies))


def _without_rule(policy: Policy, origin: RuleOrigin) -> Policy:
    rules = tuple(rule for rule in policy.rules(origin.direction) if rule.index != origin.index)
    return replace(policy, ingress=rules) if origin.direction is Direction.INGRESS else replace(policy, egress=rules)
