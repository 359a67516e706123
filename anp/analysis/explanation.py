"""Why a connection gets through or not: a decision for each address family, ready for people and for machines."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from anp.analysis.ends import End
from anp.analysis.otherwise import otherwise
from anp.state.cluster import Cluster
from compiler.decision import Decision, Judgement, Matched, PolicyStep, TierStep
from compiler.model import DefaultOrigin, Flow, IsolationOrigin, Origin, Protocol, RuleOrigin, Tier
from compiler.semantics import decide


class NoCommonFamilyError(ValueError):
    """The two ends have no address family in common, so no packet can go between them."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One question and its answer: every decision that some pair of the ends' addresses leads to."""

    source: End
    destination: End
    protocol: Protocol
    port: int
    decisions: tuple[Decision, ...]

    @property
    def accepted(self) -> bool:
        """Whether the connection gets through with whatever addresses are used."""
        return all(decision.accepted for decision in self.decisions)


def explain(  # noqa: PLR0913 - the parts of one question
    cluster: Cluster, source: End, destination: End, protocol: Protocol, port: int, *, hairpin: bool = False
) -> Explanation:
    """Decide the connection for the addresses of both ends that share a family.

    Raises:
        NoCommonFamilyError: there are none.

    """
    flows = [
        Flow(ours, theirs, protocol, 0 if protocol is Protocol.OTHER else port, hairpin=hairpin)
        for ours in source.addresses
        for theirs in destination.addresses
        if ours.version == theirs.version
    ]
    if not flows:
        raise NoCommonFamilyError(
            f"{source.name} has {_families(source)} and {destination.name} has {_families(destination)}: "
            "no packet can go between them"
        )
    decisions = tuple(decide(cluster.snapshot, flow) for flow in flows)
    return Explanation(source, destination, protocol, port, decisions)


def _families(end: End) -> str:
    versions = sorted({address.version for address in end.addresses})
    return " and ".join(f"IPv{version}" for version in versions)


def as_json(explanation: Explanation, cluster: Cluster) -> dict[str, Any]:
    """Return the explanation as a JSON document of kind ``Explanation``, version 1.

    What is one of a few things is a word that stays the same; `text`, `peer` and `traffic` are for people.
    """
    return {
        "kind": "Explanation",
        "version": 1,
        "from": explanation.source.name,
        "to": explanation.destination.name,
        "protocol": explanation.protocol.value,
        "port": None if explanation.protocol is Protocol.OTHER else explanation.port,
        "accepted": explanation.accepted,
        "decisions": [_decision(decision, cluster) for decision in explanation.decisions],
    }


def _decision(decision: Decision, cluster: Cluster) -> dict[str, Any]:
    return {
        "source": str(decision.flow.source),
        "destination": str(decision.flow.destination),
        "accepted": decision.accepted,
        "egress": _judgement(decision.egress, decision.flow, cluster),
        "ingress": _judgement(decision.ingress, decision.flow, cluster),
    }


def _judgement(judgement: Judgement, flow: Flow, cluster: Cluster) -> dict[str, Any]:
    return {
        "pod": str(judgement.pod) if judgement.pod else None,
        "accepted": judgement.accepted,
        "exemption": _word(judgement.exemption) if judgement.exemption else None,
        "decidedBy": _origin(judgement.origin, cluster),
        "otherwise": [
            {"accepted": each.accepted, "decidedBy": _origin(each.origin, cluster)}
            for each in otherwise(cluster.snapshot, flow, judgement)
        ],
        "tiers": [_tier(step) for step in judgement.steps],
    }


def _origin(origin: Origin, cluster: Cluster) -> dict[str, Any]:
    text = {"text": str(origin)}
    match origin:
        case RuleOrigin():
            place = cluster.locate(origin)
            return {
                "type": "rule",
                **text,
                "tier": origin.tier.title,
                "kind": origin.kind.value,
                "namespace": origin.namespace or None,
                "name": origin.policy,
                "direction": origin.direction.value,
                "index": origin.index,
                "rule": origin.rule or None,
                "file": place.file if place else None,
                "line": (place.line or None) if place else None,
            }
        case IsolationOrigin():
            policies = [{"namespace": namespace, "name": name} for namespace, name in origin.policies]
            return {"type": "isolation", **text, "policies": policies}
        case DefaultOrigin():
            return {"type": "default", **text}
        case unreachable:
            assert_never(unreachable)


def _tier(step: TierStep) -> dict[str, Any]:
    return {
        "tier": step.tier.title,
        "outcome": _word(step.outcome),
        "policies": [
            {
                "kind": policy.policy.kind.value,
                "namespace": policy.policy.namespace or None,
                "name": policy.policy.name,
                "priority": None if step.tier is Tier.NETWORK_POLICY else policy.policy.priority,
                "isolates": policy.isolates,
                "rules": list(_rules(policy)),
            }
            for policy in step.policies
        ],
    }


def _rules(step: PolicyStep) -> Iterator[dict[str, Any]]:
    for rule_step in step.rules:
        rule = rule_step.rule
        said: dict[str, Any] = {"index": rule.index, "name": rule.name or None, "action": rule.action.value}
        if rule.failed_closed:
            said["failedClosed"] = rule.failed_closed
        if isinstance(rule_step, Matched):
            yield {**said, "matched": True, "peer": str(rule_step.peer), "traffic": str(rule_step.traffic)}
        else:
            yield {**said, "matched": False, "reason": _word(rule_step.reason)}


def _word(value: enum.Enum) -> str:
    """Return what programs read: unlike the sentences that people read, it does not get better over time."""
    return value.name.lower().replace("_", "-")
