"""One of several controllers is the active one: a Lease says which.

The rules are those of client-go's leader election. Who holds the Lease renews it; the others note when they last saw
it change, by their own clock, and try to take it when that was too long ago. The API server lets only one of several
attempts through. Clocks of different machines are never compared. A holder that cannot renew gives up before anybody
else may begin. (That two write at once is ruled out by the manifest's own guard in any case.)
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

log = logging.getLogger(__name__)

DURATION = 15.0
"""Seconds after which a Lease that was not renewed may be taken."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says, and the version at which it said so; a new one has no version."""

    holder: str = ""
    seconds: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    version: str = ""


class ConflictError(Exception):
    """Somebody else was faster."""


class LeaseStore(Protocol):
    """Where the Lease is kept."""

    async def read(self) -> LeaseRecord | None:
        """Return the Lease, or None if there is none."""

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store the record in place of the version it names, or as a new one; return it with its new version.

        Raises:
            ConflictError: the stored version is another one by now.

        """


class Election:
    """Takes part in the election until cancelled. `leading` is set exactly while this one may act."""

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        *,
        duration: float = DURATION,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._identity = identity
        self._duration = duration
        self._clock = clock
        self._seen: LeaseRecord | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost.set()

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last seen; empty if nobody did."""
        return self._seen.holder if self._seen else ""

    async def run(self) -> None:
        """Take part; when cancelled, give the Lease back, so that nobody has to wait for its end."""
        try:
            while True:
                await self._turn()
                await asyncio.sleep(self._duration / 5)
        finally:
            was_leading = self.leading.is_set()
            self._lose("ended")
            if was_leading:
                await asyncio.shield(self._release())

    async def _turn(self) -> None:
        """Try once, and no longer than there is time for it."""
        # A holder that hears nothing has to stop in time; two thirds is what others leave as well.
        left = self._renewed_at + self._duration * 2 / 3 - self._clock() if self.leading.is_set() else self._duration
        try:
            async with asyncio.timeout(max(left, 0.0)):
                held = await self.attempt()
        except ConflictError:
            # Nothing is known of the Lease but that somebody has written it.
            held = False
        except Exception as problem:  # noqa: BLE001 - whatever it is, the answer is to try again
            log.warning("the lease cannot be renewed: %s", problem or type(problem).__name__)
            held = self.leading.is_set() and self._clock() < self._renewed_at + self._duration * 2 / 3
        if held and not self.leading.is_set():
            log.info("leading", extra={"identity": self._identity})
            self.lost.clear()
            self.leading.set()
        elif not held and self.leading.is_set():
            self._lose("lost")

    async def attempt(self) -> bool:
        """Renew the Lease, or take it if that is allowed; say whether it is ours now.

        Raises:
            ConflictError: somebody else has written it meanwhile.

        """
        asked_at = self._clock()
        record = await self._store.read()
        if record is None:
            record = LeaseRecord()
        if record != self._seen:
            self._seen, self._seen_at = record, self._clock()
        ours = record.holder == self._identity
        free = not record.holder or self._clock() > self._seen_at + max(record.seconds, self._duration)
        if not (ours or free):
            return False
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        wish = replace(record, holder=self._identity, seconds=max(1, round(self._duration)), renewed=now)
        if not ours:
            wish = replace(wish, acquired=now, transitions=record.transitions + bool(record.version))
        self._seen = await self._store.write(wish)
        # Counted from before the question: whatever the answer took, others may have counted from the start of it.
        self._seen_at = self._renewed_at = asked_at
        return True

    async def _release(self) -> None:
        seen = self._seen
        if seen is None or seen.holder != self._identity:
            return
        try:
            async with asyncio.timeout(self._duration / 5):
                await self._store.write(replace(seen, holder=""))
        except Exception as problem:  # noqa: BLE001 - it ends by itself a little later
            log.info("the lease was not given back: %s", problem or type(problem).__name__)

    def _lose(self, how: str) -> None:
        if self.leading.is_set():
            log.warning("not leading any more", extra={"identity": self._identity, "how": how})
        self.leading.clear()
        self.lost.set()
