"""Who decided, in words for people and for programs, with the places where it was written."""

from typing import Any

from anp.sources.diagnostics import Location
from anp.sources.manifests import Loaded
from anp.state.cluster import Cluster
from compiler.model import DefaultOrigin, IsolationOrigin, Origin, PolicyKind, RuleOrigin


def places(origin: Origin, cluster: Cluster) -> list[Location]:
    """Return where a rule, or the policies that isolate a pod, were written, as far as that is known."""
    match origin:
        case RuleOrigin():
            place = cluster.locate(origin)
            return [place] if place else []
        case IsolationOrigin(_direction, policies):
            kind = PolicyKind.NETWORK_POLICY.value
            items = (cluster.items.get((kind, namespace, name)) for namespace, name in policies)
            return [item.locate(("metadata", "name")) for item in items if isinstance(item, Loaded)]
        case DefaultOrigin():
            return []


def said_by(origin: Origin, cluster: Cluster) -> dict[str, Any]:
    """Return who decided as part of a document: what kind of thing, its name for people, and its places."""
    kinds = {RuleOrigin: "rule", IsolationOrigin: "isolation", DefaultOrigin: "default"}
    at = [{"file": place.file, "line": place.line or None} for place in places(origin, cluster)]
    return {"type": kinds[type(origin)], "text": str(origin), "places": at}
