"""The agent of a node: follows the manifest, gets what it names, brings it into force, and tells what came of it.

Everything waits for everything else in one event loop; what takes time happens in one thread beside it, one thing after
the other. The newest manifest counts, and those between are skipped.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import anp
from anp.api.engine_v1alpha1 import GenerationSlice
from anp.controller.client import CallError, path_of
from anp.node.connection import Connection, Document
from anp.node.enforcement import REFUSALS, Enforcement, InForce
from anp.node.feed import Backoff, Feed, Patience
from anp.node.guard import Guard
from anp.node.measures import Measures
from anp.node.reporter import Reporter
from anp.transport import IncompleteError
from enforcer.drift import TableWatch
from enforcer.errors import EnforcerError

LOG = logging.getLogger(__name__)

T = TypeVar("T")

AT_ONCE = 16
"""How many slices are got at the same time."""
STUCK = 120.0
"""Seconds after which something that should have been done is stuck."""
_LONGEST_ERROR = 4000


@dataclass(frozen=True, slots=True)
class Habits:
    """How often what is done that nobody asks for, in seconds.

    Attributes:
        saving: Between writes of the generation in force to the disk.
        checking: Between readings of our table without suspicion.
        suspicion: Between readings with suspicion, at least.

    """

    saving: float = 10.0
    checking: float = 600.0
    suspicion: float = 1.0


class Agent:
    """An agent; `run` ends when it is cancelled, and leaves the rules in force."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        node: str,
        connection: Connection,
        enforcement: Enforcement,
        guard: Guard,
        watch: TableWatch | None = None,
        patience: Patience | None = None,
        habits: Habits | None = None,
    ) -> None:
        self._connection = connection
        self._enforcement = enforcement
        self._guard = guard
        self._watch = watch
        self._patience = patience or Patience()
        self._habits = habits or Habits()
        self._feed = Feed(connection, self._patience)
        self.measures = Measures()
        self._reporter = Reporter(connection, node, self.status)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="enforcement")
        self._working_since: float | None = None
        self._wake = asyncio.Event()
        self._manifest: Document | None = None
        self._fresh = False
        self._heard: datetime | None = None
        self._in_force: InForce | None = None
        self._away = "the API server has not been reached yet"
        self._trouble = ""
        self._retry_at: float | None = None
        self._check_at = 0.0
        self._checked_at = 0.0
        self._news = False
        self._saved = False
        self._save_at: float | None = None
        self._backoff = Backoff(Patience(first=0.2, longest=30.0))

    # What others want to know.

    def live(self) -> str:
        """Say why the process should be restarted; empty if it need not be."""
        since = self._working_since
        stuck = since is not None and time.monotonic() - since > STUCK
        return "the kernel or the disk has not answered for minutes" if stuck else ""

    def ready(self) -> str:
        """Say why what should be in force is not; empty if the newest known generation is, or the last good one."""
        if self._in_force is None:
            return self._trouble or self._away or "no generation is published"
        return self._trouble

    def status(self) -> dict[str, Any]:
        """Return the status of the node's NodeEnforcement."""
        known = self._in_force
        error = self._trouble or self._enforcement.disk_trouble
        if known is None and not error:
            error = "no generation has been brought into force yet"
        return {
            "generation": known.mark.number if known else None,
            "manifest": known.mark.uid if known else None,
            "error": error[:_LONGEST_ERROR],
            "observedAt": _text(self._heard),
            "appliedAt": _text(known.applied if known else None),
            "agentVersion": anp.__version__,
            "sizes": asdict(known.sizes) if known else None,
        }

    # The feed's listener.

    def manifest(self, document: Document | None) -> None:
        """Hear of the manifest as it is now."""
        self._manifest, self._fresh = document, True
        self._heard = datetime.now(UTC)
        self._wake.set()

    def connected(self) -> None:
        """Hear that the API server tells of every change."""
        if self._away:
            LOG.info("connected to the API server")
        self._away = ""
        self.measures.connected.set(1)

    def disconnected(self, why: str) -> None:
        """Hear that it does not."""
        if self._away != why:
            LOG.warning("%s; what is in force stays in force", why)
        self._away = why
        self.measures.connected.set(0)
        self.measures.errors.labels("connection").inc()

    # Life.

    async def run(self) -> None:
        """Do all of it, until cancelled."""
        try:
            # What is on the disk does not wait for the API server.
            await self._attempt(lambda: self._do(self._enforcement.begin))
            self._learn()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed.follow(self))
                group.create_task(self._reporter.run())
                group.create_task(self._work())
        finally:
            if self._watch:
                asyncio.get_running_loop().remove_reader(self._watch.fileno())
            await self._do(self._save)
            self._worker.shutdown()

    async def _work(self) -> None:
        """Do what is due, one thing after the other."""
        clock = asyncio.get_running_loop().time
        self._check_at = clock() + self._habits.checking
        self._listen()
        while True:
            due = [self._check_at, *(moment for moment in (self._retry_at, self._save_at) if moment is not None)]
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(due)):
                    await self._wake.wait()
            self._wake.clear()
            if self._fresh or (self._retry_at is not None and clock() >= self._retry_at):
                await self._attempt_newest()
            if self._news:
                await self._do(self._guard.listen)
                self._listen()
            if self._guard.suspect:
                self._check_at = min(self._check_at, max(clock(), self._checked_at + self._habits.suspicion))
            if clock() >= self._check_at:
                await self._check()
            if self._save_at is not None and clock() >= self._save_at:
                self._save_at = None
                await self._do(self._save)

    # Generations.

    async def _attempt_newest(self) -> None:
        self._fresh, self._retry_at = False, None
        manifest = self._manifest
        if manifest is None:
            self._blame("no generation is published" if self._in_force is None else "the generation is gone", "missing")
            return
        with suppress(KeyError, TypeError, ValueError):
            self.measures.newest.set(manifest["spec"]["number"])
        if await self._attempt(lambda: self._follow(manifest)):
            self._backoff.reset()
        self._learn()

    async def _attempt(self, act: Callable[[], Awaitable[None]]) -> bool:
        """Do something, and remember why if it cannot be done; another attempt follows where that could help."""
        try:
            await act()
        except REFUSALS as error:
            self._blame(str(error), type(error).__name__.removesuffix("Error").lower())
        except (EnforcerError, CallError, IncompleteError) as error:
            self._blame(str(error), "kernel" if isinstance(error, EnforcerError) else "connection")
            self._retry_at = asyncio.get_running_loop().time() + self._backoff.after_failure()
        except Exception as error:
            # A bug must not stop the generations that do not bring it to light, nor be silent.
            LOG.exception("a generation cannot be brought into force")
            self._blame(f"this is a bug in anp; the agent's log says more: {error!r}", "bug")
        else:
            self._blame("", "")
            return True
        return False

    async def _follow(self, manifest: Document) -> None:
        """Bring the generation of a manifest into force, unless there is a newer one meanwhile."""
        while missing := await self._do(lambda: self._enforcement.needs(manifest)):
            await self._fetch(missing)
            if self._fresh:
                return
        began = time.monotonic()
        applied = await self._do(lambda: self._enforcement.apply(manifest))
        if applied is None:
            return
        self.measures.applying.observe(time.monotonic() - began)
        self.measures.written.inc(applied.summary.bytes)
        if applied.drifted:
            self._drifted()
        known = self._enforcement.in_force
        if known and known.published and self._in_force:
            # What was published before we came says nothing about how fast we are.
            self.measures.latency.observe(max(0.0, (known.applied - known.published).total_seconds()))
        if self._save_at is None:
            wait = self._habits.saving if self._saved else 0.0
            self._save_at = asyncio.get_running_loop().time() + wait

    async def _fetch(self, names: frozenset[str]) -> None:
        """Get slices and keep those that come.

        Raises:
            CallError: one did not. One that is not there any more is named by older manifests only: wait for a newer.

        """
        places = asyncio.Semaphore(AT_ONCE)

        async def get(name: str) -> Document:
            async with places:
                return await self._connection.get(path_of(GenerationSlice.resource, name))

        answers = await asyncio.gather(*map(get, sorted(names)), return_exceptions=True)
        documents = [answer for answer in answers if not isinstance(answer, BaseException)]
        await self._do(lambda: self._enforcement.give(documents))
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    # The kernel and the disk.

    async def _check(self) -> None:
        clock = asyncio.get_running_loop().time
        self._checked_at = clock()
        self._check_at = clock() + self._habits.checking * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        try:
            if await self._do(self._guard.check):
                self._drifted()
        except EnforcerError as error:
            # It stays suspect, so it is checked again.
            self._blame(str(error), "kernel")

    def _drifted(self) -> None:
        LOG.warning("somebody else had changed our table; it is as it should be again")
        self.measures.drift.inc()

    def _listen(self) -> None:
        """Wait for news about nftables, until there are some."""
        self._news = False
        if self._watch:
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._hear)

    def _hear(self) -> None:
        if self._watch:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
        self._news = True
        self._wake.set()

    def _save(self) -> None:
        if self._enforcement.unsaved:
            self._enforcement.save()
            self._saved = True

    async def _do(self, function: Callable[[], T]) -> T:
        """Run something in the thread for what takes time."""
        self._working_since = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, function)
        finally:
            self._working_since = None

    # What is known.

    def _learn(self) -> None:
        """Take note of what is in force now."""
        known = self._enforcement.in_force
        if known is not None and known is not self._in_force:
            LOG.log(
                logging.DEBUG if self._in_force else logging.INFO,
                "generation in force",
                extra={"generation": known.mark.number, **asdict(known.sizes)},
            )
            self.measures.generation.set(known.mark.number)
            for kind, count in asdict(known.sizes).items():
                self.measures.objects.labels(kind).set(count)
            self._in_force = known
        self._reporter.poke()

    def _blame(self, trouble: str, kind: str) -> None:
        if trouble:
            self.measures.errors.labels(kind).inc()
            if trouble != self._trouble:
                LOG.error("%s; what was in force stays in force", trouble)
        if trouble != self._trouble:
            self._trouble = trouble
            self._reporter.poke()


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
