"""From news of objects to compiled generations. There is no I/O here; it runs in a thread, one call at a time."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anp import api
from anp.api.engine_v1alpha1 import NodeEnforcement
from anp.controller.inventory import Document, News
from anp.state.cluster_state import ClusterState, Identity, KnownPolicy
from anp.state.nodes import NodeReport, report_of
from compiler.compilation import Compilation, compile_cluster
from compiler.generation import Generation
from compiler.model import Snapshot
from compiler.writing import GenerationWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that cannot be read, so that what it said before stays in force, if there was anything."""

    uid: str
    generation: int
    message: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster at one moment: its policies, its nodes, what agents report, and objects that cannot be read."""

    snapshot: Snapshot
    policies: Mapping[Identity, KnownPolicy]
    refusals: Mapping[Identity, Refusal]
    nodes: Mapping[str, str]
    """Names of nodes and their uids."""
    reports: Mapping[str, NodeReport]


class Cluster:
    """The cluster as it is known, and the latest compilation of it."""

    def __init__(self) -> None:
        self._state = ClusterState()
        self._refusals: dict[Identity, Refusal] = {}
        self._nodes: dict[str, str] = {}
        self._reports: dict[str, NodeReport] = {}
        self._compilation: Compilation | None = None
        self._writer = GenerationWriter()
        self._generation = Generation()

    def take(self, news: Iterable[News]) -> bool:
        """Take news; say whether the compiled state may be another one now."""
        changed = False
        for each in news:
            try:
                changed |= self._take(each)
            except Exception as error:
                # A bug that one object brings to light must not cost the news of all others.
                log.exception("%s %s cannot be taken in", each.resource.kind, "/".join(filter(None, each.key)))
                self._refuse((each.resource.kind, *each.key), each.document or {}, str(error))
        return changed

    def compile(self) -> tuple[Compilation, Generation]:
        """Return the compilation of the cluster as it is now, and the generation to publish."""
        snapshot = self._state.snapshot()
        if self._compilation is None or self._compilation.snapshot != snapshot:
            self._compilation = compile_cluster(snapshot, previous=self._compilation)
            self._generation = self._writer.generation(self._compilation)
        return self._compilation, self._generation

    def picture(self) -> Picture:
        """Return what statuses are about."""
        return Picture(
            self._state.snapshot(),
            dict(self._state.policies),
            dict(self._refusals),
            dict(self._nodes),
            dict(self._reports),
        )

    def _take(self, news: News) -> bool:
        kind, (namespace, name) = news.resource.kind, news.key
        identity = (kind, namespace, name)
        document = news.document
        if kind == NodeEnforcement.resource.kind:
            if document is None:
                self._reports.pop(name, None)
            else:
                self._reports[name] = report_of(document)
            return False
        if kind == api.Node.resource.kind:
            if document is None:
                self._nodes.pop(name, None)
            else:
                self._nodes[name] = str(document["metadata"].get("uid") or "")
        if document is None:
            self._refusals.pop(identity, None)
            return self._state.forget(*identity)
        return self._read(identity, {**document, "apiVersion": news.resource.api_version, "kind": kind})

    def _read(self, identity: Identity, document: Document) -> bool:
        try:
            parsed = api.parse(document, admission=api.Admission.OBSERVED)
        except api.ApiError as error:
            self._refuse(identity, document, str(error))
            log.warning("%s %s cannot be read: %s", identity[0], "/".join(filter(None, identity[1:])), error)
            return False
        self._refusals.pop(identity, None)
        return self._state.put(parsed.object, parsed.warnings)

    def _refuse(self, identity: Identity, document: Document, message: str) -> None:
        metadata = document.get("metadata") or {}
        self._refusals[identity] = Refusal(metadata.get("uid") or "", metadata.get("generation") or 0, message)
