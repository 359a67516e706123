"""How a cluster is doing: what is published, what nodes have in force, and what policies say of themselves. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]

PATIENCE = timedelta(seconds=5)
"""How long a node may take for a generation, and a report of it."""
REPORTER = "anp.internal/controller"
"""Who makes the Events that count."""
_REFUSED = "Unreadable"


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node: the generation in force, how many it is behind, when it last said so, and what troubles it."""

    name: str
    generation: int | None
    lag: int | None
    reported: datetime | None
    trouble: str

    @property
    def well(self) -> bool:
        """Whether the newest generation is in force."""
        return not self.trouble


@dataclass(frozen=True, slots=True)
class PolicyState:
    """A policy about which there is something to say; it is `refused` if what it says now is not in force."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """A cluster at one moment; without a generation nothing is published."""

    generation: int | None
    published: datetime | None
    nodes: tuple[NodeState, ...]
    policies: tuple[PolicyState, ...]

    @property
    def well(self) -> bool:
        """Whether every node has the newest generation in force, and no policy is refused."""
        nodes = all(node.well for node in self.nodes)
        return self.generation is not None and nodes and not any(policy.refused for policy in self.policies)


def overview(
    manifest: Document | None,
    enforcements: Iterable[Document],
    policies: Iterable[Document],
    events: Iterable[Document],
    now: datetime,
) -> Overview:
    """Look at the objects of a cluster: cluster policies and NetworkPolicies, and what Events tell about the latter."""
    spec: Document = (manifest or {}).get("spec") or {}
    uid = ((manifest or {}).get("metadata") or {}).get("uid", "")
    nodes = tuple(sorted((_node(each, spec, uid, now) for each in enforcements), key=lambda node: node.name))
    known = list(policies)
    found = [state for policy in known if policy.get("kind") != "NetworkPolicy" for state in _policy(policy)]
    found += _told(events, {_meta(policy, "uid"): policy for policy in known if policy.get("kind") == "NetworkPolicy"})
    found.sort(key=lambda state: (not state.refused, state.kind, state.namespace, state.name, state.reason))
    return Overview(spec.get("number"), _moment(spec.get("at")), nodes, tuple(found))


def _node(enforcement: Document, spec: Document, uid: str, now: datetime) -> NodeState:
    status: Document = enforcement.get("status") or {}
    name, generation = _meta(enforcement, "name"), status.get("generation")
    reported = _moment(status.get("observedAt"))
    number = spec.get("number")
    lag = None
    if number is not None and generation is not None and status.get("manifest") == uid:
        lag = max(0, number - generation)
    trouble = str(status.get("error") or "")
    if not trouble and not status:
        trouble = "no agent has reported"
    elif not trouble and generation is None:
        trouble = "nothing is in force"
    elif not trouble and number is not None and lag is None:
        trouble = "what is in force is of an earlier manifest"
    elif not trouble and lag and not _in_time(spec, number - lag, now):
        trouble = f"{lag} generation{'s' if lag > 1 else ''} behind"
    return NodeState(name, generation, lag, reported, trouble)


def _in_time(spec: Document, generation: int, now: datetime) -> bool:
    """Say whether what came after that generation is still on its way."""
    moments = [
        _moment(change.get("at")) for change in spec.get("changes") or () if change.get("number", 0) > generation
    ]
    if spec.get("number") == generation + 1:
        moments.append(_moment(spec.get("at")))
    if len(moments) < spec.get("number", 0) - generation:
        return False
    return all(moment is not None and now - moment < PATIENCE for moment in moments)


def _policy(policy: Document) -> Iterator[PolicyState]:
    names = (str(policy.get("kind")), _meta(policy, "namespace"), _meta(policy, "name"))
    entries = (policy.get("status") or {}).get("conditions") or ()
    conditions = {entry.get("type"): entry for entry in entries if isinstance(entry, dict)}
    generation = (policy.get("metadata") or {}).get("generation")
    accepted, programmed = conditions.get("Accepted"), conditions.get("Programmed")
    if accepted is None or accepted.get("observedGeneration") != generation:
        yield PolicyState(*names, "NotSeen", "no controller has looked at it as it is now", refused=True)
    elif accepted.get("status") != "True":
        yield PolicyState(*names, str(accepted.get("reason")), str(accepted.get("message")), refused=True)
    else:
        if accepted.get("reason") != "Accepted":
            yield PolicyState(*names, str(accepted.get("reason")), str(accepted.get("message")), refused=False)
        if programmed is not None and programmed.get("status") != "True":
            yield PolicyState(*names, str(programmed.get("reason")), str(programmed.get("message")), refused=False)


def _told(events: Iterable[Document], policies: Mapping[str, Document]) -> Iterator[PolicyState]:
    """Yield what Events say about NetworkPolicies, which have no status, unless they have changed since."""
    for event in events:
        policy = policies.get((event.get("regarding") or {}).get("uid", ""))
        happened = _moment(event.get("eventTime"))
        if policy is None or happened is None or event.get("reportingController") != REPORTER:
            continue
        if (changed := _changed(policy)) and changed > happened:
            continue
        reason = str(event.get("reason"))
        names = ("NetworkPolicy", _meta(policy, "namespace"), _meta(policy, "name"))
        yield PolicyState(*names, reason, str(event.get("note")), refused=reason == _REFUSED)


def _changed(policy: Document) -> datetime | None:
    fields = (policy.get("metadata") or {}).get("managedFields") or ()
    moments = [moment for entry in fields if (moment := _moment(entry.get("time"))) is not None]
    return max(moments, default=None)


def _meta(document: Document, field: str) -> str:
    return str((document.get("metadata") or {}).get(field) or "")


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment
