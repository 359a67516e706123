"""Tells the cluster what is in force on the node: the status of its NodeEnforcement, which the controller makes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from anp.api.engine_v1alpha1 import NodeEnforcement
from anp.controller.client import NOT_FOUND, CallError, path_of
from anp.node.connection import Connection
from anp.node.feed import Backoff, Patience

LOG = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds between reports, at least."""
REPEAT = 300.0
"""Seconds after which a report is repeated, so that its age says that somebody is alive."""


class Reporter:
    """Writes reports, not too often, and always the last one."""

    def __init__(
        self, connection: Connection, node: str, status: Callable[[], dict[str, Any]], pause: float = PAUSE
    ) -> None:
        self._connection = connection
        self._path = f"{path_of(NodeEnforcement.resource, node)}/status"
        self._status = status
        self._pause = pause
        self._news = asyncio.Event()

    def poke(self) -> None:
        """Something has changed."""
        self._news.set()

    async def run(self) -> None:
        """Report whenever there are news; until cancelled."""
        backoff = Backoff(Patience(first=1.0, longest=15.0))
        told = ""
        while True:
            try:
                async with asyncio.timeout(REPEAT):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self._connection.merge(self._path, {"status": self._status()})
            except CallError as error:
                self._news.set()
                # Before the controller has noticed the node there is nothing to write to.
                if str(error) != told:
                    level = logging.INFO if error.code == NOT_FOUND else logging.WARNING
                    LOG.log(level, "cannot report: %s", error)
                told = str(error)
                await asyncio.sleep(backoff.after_failure())
                continue
            told = ""
            backoff.reset()
            await asyncio.sleep(self._pause)
