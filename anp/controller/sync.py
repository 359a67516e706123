"""The loop: collect what has changed, compile it, publish it. At once where nothing is going on, else after that."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from anp.controller.client import CallError
from anp.controller.cluster import Cluster, Picture
from anp.controller.inventory import Inventory
from anp.controller.kinds import NEEDED
from anp.controller.lease import Election
from anp.controller.measures import Measures
from anp.controller.publisher import OvertakenError, Publisher
from anp.observability.backoff import Backoff
from anp.state.cluster_state import Identity
from compiler.compilation import Compilation

log = logging.getLogger(__name__)

GUARDED = 10.0
"""Seconds between two looks at whether somebody else has changed what is published."""


class Sync:
    """Keeps what is published at what the cluster says, as long as this controller leads.

    `compiled` is called with every new compilation, whoever leads. `numbers` says for every policy, as
    (uid, generation of its spec), with which number that has been published.
    """

    def __init__(
        self,
        inventory: Inventory,
        publisher: Publisher | None,
        election: Election | None,
        measures: Measures,
        compiled: Callable[[Compilation], None] = lambda _compilation: None,
    ) -> None:
        self._inventory = inventory
        self._publisher = publisher
        self._election = election
        self._measures = measures
        self._compiled = compiled
        self._cluster = Cluster()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._latest: Compilation | None = None
        self._told = False
        self.picture: Picture | None = None
        self.changed = asyncio.Event()
        self.number = 0
        self.numbers: dict[tuple[Identity, str, int], int] = {}
        self.trouble = "not all objects of the cluster are known yet"
        self.turned_at = time.monotonic()

    def poke(self) -> None:
        """Let the loop look for news; from any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def leading(self) -> bool:
        """Whether this controller may write."""
        return self._election is None or self._election.leading.is_set()

    async def run(self) -> None:
        """Go round until cancelled."""
        backoff = Backoff()
        while True:
            self._wake.clear()
            try:
                await self._turn()
            except (CallError, OvertakenError) as error:
                self.trouble = f"the generation cannot be published: {error}"
                self._measures.failures.inc()
                log.warning("%s", self.trouble)
                await asyncio.sleep(backoff.next())
                continue
            except Exception:
                # A bug must not stop policies of others from being published, nor be silent.
                self.trouble = "the cluster cannot be compiled; the log says why"
                self._measures.failures.inc()
                log.exception("the cluster cannot be compiled")
                await asyncio.sleep(backoff.next())
                continue
            backoff.reset()
            await self._pause()

    async def _pause(self) -> None:
        due = self._publisher.due if self._publisher and self.leading else None
        try:
            async with asyncio.timeout(due if due is None else due + 0.1):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _turn(self) -> None:
        self.turned_at = time.monotonic()
        # Before the news: what is known must be at least what is believed to be.
        unknown = [resource.plural for resource in self._inventory.unknown() if resource in NEEDED]
        news = self._inventory.drain()
        if news:
            await asyncio.to_thread(self._cluster.take, news)
        if unknown and not self._told:
            self.trouble = f"not all objects of the cluster are known yet: {', '.join(sorted(unknown))}"
            return
        if not self._told:
            self._told = True
            log.info("all objects are known")
        started = time.monotonic()
        compilation, generation = await asyncio.to_thread(self._cluster.compile)
        if compilation is not self._latest:
            self._latest = compilation
            self._measures.compiling.observe(time.monotonic() - started)
            self._measures.sizes(generation, compilation.snapshot)
            self._compiled(compilation)
        picture = self._cluster.picture()
        if self._publisher and self.leading:
            await self._publish(self._publisher, generation, picture)
        self.trouble = ""
        self.picture = picture
        self.changed.set()

    async def _publish(self, publisher: Publisher, generation: object, picture: Picture) -> None:
        started = time.monotonic()
        number = await publisher.publish(generation)  # type: ignore[arg-type]
        if number != self.number:
            self._measures.publishing.observe(time.monotonic() - started)
            self._measures.generation.set(number)
            self._measures.published_at.set(datetime.now(UTC).timestamp())
            log.info("published", extra={"generation": number, "seconds": round(time.monotonic() - started, 4)})
        self.number = number
        begins = not self.numbers
        numbers = {}
        for identity, known in picture.policies.items():
            key = identity, known.uid, known.generation
            # A version that has a status has been published by whoever led before.
            before = publisher.found if begins and known.observed == known.generation else number
            numbers[key] = self.numbers.get(key, before)
        self.numbers = numbers

    async def guard(self) -> None:
        """See to it that nobody else changes what is published; until cancelled."""
        while True:
            await asyncio.sleep(GUARDED)
            if self._publisher is None or not self.leading:
                continue
            try:
                overtaken = await self._publisher.overtaken()
            except CallError as error:
                log.info("what is published cannot be looked at: %s", error)
                continue
            if overtaken:
                log.warning("somebody else has changed what is published")
                self._publisher.forget()
                self._wake.set()

    async def lead(self) -> None:
        """Look at what is stored anew whenever this controller begins to lead; until cancelled."""
        if self._election is None:
            return
        while True:
            await self._election.leading.wait()
            if self._publisher:
                self._publisher.forget()
            self.numbers = {}
            self._wake.set()
            await self._election.lost.wait()
            self._wake.set()
