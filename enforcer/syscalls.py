"""The two system calls that Python 3.11 does not have, both about the calling thread."""

import ctypes
import os

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET: a network namespace of one's own."""
NEW_USER = 0x10000000
"""CLONE_NEWUSER: a user namespace of one's own, in which one has every capability."""

_LIBC = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave those namespaces for new ones; raise OSError where the kernel refuses."""
    _checked(_LIBC.unshare(flags))


def setns(fd: int, flags: int) -> None:
    """Enter the namespace behind `fd`, which is of the kind of `flags`; raise OSError where the kernel refuses."""
    _checked(_LIBC.setns(fd, flags))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
