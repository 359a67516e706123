"""Kubernetes Events about policies: what is refused, what fails closed, and what is probably not as meant. No I/O."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anp.api.objects import Resource
from anp.controller.cluster import Picture
from anp.controller.kinds import named
from anp.controller.status import Findings
from anp.sources.diagnostics import Severity
from anp.state.cluster_state import Identity

EVENTS = Resource("events.k8s.io", "v1", "Event", "events", namespaced=True)

_HOME = "default"
"""The namespace with the Events about what has none."""
_NOTE = 1024
"""Characters that the API takes of a note."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something to tell about one version of an object; it is told once, as its name depends on nothing else."""

    identity: Identity
    uid: str
    reason: str
    note: str
    name: str

    @property
    def where(self) -> str:
        """The namespace of the Event."""
        return self.identity[1] or _HOME


def occurrences(picture: Picture, findings: Findings) -> Iterator[Occurrence]:
    """Yield all that there is to tell."""
    for identity, refusal in picture.refusals.items():
        yield _occurrence(identity, refusal.uid, refusal.generation, "Unreadable", refusal.message)
    for identity, found in findings.items():
        known = picture.policies.get(identity)
        for severity, message in found if known and identity not in picture.refusals else ():
            if severity <= Severity.WARNING and known:
                reason = "FailedClosed" if "fails closed" in message else "NotAsMeant"
                yield _occurrence(identity, known.uid, known.generation, reason, message)


def event_of(found: Occurrence, reporter: str) -> dict[str, Any]:
    """Write an occurrence as the API wants it."""
    resource = named(found.identity[0])
    regarding = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": found.identity[2],
        "namespace": found.identity[1],
        "uid": found.uid,
    }
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": found.name, "namespace": found.where},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": "anp.internal/controller",
        "reportingInstance": reporter,
        "action": "Compile",
        "reason": found.reason,
        "type": "Warning",
        "note": found.note[:_NOTE],
        "regarding": {key: value for key, value in regarding.items() if value},
    }


def _occurrence(identity: Identity, uid: str, generation: int, reason: str, note: str) -> Occurrence:
    digest = hashlib.sha256(repr((uid, generation, reason, note)).encode()).hexdigest()[:16]
    # A name of ours must fit behind that of the object, which has 253 characters at most.
    return Occurrence(identity, uid, reason, note, f"{identity[2][:230].rstrip('.-')}.{digest}")
