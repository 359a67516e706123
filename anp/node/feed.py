"""The manifest, as it is now and whenever it changes, whatever happens to the API server and on the way to it."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from anp.api.engine_v1alpha1 import PolicyGeneration
from anp.controller.client import EXPIRED, CallError, path_of
from anp.node.connection import Connection, Document
from anp.transport import NAME

MANIFESTS = path_of(PolicyGeneration.resource)
MANIFEST = path_of(PolicyGeneration.resource, NAME)
_ONLY_IT = {"fieldSelector": f"metadata.name={NAME}"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        first: Before the second attempt; each one later waits longer, by chance, so that not all nodes come at once.
        longest: Before any attempt.
        probe: How often to see whether the API server still answers while it has nothing to tell.
        silence: After that a watch without a sign of life is given up; API servers give one every minute.
        watch: How long one watch lasts; those that end are resumed.

    """

    first: float = 0.2
    longest: float = 10.0
    probe: float = 15.0
    silence: float = 90.0
    watch: int = 300


class Backoff:
    """How long to wait after failures that follow each other."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0

    def reset(self) -> None:
        """Begin anew: it went well."""
        self._failures = 0

    def after_failure(self) -> float:
        """Return how long to wait now."""
        most = min(self._patience.longest, self._patience.first * 2 ** min(self._failures, 16))
        self._failures += 1
        return float(most * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class Listener(Protocol):
    """Who wants to know."""

    def manifest(self, document: Document | None) -> None:
        """Hear of the manifest as it is now; None if there is none."""

    def connected(self) -> None:
        """Hear that the API server tells of every change from now on."""

    def disconnected(self, why: str) -> None:
        """Hear that it does not, until it does again."""


class Feed:
    """Follows the manifest."""

    def __init__(self, connection: Connection, patience: Patience | None = None) -> None:
        self._connection = connection
        self._patience = patience or Patience()
        self._version = ""
        """Where to resume; empty if it has to be read first."""
        self._seen = ""
        """The version of the manifest that was told last."""

    async def follow(self, listener: Listener) -> None:
        """Tell of the manifest now and whenever it changes; until cancelled."""
        backoff = Backoff(self._patience)
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                if not self._version:
                    await self._read(listener)
                await self._watched(listener)
            except CallError as error:
                if error.code == EXPIRED:
                    self._version = ""
                listener.disconnected(str(error))
            if clock() - began > self._patience.longest:
                # It has lasted, and ended as watches do; one that ends at once could do so for ever.
                backoff.reset()
            else:
                await asyncio.sleep(backoff.after_failure())

    async def _read(self, listener: Listener) -> None:
        listing = await self._connection.get(MANIFESTS, **_ONLY_IT)
        items = listing.get("items")
        version = _version(listing)
        if not isinstance(items, list) or not version:
            raise CallError(f"GET {MANIFESTS}", 0, "the answer is no list")
        self._tell(listener, items[0] if items else None)
        self._version = version

    async def _watched(self, listener: Listener) -> None:
        """Watch, and see to it that the API server is there as long as it tells nothing."""
        tasks = [asyncio.ensure_future(self._watch(listener)), asyncio.ensure_future(self._probe())]
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, CallError):
                    await task

    async def _watch(self, listener: Listener) -> None:
        seconds = self._patience.watch * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        options = {"resourceVersion": self._version, "allowWatchBookmarks": "true", "timeoutSeconds": f"{seconds:.0f}"}
        async with self._connection.watch(MANIFESTS, self._patience.silence, **_ONLY_IT, **options) as events:
            listener.connected()
            async for event in events:
                document = event["object"]
                kind = event.get("type")
                if kind == "ERROR":
                    code = document.get("code")
                    message = str(document.get("message") or "no reason given")
                    raise CallError(f"WATCH {MANIFESTS}", code if type(code) is int else 0, message)
                if kind in ("ADDED", "MODIFIED"):
                    self._tell(listener, document)
                elif kind == "DELETED":
                    self._tell(listener, None)
                self._version = _version(document) or self._version

    async def _probe(self) -> None:
        """Ask now and then, and raise if there is no answer, or if the watch has missed something."""
        missed = ""
        while True:
            await asyncio.sleep(self._patience.probe)
            listing = await self._connection.get(MANIFESTS, **_ONLY_IT)
            items = listing.get("items")
            there = _version(items[0]) if isinstance(items, list) and items else ""
            if there == self._seen:
                missed = ""
            elif there == missed:
                self._version = ""
                raise CallError(f"WATCH {MANIFESTS}", 0, "it does not tell of changes")
            else:
                # It may be on its way.
                missed = there

    def _tell(self, listener: Listener, document: Document | None) -> None:
        self._seen = _version(document) if document is not None else ""
        listener.manifest(document)


def _version(document: object) -> str:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""
