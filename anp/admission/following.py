"""Following the cluster with the right to read only: what the controller follows, but what agents report."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import kubernetes

from anp.admission.known import RESOURCES
from anp.api.objects import Resource
from anp.controller.checking import Checking
from anp.controller.client import Client
from anp.controller.inventory import Inventory
from anp.controller.watching import Watching
from anp.observability.server import Trouble


class _Watching(Watching):
    """Watches policies, and not what agents report, which is nothing to us and which we may not read."""

    async def _discover(self) -> frozenset[Resource]:
        return await super()._discover() & frozenset(RESOURCES)


class Following:
    """Follows the cluster that a client talks to. `inventory` has its news, and `news` is set when there are any."""

    def __init__(self, connect: Callable[[], kubernetes.client.Configuration], client: Client) -> None:
        self._loop = asyncio.get_running_loop()
        self._complete = False
        self.news = asyncio.Event()
        self.inventory = Inventory(RESOURCES, self._poke, self._doubt)
        self._watching = _Watching(connect, client, self.inventory.put, self._doubt)
        self._checking = Checking(client, self.inventory, RESOURCES, self._watching.again)

    @property
    def alive(self) -> bool:
        """Whether anything is watched."""
        return self._watching.alive

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow as long as the context lasts.

        Raises:
            ExceptionGroup: a part has ended that must not.

        """
        self._watching.start()
        try:
            async with asyncio.TaskGroup() as group:
                checking = group.create_task(self._checking.run())
                yield
                checking.cancel()
        finally:
            await asyncio.to_thread(self._watching.stop)

    def trouble(self) -> Trouble:
        """Say why what is known of the cluster is not all there is; empty if it is."""
        if not self.alive:
            return "nothing is watched any more"
        unknown = () if self._complete else self.inventory.unknown()
        # What is new for a moment is no reason to judge nothing.
        self._complete = not unknown
        names = ", ".join(sorted(resource.plural for resource in unknown))
        told = [f"not all objects of the cluster are known yet: {names}"] if unknown else []
        return "; ".join([*told, *sorted(self._checking.troubles.values())])

    def _poke(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.news.set)

    def _doubt(self, resource: Resource) -> None:
        if resource in RESOURCES:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._checking.doubt, resource)
