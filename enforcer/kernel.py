"""The kernel's nftables in one network namespace: the one door to libnftables.

Nobody above this module sees a return code, an output flag or a thread. What libnftables does with foreign
objects is its own affair, and an old version may crash its process on what a newer one has written: keep an
agent that must not die apart from tables that others fill.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from compiler.ruleset import Ruleset
from compiler.syntax import HERE
from enforcer.errors import (
    EnforcerError,
    NamespaceError,
    NftUnavailableError,
    NotPermittedError,
    TooManyFilesError,
    TransactionRejectedError,
)
from enforcer.readback import parse_listing
from enforcer.syscalls import NEW_NETWORK, setns
from enforcer.transaction import Transaction

try:
    import nftables
except ImportError:
    nftables = None

T = TypeVar("T")

_NAMED_NAMESPACES = Path("/run/netns")
_SELECTABLE = 1024
"""FD_SETSIZE."""

# Contexts of libnftables share tables that it fills when it needs them, and nothing says that this is safe.
_LIBNFTABLES = threading.Lock()

_ABSENT = "No such file or directory"
_FORBIDDEN = "Operation not permitted"
_LOCATED = re.compile(r":(?P<line>\d+):(?P<column>\d+)-\d+: Error: (?P<reason>.*)")


class KernelDataplane:
    """Our table, in the kernel.

    A context of libnftables belongs for ever to the network namespace of the thread that made it, because it
    opens its socket then; it may open it anew in a later call. So each dataplane has a thread of its own, which
    enters the namespace and makes all calls. A process can have many, each in another namespace, and use them
    from any thread.

    Args:
        netns: A namespace's name, as `ip netns` has it, its path, or an open file descriptor of it; without,
            the namespace of the calling thread.

    Raises:
        NftUnavailableError: there is no libnftables.
        NamespaceError: there is no such namespace, or it may not be entered.

    """

    def __init__(self, netns: str | int | None = None) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nftables")
        try:
            self._nft: Any = self._call(lambda: _open(netns))
        except BaseException:
            self._worker.shutdown()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the namespace; what is in the kernel stays. Nothing else may be called afterwards."""
        self._worker.shutdown()
        self._nft = None

    def read(self) -> Ruleset:
        """Return what our table holds; nothing if it is not there. It takes seconds where there is very much.

        Raises:
            NotPermittedError: we may not.
            ListingError: libnftables answered with something else.

        """
        listing = self.listing()
        return parse_listing(listing) if listing else Ruleset()

    def listing(self) -> str:
        """Return the JSON listing of our table as libnftables writes it, or nothing if there is no such table.

        Raises:
            NotPermittedError: we may not.

        """
        code, output, message = self._call(lambda: _text(self._nft.cmd(f"list table {HERE}".encode())))
        if code == 0:
            return output
        if _ABSENT in message:
            return ""
        _refuse_forbidden(message)
        raise EnforcerError(f"nftables cannot list table {HERE}: {_reason(message)}")

    def list_chains(self) -> str:
        """Return a JSON listing of the chains of all tables without their rules, which may be beyond our libnftables.

        Raises:
            NotPermittedError: we may not.

        """
        code, output, message = self._call(lambda: _text(self._nft.cmd(b"list chains")))
        if code == 0:
            return output
        _refuse_forbidden(message)
        raise EnforcerError(f"nftables cannot list chains: {_reason(message)}")

    def run(self, tx: Transaction) -> None:
        """Do all of `tx`, or nothing; return once the kernel has it.

        Raises:
            NotPermittedError: we may not.
            TransactionRejectedError: it was refused; the error names the statement.
            InvalidRulesetError: it has no safe text; the kernel was not asked.

        """
        self.run_script(tx.script)

    def run_script(self, script: str) -> None:
        """Do all of a whole script, or nothing; raise as `run` does."""
        self._call(lambda: self._run_here(script))

    def check(self, tx: Transaction) -> None:
        """Find out whether the kernel would take `tx` now, changing nothing; raise as `run` does."""
        self.check_script(tx.script)

    def check_script(self, script: str) -> None:
        """Find out whether the kernel would take a whole script now, changing nothing; raise as `run` does."""

        def check() -> None:
            self._nft.set_dry_run(True)
            try:
                self._run_here(script)
            finally:
                self._nft.set_dry_run(False)

        self._call(check)

    def _run_here(self, script: str) -> None:
        if not script:
            return
        # From a buffer, libnftables does not say in which line a mistake is; from a file it does.
        with _in_memory(script) as path:
            code, _, message = _text(self._nft.cmd_from_file(path.encode()))
        if code != 0:
            _refuse_forbidden(message)
            raise _rejection(message, script)

    def _call(self, function: Callable[[], T]) -> T:
        """Run `function` in our thread, alone in libnftables; return or raise as it does."""

        def call() -> T:
            with _LIBNFTABLES:
                return function()

        return self._worker.submit(call).result()


def _open(netns: str | int | None) -> Any:
    """Enter the namespace and make a context in it."""
    if nftables is None:
        raise NftUnavailableError("there is no Python module named nftables")
    if netns is not None:
        _enter(netns)
    _require_low_descriptor()
    try:
        nft = nftables.Nftables()
    except OSError as error:
        raise NftUnavailableError(str(error)) from error
    nft.set_json_output(True)
    # Words would depend on the files in /etc of the machine, numbers do not. Rules come without their counts.
    nft.set_numeric_prio_output(True)
    nft.set_numeric_proto_output(True)
    nft.set_numeric_symbol_output(True)
    nft.set_stateless_output(True)
    return nft


def _require_low_descriptor() -> None:
    """Refuse where libnftables would get a descriptor that select(2), with which it waits, aborts the process for."""
    probe = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(probe)
    if probe >= _SELECTABLE:
        raise TooManyFilesError(_SELECTABLE)


def _enter(netns: str | int) -> None:
    try:
        if isinstance(netns, int):
            setns(netns, NEW_NETWORK)
            return
        # A path stays what it is here.
        fd = os.open(_NAMED_NAMESPACES / netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(fd, NEW_NETWORK)
        finally:
            os.close(fd)
    except OSError as error:
        raise NamespaceError(f"cannot enter network namespace {netns}: {error.strerror}") from error


@contextmanager
def _in_memory(script: str) -> Iterator[str]:
    """Keep a script in a file that is nowhere on a disk."""
    fd = os.memfd_create("nft-script", os.MFD_CLOEXEC)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(script.encode())
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _text(answer: tuple[int, bytes, bytes]) -> tuple[int, str, str]:
    """Decode an answer; names that others gave their objects may be in it, and need not be UTF-8."""
    code, output, message = answer
    return code, output.decode(errors="replace"), message.decode(errors="replace")


def _refuse_forbidden(message: str) -> None:
    if _FORBIDDEN in message:
        raise NotPermittedError


def _rejection(message: str, script: str) -> TransactionRejectedError:
    """Make an error of what libnftables says: places in the script, each with the reason; the first counts."""
    found = _LOCATED.search(message)
    if found is None:
        return TransactionRejectedError(_reason(message), "", script)
    statements = script.split("\n")
    line = int(found["line"])
    statement = statements[line - 1] if line <= len(statements) else ""
    return TransactionRejectedError(_bare(found["reason"]), statement, script, int(found["column"]))


def _reason(message: str) -> str:
    """Return the first line of a message, which the others only illustrate."""
    return _bare(message.strip().partition("\n")[0].removeprefix("Error: ")) or "no reason given"


def _bare(reason: str) -> str:
    return reason.removeprefix("Could not process rule: ").strip()
