"""Lists the metadata of a kind whenever the watch may have missed something, and mends what it has missed."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from anp.api.objects import Resource
from anp.controller.client import NOT_FOUND, CallError, Client, path_of
from anp.controller.inventory import Inventory, key_of, version_of
from anp.observability.backoff import Backoff

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds after which a kind is checked even if there is no reason to."""
PATIENCE = 5.0
"""Seconds that the watch may take to tell of what a list had, before that is looked up."""
PAUSE = 0.5
"""Seconds between two checks of a kind."""


class Checking:
    """Checks kinds; `troubles` says which cannot be read, and why. `deaf` is called for one that no watch tells of."""

    def __init__(
        self,
        client: Client,
        inventory: Inventory,
        resources: Iterable[Resource],
        deaf: Callable[[Resource], None] = lambda _resource: None,
    ) -> None:
        self._client = client
        self._inventory = inventory
        self._wanted = {resource: asyncio.Event() for resource in resources}
        self._deaf = deaf
        self.troubles: dict[Resource, str] = {}

    def doubt(self, resource: Resource) -> None:
        """Let a kind be checked soon."""
        self._wanted[resource].set()

    async def run(self) -> None:
        """Check every kind now, and then whenever there is a reason to; until cancelled."""
        async with asyncio.TaskGroup() as group:
            for resource in self._wanted:
                group.create_task(self._keep(resource))

    async def _keep(self, resource: Resource) -> None:
        backoff = Backoff(0.2, 20.0)
        wanted = self._wanted[resource]
        while True:
            wanted.clear()
            try:
                await self._check(resource)
            except CallError as error:
                if self.troubles.get(resource) != str(error):
                    log.error("cannot read %s: %s", resource.plural, error)  # noqa: TRY400 - where it happened says nothing
                self.troubles[resource] = str(error)
                await asyncio.sleep(backoff.next())
                continue
            if self.troubles.pop(resource, ""):
                log.info("%s can be read again", resource.plural)
            backoff.reset()
            await asyncio.sleep(PAUSE)
            try:
                async with asyncio.timeout(EVERY * random.uniform(0.8, 1.2)):  # noqa: S311 - replicas need not agree
                    await wanted.wait()
            except TimeoutError:
                pass

    async def _check(self, resource: Resource) -> None:
        before = self._inventory.seen(resource)
        try:
            listed = await self._client.listed(resource, whole=False)
        except CallError as error:
            if error.code != NOT_FOUND:
                raise
            listed = []  # the kind is not served (any more), so there are none
        self._inventory.reconcile(resource, before, {key_of(item): version_of(item) for item in listed})
        await self._wait_for(resource)

    async def _wait_for(self, resource: Resource) -> None:
        """Wait for the watch to tell of everything; look up what it does not tell of."""
        left, since = len(self._inventory.awaited(resource)), 0.0
        while awaited := self._inventory.awaited(resource):
            if len(awaited) < left:
                left, since = len(awaited), 0.0
            if since >= PATIENCE:
                log.warning("the watch of %s does not tell of %d objects", resource.plural, len(awaited))
                self._deaf(resource)
                for key in awaited:
                    await self._look_up(resource, key)
                return
            await asyncio.sleep(0.02)
            since += 0.02

    async def _look_up(self, resource: Resource, key: tuple[str, str]) -> None:
        before = self._inventory.seen(resource).get(key)
        try:
            document = await self._client.call("GET", path_of(resource, key[1], key[0]))
        except CallError as error:
            if error.code != NOT_FOUND:
                raise
            document = None
        self._inventory.found(resource, key, before, document)
