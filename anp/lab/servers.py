"""What answers in the lab, and says who it is."""

import asyncio
import contextlib
import socket
from typing import Protocol as Interface

from anp.lab.sockets import FAMILY
from compiler.addresses import Address

_LARGEST = 4096
_BURST = 64
"""Connections or datagrams taken in one go, lest one server keep the others waiting."""


class Server(Interface):
    """Something that answers until it is closed."""

    def close(self) -> None:
        """Stop answering."""


class StreamServer:
    """Accepts connections, says `message` in each and hangs up; for TCP, and for SCTP where the kernel has it.

    It lives in the namespace of the thread that makes it; an event loop must be running there.

    Raises:
        OSError: the address is not there, or something else listens on that port already.

    """

    def __init__(self, protocol: int, address: Address, port: int, message: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._message = message
        self._socket = _bound(socket.SOCK_STREAM, protocol, address, port)
        self._socket.listen(1024)
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_BURST):
            try:
                connection, _ = self._socket.accept()
            except OSError:
                # None is left, or the one that was there has gone.
                return
            # So few bytes always fit into the buffer of a new connection, so nothing has to wait.
            with connection, contextlib.suppress(OSError):
                connection.send(self._message)

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._socket)
        self._socket.close()


class DatagramServer:
    """Answers each UDP datagram with the same and `message`; where it lives and what it raises as `StreamServer`."""

    def __init__(self, address: Address, port: int, message: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._message = message
        self._socket = _bound(socket.SOCK_DGRAM, socket.IPPROTO_UDP, address, port)
        self._loop.add_reader(self._socket, self._answer)

    def _answer(self) -> None:
        for _ in range(_BURST):
            try:
                question, sender = self._socket.recvfrom(_LARGEST)
                self._socket.sendto(question + self._message, sender)
            except BlockingIOError:
                return
            except OSError:
                # The one that asked has gone, or there is no way back to it.
                continue

    def close(self) -> None:
        """Stop answering."""
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _bound(kind: int, protocol: int, address: Address, port: int) -> socket.socket:
    sock = socket.socket(FAMILY[address.version], kind | socket.SOCK_NONBLOCK, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((str(address), port))
    except OSError:
        sock.close()
        raise
    return sock
