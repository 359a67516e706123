"""Objects as an API server has them, in the place of objects from files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from anp import api
from anp.api.objects import Resource
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic
from anp.sources.manifests import Loaded, describe
from anp.sources.positions import Positions

_NO_POSITIONS = Positions(0, 0)
_OURS, _APPLIED = ("anp-lint/", "lint.anp.internal/"), "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Observed(Loaded):
    """An object of a running cluster: its place is the object itself, in the version that was read.

    `annotations` are those of a policy that lint reads; all others are many, long, and nothing to policies.
    """

    observed: ClassVar[bool] = True

    annotations: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


def observe(resource: Resource, document: Mapping[str, Any]) -> tuple[Observed | None, list[Diagnostic]]:
    """Make an object of an entry of a list, or say why there is none; entries do not say of what kind they are."""
    whole = {**document, "apiVersion": resource.api_version, "kind": resource.kind}
    raw = document.get("metadata")
    metadata: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    at = place_of(resource, metadata)
    try:
        parsed = api.parse(whole, admission=api.Admission.OBSERVED)
    except api.InvalidObjectError as error:
        label = _label(resource, metadata)
        told = [(Severity.WARNING, problem) for problem in error.warnings]
        told += [(Severity.ERROR, problem) for problem in error.problems]
        return None, [diagnostic(weight, p.message, at=at, about=label, field=p.path) for weight, p in told]
    kept = _annotations(metadata) if isinstance(parsed.object, api.PolicyObject) else {}
    about = describe(parsed.object)
    said = [
        diagnostic(Severity.WARNING, problem.message, at=at, about=about, field=problem.path)
        for problem in parsed.warnings
    ]
    return Observed(parsed.object, at, _NO_POSITIONS, kept), said


def place_of(resource: Resource, metadata: Mapping[str, Any]) -> Location:
    """Return the place of an object: which one, and in which version."""
    return Location(f"{_label(resource, metadata)} (resourceVersion {metadata.get('resourceVersion') or 'unknown'})")


def _label(resource: Resource, metadata: Mapping[str, Any]) -> str:
    parts = (metadata.get("namespace"), metadata.get("name"))
    return f"{resource.kind} {'/'.join(str(part) for part in parts if part)}"


def _annotations(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    written = metadata.get("annotations")
    if not isinstance(written, dict):
        return {}
    return {
        key: value
        for key, value in written.items()
        if isinstance(value, str) and (key.startswith(_OURS) or key == _APPLIED)
    }
