"""Noticing that files changed.

A watch says *that* something may have changed and never what: whoever listens looks again and decides from what is
there. So no event can be lost, doubled or misread, however an editor or a kubelet replaces its files.
"""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import watchfiles

from anp.sources.files import fingerprint

_QUIET_MS = 40
"""A burst of changes is over after so long without one."""
_BURST_MS = 160
"""A burst that does not end is told after so long."""
_LOOK_MS = 100
"""How often to look whether the path still leads to what is being watched."""
_DOUBT = 2.0
"""Seconds without news after which to compare all the same: the library drops what comes while it hands over."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """Which directory on which file system is watched, and whether that is the path itself."""

    device: int
    inode: int
    directory: bool


@dataclass(frozen=True, slots=True)
class DirectoryWatch:
    """A watch on a directory and all below it, or on one file.

    The path may be missing, go away and come back, or be a link that is turned to another place.
    """

    path: str

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield at once, and then within 0.3 s of every change, where a burst is one change.

        News that are lost on their way are made up for within some 2 s. What happens between two yields is told by
        the second. Ends only by being closed or cancelled.
        """
        polling = False
        now = asyncio.get_running_loop().time
        while True:
            before = fingerprint(self.path)
            yield None
            while (watched := _identity(self.path)) is None:
                await _nap()
            directory = watched.directory
            due = now()
            try:
                async with aclosing(_signs(self.path, directory=directory, polling=polling)) as signs:
                    async for event in signs:
                        # What changed before the watch stood, or what nobody told of, is found by comparing. The
                        # neighbours of a single file change too, so there comparing is all there is.
                        if event or not directory or now() >= due:
                            after = fingerprint(self.path)
                            changed = (event and directory) or after != before
                            before, due = after, now() + _DOUBT
                            if changed:
                                yield None
                        if _identity(self.path) != watched:
                            break
            except FileNotFoundError:  # it went away just now
                await _nap()
            except (OSError, RuntimeError):  # the system has no watches left, or its watching fails otherwise
                polling = True
                await _nap()


async def _signs(path: str, *, directory: bool, polling: bool) -> AsyncGenerator[bool, None]:
    """Yield True after events, and False every now and then without; one file is watched through its directory."""
    changes = watchfiles.awatch(
        path if directory else _parent(path),
        watch_filter=_matters,
        debounce=_BURST_MS,
        step=_QUIET_MS,
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        recursive=directory,
        force_polling=polling or None,
        poll_delay_ms=_LOOK_MS,
        ignore_permission_denied=True,
    )
    async with aclosing(changes):
        async for events in changes:
            yield bool(events)


def _matters(_change: watchfiles.Change, path: str) -> bool:
    """Leave out the bookkeeping of git; nothing else, since links may lead to hidden files."""
    return ".git" not in Path(path).parts


def _identity(path: str) -> _Identity | None:
    """Say which directory is to be watched for `path`: itself, or the one that it is in; None if nothing is there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - one call, so that nothing changes between two questions
        directory = stat.S_ISDIR(status.st_mode)
        if not directory:
            status = _parent(path).stat()
    except OSError:
        return None
    return _Identity(status.st_dev, status.st_ino, directory)


def _parent(path: str) -> Path:
    return Path(path).absolute().parent


async def _nap() -> None:
    await asyncio.sleep(_LOOK_MS / 1000)
