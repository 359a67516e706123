"""Writes what users should know: conditions of policies, Events, and a NodeEnforcement for each node to report in."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anp.api.engine_v1alpha1 import NodeEnforcement
from anp.controller.client import APPLY, CONFLICT, NOT_FOUND, CallError, Client, path_of
from anp.controller.cluster import Picture
from anp.controller.events import EVENTS, Occurrence, event_of, occurrences
from anp.controller.following import Following
from anp.controller.kinds import POLICIES, named
from anp.controller.lease import Election
from anp.controller.measures import Measures
from anp.controller.publisher import Publisher
from anp.controller.status import Conditions, Findings, Progress, conditions, findings_of, status_patch
from anp.state.cluster_state import Identity
from anp.transport.slices import LABELS
from compiler.model import Snapshot

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two looks at all policies."""
CALM = 3.0
"""Seconds between two statuses of a policy, unless it is another version of it."""
STALE = 20.0
"""Seconds after which advice on policies is given anew where pods have changed."""
MANAGER = "anp-controller"
AT_ONCE = 8
"""How many writes there are at a time: what is published comes first."""
REMEMBERED = 20_000

_REPORTS = NodeEnforcement.resource


@dataclass(frozen=True, slots=True)
class _Advised:
    """What there was to know about policies, when, and what that was about."""

    snapshot: Snapshot
    about: Mapping[Identity, object] = field(default_factory=dict)
    at: float = 0.0
    findings: Findings = field(default_factory=dict)


class Reporting:
    """Reports as long as this controller leads. Whatever fails is tried again with the next look."""

    def __init__(
        self, client: Client, following: Following, election: Election, publisher: Publisher, measures: Measures
    ) -> None:
        self._client = client
        self._sync = following.sync
        self._election = election
        self._publisher = publisher
        self._measures = measures
        self._written: dict[Identity, tuple[Conditions, float]] = {}
        self._told: dict[str, None] = {}
        self._troubles: set[str] = set()
        self._findings = _Advised(Snapshot())
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Report until cancelled."""
        again: float | None = None
        while True:
            try:
                async with asyncio.timeout(again):
                    await self._sync.changed.wait()
            except TimeoutError:
                pass
            self._sync.changed.clear()
            again = None
            if not self._election.leading.is_set():
                # Whoever leads meanwhile may write something else.
                self._written.clear()
                again = PAUSE
                continue
            if self._sync.picture is not None:
                try:
                    again = await self._report(self._sync.picture)
                except Exception:
                    log.exception("statuses cannot be reported")
                    again = PAUSE
            await asyncio.sleep(PAUSE)

    async def _report(self, picture: Picture) -> float | None:
        """Write what is to be written; say in how many seconds to look again even if nothing changes."""
        progress = Progress(self._publisher.manifest, dict(self._sync.numbers))
        findings = await self._findings_of(picture)
        wanted = await asyncio.to_thread(conditions, picture, progress, findings)
        failed = await self._look_after_nodes(picture)
        now = time.monotonic()
        self._written = {identity: known for identity, known in self._written.items() if identity in wanted}
        due, later = [], False
        for identity, each in wanted.items():
            known, since = self._written.get(identity, (None, 0.0))
            if known == each:
                continue
            if known is not None and known.version == each.version and now - since < CALM:
                later = True
            else:
                due.append((identity, each))
        results = await asyncio.gather(*(self._write_status(identity, each) for identity, each in due))
        news = [found for found in occurrences(picture, findings) if found.name not in self._told]
        results += await asyncio.gather(*(self._tell(found) for found in news))
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        if failed or not all(results):
            return 5.0
        return CALM if later else None

    async def _findings_of(self, picture: Picture) -> Findings:
        """Return what there is to know about policies; pods may have come and gone since, as looking takes long."""
        about = {identity: (known.policy, known.remarks) for identity, known in picture.policies.items()}
        now, last = time.monotonic(), self._findings
        if last.about != about or (last.snapshot != picture.snapshot and now - last.at > STALE):
            findings = await asyncio.to_thread(findings_of, picture)
            self._findings = last = _Advised(picture.snapshot, about, now, findings)
        return last.findings

    async def _write_status(self, identity: Identity, wanted: Conditions) -> bool:
        kind, _namespace, name = identity
        resource = named(kind)
        assert resource in POLICIES  # noqa: S101 - others have no status
        path = f"{path_of(resource, name)}"
        try:
            async with self._room:
                current = await self._client.call("GET", path)
                patch = status_patch(resource, current, wanted)
                if patch is not None:
                    await self._client.call("PATCH", f"{path}/status", patch, APPLY, fieldManager=MANAGER, force="true")
        except CallError as error:
            if error.code != NOT_FOUND:  # it is gone
                return self._failed("status", error)
        self._written[identity] = (wanted, time.monotonic())
        return self._done("status")

    async def _tell(self, found: Occurrence) -> bool:
        try:
            async with self._room:
                await self._client.call("POST", path_of(EVENTS, "", found.where), event_of(found, MANAGER))
        except CallError as error:
            if error.code not in {CONFLICT, NOT_FOUND}:  # it has been told before, or the namespace is going
                return self._failed("event", error)
        self._told[found.name] = None
        return self._done("event")

    async def _look_after_nodes(self, picture: Picture) -> bool:
        """See to it that every node has a place to report in, and that those of other nodes go; say what failed."""
        create = [name for name in picture.nodes if name not in picture.reports]
        gone = [
            (name, report.uid)
            for name, report in picture.reports.items()
            if name not in picture.nodes or (report.owner and report.owner != picture.nodes[name])
        ]
        results = await asyncio.gather(
            *(self._create_report(name, picture.nodes[name]) for name in create),
            *(self._delete_report(name, uid) for name, uid in gone),
        )
        return not all(results)

    async def _create_report(self, name: str, uid: str) -> bool:
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
        metadata: dict[str, Any] = {"name": name, "labels": dict(LABELS), "ownerReferences": [owner]}
        document = {"apiVersion": _REPORTS.api_version, "kind": _REPORTS.kind, "metadata": metadata}
        return await self._write_report("POST", path_of(_REPORTS), document)

    async def _delete_report(self, name: str, uid: str) -> bool:
        return await self._write_report("DELETE", path_of(_REPORTS, name), {"preconditions": {"uid": uid}})

    async def _write_report(self, method: str, path: str, body: object) -> bool:
        try:
            async with self._room:
                await self._client.call(method, path, body)
        except CallError as error:
            if error.code not in {CONFLICT, NOT_FOUND}:
                return self._failed("report", error)
        return self._done("report")

    def _done(self, what: str) -> bool:
        self._measures.status_writes.labels("written").inc()
        self._troubles = {known for known in self._troubles if not known.startswith(what)}
        return True

    def _failed(self, what: str, error: CallError) -> bool:
        """Say once what fails, and not for every object."""
        self._measures.status_writes.labels("failed").inc()
        trouble = f"{what} {error.code}"
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            log.warning("cannot write a %s: %s", what, error)
        return False
