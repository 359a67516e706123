"""A picture as a document for programs."""

from typing import Any

from anp.analysis.graph.model import Picture, PolicyBox, RuleBox


def as_json(picture: Picture) -> dict[str, Any]:
    """Return the picture as a JSON document of kind ``Graph``, version 1; edges are always those between rules."""
    return {
        "kind": "Graph",
        "version": 1,
        "detail": picture.detail.value,
        "tiers": [
            {"tier": band.tier.title, "policies": [_policy(policy) for policy in band.policies]}
            for band in picture.bands
        ],
        "programs": [
            {
                "id": program.id,
                "digest": program.digest,
                "direction": program.direction.value,
                "pods": program.pods,
                "workloads": list(program.workloads),
                "policies": list(program.policies),
            }
            for program in picture.programs
        ],
        "classes": [
            {"id": one.id, "digest": one.digest, "about": list(one.about), "addresses": one.addresses}
            for one in picture.classes
        ],
        "edges": [{"from": edge.source, "to": edge.target, "relation": edge.relation.value} for edge in picture.edges],
    }


def _policy(policy: PolicyBox) -> dict[str, Any]:
    return {
        "id": policy.id,
        "kind": policy.kind,
        "policy": policy.label,
        "namespace": policy.namespace or None,
        "priority": policy.priority,
        "rules": [_rule(rule) for rule in policy.rules],
    }


def _rule(rule: RuleBox) -> dict[str, Any]:
    return {
        "id": rule.id,
        "direction": rule.direction.value,
        "rank": rule.rank,
        "level": rule.level,
        "action": rule.action.value,
        "title": rule.title,
        "about": rule.about,
        "standing": rule.standing.value,
    }
