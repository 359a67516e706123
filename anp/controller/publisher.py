"""Brings generations to the API server: the I/O for `anp.transport`."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from anp.api.engine_v1alpha1 import GenerationSlice, PolicyGeneration
from anp.controller.client import CONFLICT, INVALID, JSON, JSON_PATCH, NOT_FOUND, CallError, Client, Document, path_of
from anp.transport import NAME, Published, Writes
from compiler.generation import Generation

log = logging.getLogger(__name__)

_MANIFEST = path_of(PolicyGeneration.resource, NAME)
_SLICES = GenerationSlice.resource


class OvertakenError(Exception):
    """Somebody else has written the manifest: what is stored has to be read again."""


class Publisher:
    """Publishes generations, one at a time. After any failure it looks at what is stored before it goes on."""

    def __init__(self, client: Client, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._clock = clock
        self._published: Published | None = None
        self.manifest = ""
        """The uid of the manifest."""
        self.found = 0
        """The generation that was in force when what is stored was last read."""

    @property
    def due(self) -> float | None:
        """In how many seconds there is something to clean up, if there is."""
        due = self._published.due if self._published else None
        return None if due is None else max(0.0, (due - self._clock()).total_seconds())

    def forget(self) -> None:
        """Let what is stored be read again, as others may write."""
        self._published = None

    async def overtaken(self) -> bool:
        """Say whether somebody else has written, made anew or deleted the manifest since it was last written here.

        Raises:
            CallError: the API server refuses, or does not answer.

        """
        published, uid = self._published, self.manifest
        if published is None:
            return False  # it is about to be read, or being written
        try:
            manifest = await self._client.call("GET", _MANIFEST)
        except CallError as error:
            if error.code != NOT_FOUND:
                raise
            manifest = None
        if self._published is not published:
            return False
        return manifest is None or (manifest["metadata"]["uid"], manifest["spec"]["number"]) != (uid, published.number)

    async def publish(self, wanted: Generation) -> int:
        """Bring a generation into force and return its number.

        Raises:
            OvertakenError: somebody else writes.
            CallError: the API server refuses, or does not answer.

        """
        published, self._published = self._published, None
        if published is None:
            published = await self._read()
            self.found = published.number
            if published.trouble:
                log.warning("what is published is damaged, and will be replaced: %s", published.trouble)
        writes = await asyncio.to_thread(published.plan, wanted, self._clock())
        await self._write(writes)
        self._published = published.after(writes)
        return writes.number

    async def _read(self) -> Published:
        try:
            manifest = await self._client.call("GET", _MANIFEST)
        except CallError as error:
            if error.code != NOT_FOUND:
                raise
            manifest = None
        self.manifest = manifest["metadata"]["uid"] if manifest else ""
        slices = await self._client.listed(_SLICES)
        return await asyncio.to_thread(
            Published.of, manifest, {document["metadata"]["name"]: document for document in map(_typed, slices)}
        )

    async def _write(self, writes: Writes) -> None:
        await asyncio.gather(*(self._create(document) for document in writes.create))
        try:
            if isinstance(writes.manifest, dict):
                created = await self._client.call("POST", path_of(PolicyGeneration.resource), writes.manifest)
                self.manifest = created["metadata"]["uid"]
            elif writes.manifest is not None:
                await self._client.call("PATCH", _MANIFEST, list(writes.manifest), JSON_PATCH)
        except CallError as error:
            if error.code in {CONFLICT, INVALID, NOT_FOUND}:
                raise OvertakenError(str(error)) from None
            raise
        await asyncio.gather(*(self._delete(name) for name in writes.delete))

    async def _create(self, document: Document) -> None:
        try:
            await self._client.call("POST", path_of(_SLICES), document, JSON)
        except CallError as error:
            if error.code != CONFLICT:  # it is named for its content: what is there is what was wanted
                raise

    async def _delete(self, name: str) -> None:
        try:
            await self._client.call("DELETE", path_of(_SLICES, name))
        except CallError as error:
            if error.code != NOT_FOUND:
                raise


def _typed(item: Document) -> Document:
    """Return an object of a list as it is outside of one: there the list says what all of them are."""
    return {"apiVersion": _SLICES.api_version, "kind": _SLICES.kind, **item}
