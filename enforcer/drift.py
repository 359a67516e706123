"""Notices that somebody else changes our table: the kernel tells who listens of every change to nftables.

The kernel does one transaction at a time. It tells of what a transaction did before that transaction returns, and ends
the news with the number of the ruleset's new generation. So whoever makes changes of his own takes the news right
before and right after: what came before is not his, and of what comes then one transaction may be.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from compiler.names import TABLE
from enforcer.errors import NamespaceError
from enforcer.syscalls import visiting

_NETLINK_NETFILTER = 12
_GROUP_NFTABLES = 7
_SUBSYSTEM_NFTABLES = 10
_NEW_GENERATION = 15
_INET = 1
_NAME = 1
"""The first attribute of all news but those of a new generation: the table's name."""
_RECEIVE_FORCED = 33
"""SO_RCVBUFFORCE."""
_BUFFER = 8 << 20
_MOST = 1 << 20

_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("=BBH")
_ATTRIBUTE = struct.Struct("=HH")


class TableWatch:
    """News about our table in one network namespace; for one thread at a time.

    Args:
        netns: As for `KernelDataplane`.

    Raises:
        NamespaceError: there is no such namespace, or it may not be entered, or one may not listen there.

    """

    def __init__(self, netns: str | int | None = None) -> None:
        try:
            self._socket = visiting(netns, _listening)
        except OSError as error:
            raise NamespaceError(f"cannot listen to nftables in network namespace {netns}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return what can be waited for: it is readable when there is news about any table."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def transactions(self) -> int:
        """Take all the news there are, and return how many transactions have changed our table.

        Where there was more than the kernel keeps for us, it is one more, and not to be trusted any further.
        """
        count, ours = 0, False
        while True:
            try:
                data = self._socket.recv(_MOST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                # News that are not ended belong to a transaction, too.
                return count + ours
            except OSError:
                # ENOBUFS: some were lost.
                count, ours = count + 1, False
                continue
            for kind, table in _news(data):
                if kind == _NEW_GENERATION:
                    count, ours = count + ours, False
                elif table == TABLE:
                    ours = True


def _listening() -> socket.socket:
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    try:
        with suppress(PermissionError):
            # Only the initial user namespace may have so much; elsewhere it is what everybody has.
            listener.setsockopt(socket.SOL_SOCKET, _RECEIVE_FORCED, _BUFFER)
        listener.bind((0, 1 << _GROUP_NFTABLES - 1))
    except BaseException:
        listener.close()
        raise
    return listener


def _news(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield what each message is about: its kind, and the name of the table if it is of our family."""
    place = 0
    while place + _HEADER.size + _FAMILY.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, place)
        if length < _HEADER.size:
            return
        message = data[place + _HEADER.size : place + length]
        place += length + 3 & ~3
        if kind >> 8 != _SUBSYSTEM_NFTABLES or len(message) < _FAMILY.size:
            continue
        family = _FAMILY.unpack_from(message)[0]
        yield kind & 0xFF, _table(message[_FAMILY.size :]) if family == _INET else ""


def _table(attributes: bytes) -> str:
    place = 0
    while place + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, place)
        if length < _ATTRIBUTE.size:
            break
        if kind & 0x3FFF == _NAME:
            return attributes[place + _ATTRIBUTE.size : place + length].rstrip(b"\0").decode(errors="replace")
        place += length + 3 & ~3
    return ""
