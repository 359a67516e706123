"""A comparison as a document for programs."""

from typing import Any

from anp.analysis.difference import Change, Comparison
from anp.analysis.parties import Party
from anp.analysis.places import said_by
from anp.analysis.wording import packets_list
from anp.state.cluster import Cluster
from compiler.diagram.turns import Way
from compiler.model import Flow, Protocol

WAYS = {Way.OPENED: "gained", Way.SHUT: "lost"}


def as_json(comparison: Comparison, old: Cluster, new: Cluster, *, policies_only: bool) -> dict[str, Any]:
    """Return the comparison as a JSON document of kind ``Difference``, version 1."""
    movements = comparison.movements
    return {
        "kind": "Difference",
        "version": 1,
        "same": comparison.same,
        "policiesOnly": policies_only,
        "gained": len(comparison.of(Way.OPENED)),
        "lost": len(comparison.of(Way.SHUT)),
        "changes": [_change(change, old, new) for change in comparison.changes],
        "come": list(movements.come),
        "gone": list(movements.gone),
        "readdressed": list(movements.readdressed),
        "affectsThoseWhoMove": comparison.strangers,
    }


def _change(change: Change, old: Cluster, new: Cluster) -> dict[str, Any]:
    return {
        "change": WAYS[change.way],
        "cause": change.cause.value,
        "from": [party_json(party) for party in change.sources],
        "to": [party_json(party) for party in change.destinations],
        "traffic": packets_list(change.packets),
        "families": list(change.families),
        "scope": change.kinship.value,
        "ends": [
            {
                "direction": turn.direction.value,
                "before": {"accepted": turn.before.accept, **said_by(turn.before.origin, old)},
                "after": {"accepted": turn.after.accept, **said_by(turn.after.origin, new)},
            }
            for turn in change.turns
        ],
        "examples": [flow_json(flow) for flow in change.witnesses],
    }


def party_json(party: Party) -> dict[str, Any]:
    """Return a party as part of a document."""
    return {"type": party.kind.value, "namespace": party.namespace or None, "name": party.name or None}


def flow_json(flow: Flow) -> dict[str, Any]:
    """Return a flow as part of a document."""
    return {
        "source": str(flow.source),
        "destination": str(flow.destination),
        "protocol": flow.protocol.value,
        "port": None if flow.protocol is Protocol.OTHER else flow.port,
        "hairpin": flow.hairpin,
    }
