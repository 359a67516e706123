"""One object that somebody wants to store: what it means, and what of it is not understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anp import api
from anp.admission.known import Identity
from anp.api.objects import Resource
from anp.live.observed import Observed, observe
from anp.sources.diagnostics import FieldPath, Severity
from anp.sources.manifests import identity
from anp.state.assembly import remarks
from compiler.model import Policy


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about the object alone, whatever else there is in the cluster."""

    severity: Severity
    path: FieldPath
    message: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, and the policy that it means."""

    item: Observed
    policy: Policy


@dataclass(frozen=True, slots=True)
class Submission:
    """An object that is to be stored, in the place of an earlier version if there is one.

    `new` is None where the object cannot be read at all. It is known under the name `key`.
    """

    key: Identity
    old: Version | None
    new: Version | None
    notes: tuple[Note, ...]

    @property
    def changes(self) -> bool:
        """Whether findings can be others than before."""
        if self.new is None or self.old is None:
            return self.new is not None
        before, after = self.old, self.new
        same = before.policy == after.policy and before.item.annotations == after.item.annotations
        return not same or _spec(before.item) != _spec(after.item)


def submission(
    resource: Resource, name: tuple[str, str], document: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Submission:
    """Read an object, as a controller will that finds it stored, and as `anp lint` does that is given it as a file."""
    new, notes = _version(resource, document)
    old = _version(resource, before)[0] if before is not None else None
    notes = list(dict.fromkeys((*_refused(document, resource), *notes)))
    key = identity(new.item.object) if new is not None else (resource.kind, *name)
    return Submission(key, old, new, tuple(sorted(notes, key=lambda note: note.severity)))


def _version(resource: Resource, document: Mapping[str, Any]) -> tuple[Version | None, list[Note]]:
    item, _said = observe(resource, document)
    if item is None or not isinstance(item.object, api.PolicyObject):
        return None, [Note(Severity.ERROR, (), "it cannot be read, so that it would not be in force")]
    translation = api.to_policy(item.object)
    return Version(item, translation.policy), [Note(*_turned(remark)) for remark in remarks(translation)]


def _refused(document: Mapping[str, Any], resource: Resource) -> list[Note]:
    """Return what a manifest would be refused for, or warned about."""
    whole = {**document, "apiVersion": resource.api_version, "kind": resource.kind}
    try:
        parsed = api.parse(whole)
    except api.InvalidObjectError as error:
        found = [Note(Severity.ERROR, problem.path, problem.message) for problem in error.problems]
        return [*found, *(Note(Severity.WARNING, problem.path, problem.message) for problem in error.warnings)]
    return [Note(Severity.WARNING, problem.path, problem.message) for problem in parsed.warnings]


def _turned(remark: tuple[Severity, str, FieldPath]) -> tuple[Severity, FieldPath, str]:
    severity, message, path = remark
    return severity, path, message


def _spec(item: Observed) -> object:
    return getattr(item.object, "spec", None)
