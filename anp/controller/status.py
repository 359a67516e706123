"""What policies' statuses say: whether a policy is understood, and on how many nodes it is in force. No I/O."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from anp import api
from anp.api.objects import Resource
from anp.controller.cluster import Picture
from anp.sources.diagnostics import FieldPath, Severity, field_text
from anp.state.advice import advice
from anp.state.cluster_state import PROGRAMMED, Identity, Remark
from anp.state.nodes import NodeReport
from compiler.model import Policy

ACCEPTED = "Accepted"
_LONGEST = 4_096
"""Of a message; the API takes 32768, and nobody reads that."""
_SHOWN = 3

Finding: TypeAlias = tuple[Severity, str]
"""How much it matters, and what to know about a policy, with the field that it is about."""
Findings: TypeAlias = Mapping[Identity, tuple[Finding, ...]]
Version: TypeAlias = tuple[str, int]
"""uid and generation of the spec."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without the moment since which it holds."""

    type: str
    status: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one version of a policy."""

    version: Version
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """The uid of the manifest, and the number of the generation that brought each version of a policy."""

    manifest: str = ""
    numbers: Mapping[tuple[Identity, str, int], int] = field(default_factory=dict)


def conditions(picture: Picture, progress: Progress, findings: Findings) -> Mapping[Identity, Conditions]:
    """Return the conditions of the policies that have a status; `findings` are what there is to know of them."""
    wanted: dict[Identity, Conditions] = {}
    for identity, known in picture.policies.items():
        if identity[0] == api.NetworkPolicy.resource.kind or identity in picture.refusals:
            continue
        number = progress.numbers.get((identity, known.uid, known.generation))
        wanted[identity] = Conditions(
            (known.uid, known.generation),
            (_accepted(findings.get(identity, ())), _programmed(picture, progress.manifest, number)),
        )
    for identity, refusal in picture.refusals.items():
        if _has_status(identity[0]):
            before = "what it said before stays in force" if identity in picture.policies else "it is not in force"
            text = _short(f"{refusal.message}; {before}")
            wanted[identity] = Conditions(
                (refusal.uid, refusal.generation),
                (
                    Condition(ACCEPTED, False, "Unreadable", text),  # noqa: FBT003 - the status of a condition
                    Condition(PROGRAMMED, False, "Unreadable", "this version is in force nowhere"),  # noqa: FBT003
                ),
            )
    return wanted


def status_patch(resource: Resource, current: Mapping[str, Any], wanted: Conditions) -> dict[str, Any] | None:
    """Return what to apply to the status of the object as it is now; None if it is as wanted, or another object."""
    metadata = current["metadata"]
    if (metadata.get("uid") or "") != wanted.version[0]:
        return None
    status = current.get("status") or {}
    there = {entry.get("type"): entry for entry in status.get("conditions") or () if isinstance(entry, dict)}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries, changed = [], False
    for condition in wanted.conditions:
        known = there.get(condition.type, {})
        status_text = "True" if condition.status else "False"
        same = known.get("status") == status_text
        entry = {
            "type": condition.type,
            "status": status_text,
            "reason": condition.reason,
            "message": condition.message,
            "observedGeneration": wanted.version[1],
            "lastTransitionTime": known.get("lastTransitionTime") if same else now,
        }
        entries.append(entry)
        changed |= entry != known
    if not changed:
        return None
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": metadata["name"], "uid": metadata["uid"]},
        "status": {"conditions": entries},
    }


def findings_of(picture: Picture) -> Findings:
    """Return what there is to know about each policy. This looks at every pod for every policy."""
    found: dict[Identity, dict[Finding, None]] = defaultdict(dict)

    def add(identity: Identity, remark: Remark) -> None:
        severity, message, path = remark
        found[identity][severity, _placed(message, path)] = None

    for identity, known in picture.policies.items():
        for remark in known.remarks:
            add(identity, remark)
    for policy, path, severity, message in advice(picture.snapshot, learning=False):
        add(_identity(policy), (severity, message, path))
    return {identity: tuple(sorted(each)) for identity, each in found.items()}


def _accepted(findings: tuple[Finding, ...]) -> Condition:
    if not findings:
        return Condition(ACCEPTED, True, "Accepted", "all of it is understood")  # noqa: FBT003
    worst = findings[0][0]
    reason = "AcceptedWithWarnings" if worst <= Severity.WARNING else "Accepted"
    return Condition(ACCEPTED, True, reason, _short("; ".join(message for _severity, message in findings)))  # noqa: FBT003


def _programmed(picture: Picture, manifest: str, number: int | None) -> Condition:
    every = len(picture.nodes)
    if number is None:
        return Condition(PROGRAMMED, False, "Pending", "not published yet")  # noqa: FBT003
    ready = {name for name in picture.nodes if _runs(picture.reports.get(name), manifest, number)}
    text = f"in force on {len(ready)} of {every} nodes, since generation {number}"
    if len(ready) == every and every:
        return Condition(PROGRAMMED, True, "Programmed", text)  # noqa: FBT003
    if not every:
        return Condition(PROGRAMMED, False, "NoNodes", "there are no nodes")  # noqa: FBT003
    missing = sorted(set(picture.nodes) - ready)
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    text += f"; missing: {', '.join(missing[:_SHOWN])}{more}"
    errors = [f"{name}: {report.error}" for name in missing if (report := picture.reports.get(name)) and report.error]
    if errors:
        return Condition(PROGRAMMED, False, "NodesFailing", _short(f"{text}; {errors[0]}"))  # noqa: FBT003
    return Condition(PROGRAMMED, False, "Pending", text)  # noqa: FBT003


def _runs(report: NodeReport | None, manifest: str, number: int) -> bool:
    return report is not None and report.manifest in {manifest, ""} and report.generation >= number


def _has_status(kind: str) -> bool:
    return kind in {
        api.AdminNetworkPolicy.resource.kind,
        api.BaselineAdminNetworkPolicy.resource.kind,
        api.ClusterNetworkPolicy.resource.kind,
    }


def _identity(policy: Policy) -> Identity:
    return policy.kind.value, policy.namespace, policy.name


def _placed(message: str, path: FieldPath) -> str:
    return f"{field_text(path)}: {message}" if path else message


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
