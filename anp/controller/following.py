"""A cluster, followed through its API server: every new compilation of it, as long as one likes.

This is all of the controller but what it writes. `anp run` uses it alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import kubernetes

from anp.api.objects import Resource
from anp.controller.checking import Checking
from anp.controller.client import Client
from anp.controller.inventory import Inventory
from anp.controller.kinds import BUILT_IN, CUSTOM
from anp.controller.lease import Election
from anp.controller.measures import Measures
from anp.controller.publisher import Publisher
from anp.controller.sync import Sync
from anp.controller.watching import Watching
from anp.observability.server import Trouble
from compiler.compilation import Compilation


class Following:
    """Follows the cluster that a client talks to. `sync` has what is known of it."""

    def __init__(  # noqa: PLR0913 - each of them is one thing to do with what is found
        self,
        connect: Callable[[], kubernetes.client.Configuration],
        client: Client,
        *,
        measures: Measures,
        publisher: Publisher | None = None,
        election: Election | None = None,
        compiled: Callable[[Compilation], None] = lambda _compilation: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        resources = (*BUILT_IN, *CUSTOM)
        self.inventory = Inventory(resources, lambda: self.sync.poke(), self._doubt)  # noqa: PLW0108 - it is made next
        self.sync = Sync(self.inventory, publisher, election, measures, compiled)
        self.watching = Watching(connect, client, self.inventory.put, self._doubt)
        self.checking = Checking(client, self.inventory, resources, self.watching.again)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow as long as the context lasts.

        Raises:
            ExceptionGroup: a part has ended that must not.

        """
        self.watching.start()
        try:
            parts = (self.checking.run(), self.sync.run(), self.sync.lead(), self.sync.guard())
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part) for part in parts]
                yield
                for task in tasks:
                    task.cancel()
        finally:
            await asyncio.to_thread(self.watching.stop)

    def trouble(self) -> Trouble:
        """Say why what is known of the cluster is not all there is, or not in force; empty if it is."""
        if not self.watching.alive:
            return "nothing is watched any more"
        troubles = [text for _resource, text in sorted(self.checking.troubles.items(), key=lambda item: item[0].plural)]
        return "; ".join([*troubles, *([self.sync.trouble] if self.sync.trouble else [])])

    def _doubt(self, resource: Resource) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.checking.doubt, resource)
