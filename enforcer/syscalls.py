"""The two system calls that Python 3.11 does not have, both about the calling thread, and visits to namespaces."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET: a network namespace of one's own."""
NEW_USER = 0x10000000
"""CLONE_NEWUSER: a user namespace of one's own, in which one has every capability."""

_NAMED_NAMESPACES = Path("/run/netns")

_LIBC = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave those namespaces for new ones; raise OSError where the kernel refuses."""
    _checked(_LIBC.unshare(flags))


def setns(fd: int, flags: int) -> None:
    """Enter the namespace behind `fd`, which is of the kind of `flags`; raise OSError where the kernel refuses."""
    _checked(_LIBC.setns(fd, flags))


def visiting(netns: str | int | None, function: Callable[[], T]) -> T:
    """Run `function` in a network namespace, in a thread that ends with it; return or raise as it does.

    `netns` is a namespace's name, as `ip netns` has it, its path, or an open file descriptor of it; without, it is run
    where we are. Raise OSError where the namespace cannot be entered.
    """

    def visit() -> T:
        if isinstance(netns, int):
            setns(netns, NEW_NETWORK)
        elif netns is not None:
            # A path stays what it is here.
            fd = os.open(_NAMED_NAMESPACES / netns, os.O_RDONLY | os.O_CLOEXEC)
            try:
                setns(fd, NEW_NETWORK)
            finally:
                os.close(fd)
        return function()

    with ThreadPoolExecutor(max_workers=1) as visitor:
        return visitor.submit(visit).result()


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
