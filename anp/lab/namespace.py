"""Network namespaces without a name, which last as long as somebody holds them open."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from anp.lab.errors import PrivilegeError
from enforcer.syscalls import NEW_NETWORK, setns, unshare

T = TypeVar("T")


class Namespace:
    """A new network namespace.

    It is held by one file descriptor and found nowhere in the file system: when the process ends, however it
    ends, the kernel takes it back. A socket belongs for ever to the namespace in which its thread was when
    it made it; that is how one process serves many namespaces.

    Raises:
        PrivilegeError: we may not make one.

    """

    def __init__(self) -> None:
        self.fd = in_new_thread(_open_new)

    def enter(self) -> None:
        """Move the calling thread here, for good or until it enters another one."""
        setns(self.fd, NEW_NETWORK)

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` here, in a thread that ends with it; return or raise as it does."""

        def visit() -> T:
            self.enter()
            return function()

        return in_new_thread(visit)

    def close(self) -> None:
        """Let go; what is in it goes with the last socket and thread that are in it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def in_new_thread(function: Callable[[], T]) -> T:
    """Run `function` in a thread of its own, whose namespaces are nobody else's; return or raise as it does."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:  # noqa: BLE001  it is raised again, in the thread that waits for it
            outcome.set_exception(error)

    # A daemon, lest a function that hangs keep an interrupted program from ending.
    thread = threading.Thread(target=run, name="lab-visit", daemon=True)
    thread.start()
    thread.join()
    return outcome.result()


def _open_new() -> int:
    try:
        unshare(NEW_NETWORK)
    except PermissionError:
        raise PrivilegeError(
            "making a network namespace is not permitted: run as root, or call anp.lab.privilege.ensure() first"
        ) from None
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
