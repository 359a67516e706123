"""SCTP for a namespace whose kernel speaks none: a raw socket that answers, and that asks (RFC 9260).

One socket for each IP version serves every address of its namespace and opens every association from there.
That it exists is also what keeps the kernel from answering "protocol unreachable" on its own.
"""

import asyncio
import contextlib
import errno
import functools
import os
import secrets
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from anp.lab import sctp
from anp.lab.sockets import FAMILY, IP_PKTINFO, OutOfBand, report_icmp_errors, reported_error
from compiler.addresses import Address

_COOKIE = struct.Struct("!II")
_LARGEST = 4096

_Peer: TypeAlias = tuple[Address, int, int]
"""The other side's address and port, and our port: our ports are used once, so that this names an association."""


@dataclass(slots=True)
class _Association:
    tag: int
    answer: asyncio.Future[bytes]
    peer_tag: int = 0


class RawSctp:
    """Both sides of SCTP in the namespace of the thread that makes it; an event loop must be running there."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._served: dict[tuple[Address, int], bytes] = {}
        self._associations: dict[_Peer, _Association] = {}
        self._sockets: dict[int, socket.socket] = {}
        for version, family in FAMILY.items():
            raw = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, sctp.PROTOCOL_NUMBER)
            report_icmp_errors(raw)
            if version == 6:
                raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self._sockets[version] = raw
            self._loop.add_reader(raw, self._readable, raw)

    def close(self) -> None:
        """Stop answering."""
        for raw in self._sockets.values():
            self._loop.remove_reader(raw)
            raw.close()
        self._sockets.clear()

    def serve(self, address: Address, port: int, message: bytes) -> None:
        """Accept associations there, and say `message` in each."""
        self._served[address, port] = message

    def withdraw(self, address: Address, port: int) -> None:
        """Refuse associations there from now on."""
        self._served.pop((address, port), None)

    async def ask(self, source: tuple[Address, int], destination: tuple[Address, int]) -> bytes:
        """Open an association, return what is said first in it, and end it.

        Raises:
            ConnectionRefusedError: the other side aborted it.
            OSError: an ICMP error came back, or the packet could not be sent.

        """
        peer = (*destination, source[1])
        association = _Association(_fresh_tag(), self._loop.create_future())
        self._associations[peer] = association
        try:
            self._send(source, destination, 0, sctp.Init(association.tag))
            return await association.answer
        finally:
            del self._associations[peer]
            if association.peer_tag:
                with contextlib.suppress(OSError):
                    self._send(source, destination, association.peer_tag, sctp.Abort())

    def _readable(self, raw: socket.socket) -> None:
        for _ in range(64):
            try:
                data, ancillary, _flags, sender = raw.recvmsg(_LARGEST, 256)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP error, told once here and in detail in the error queue.
                continue
            source, destination, payload = _addressed(raw, data, ancillary, sender[0])
            with contextlib.suppress(ValueError, OSError):
                self._receive(source, destination, sctp.decode(payload))
        while (error := reported_error(raw, _LARGEST)) is not None:
            with contextlib.suppress(ValueError):
                ours, theirs = sctp.ports(error.packet)
                self._settle((error.destination, theirs, ours), OSError(error.number, os.strerror(error.number)))

    def _receive(self, source: Address, destination: Address, packet: sctp.Packet) -> None:
        here, there = (destination, packet.destination), (source, packet.source)
        for chunk in packet.chunks:
            match chunk:
                case sctp.Init(tag):
                    self._answer_init(here, there, tag)
                case sctp.CookieEcho(cookie):
                    self._answer_cookie(here, there, packet.tag, cookie)
                case _:
                    self._advance(here, there, packet.tag, chunk)

    def _answer_init(self, here: tuple[Address, int], there: tuple[Address, int], tag: int) -> None:
        if here in self._served:
            # The cookie holds all there is to remember, so nothing is kept for associations that never open.
            own = _fresh_tag()
            self._send(here, there, tag, sctp.InitAck(own, _COOKIE.pack(own, tag)))
        else:
            self._send(here, there, tag, sctp.Abort())

    def _answer_cookie(self, here: tuple[Address, int], there: tuple[Address, int], tag: int, cookie: bytes) -> None:
        message = self._served.get(here)
        if message is None or len(cookie) != _COOKIE.size:
            return
        own, theirs = _COOKIE.unpack(cookie)
        if tag == own:
            self._send(here, there, theirs, sctp.CookieAck(), sctp.Data(own, message))

    def _advance(self, here: tuple[Address, int], there: tuple[Address, int], tag: int, chunk: sctp.Chunk) -> None:
        peer = (*there, here[1])
        association = self._associations.get(peer)
        if association is None or tag != association.tag:
            return
        match chunk:
            case sctp.InitAck(peer_tag, cookie):
                association.peer_tag = peer_tag
                self._send(here, there, peer_tag, sctp.CookieEcho(cookie))
            case sctp.Data(_, message) if not association.answer.done():
                association.answer.set_result(message)
            case sctp.Abort():
                self._settle(peer, ConnectionRefusedError(errno.ECONNREFUSED, "aborted"))

    def _settle(self, peer: _Peer, error: OSError) -> None:
        association = self._associations.get(peer)
        if association is not None and not association.answer.done():
            association.answer.set_exception(error)

    def _send(self, here: tuple[Address, int], there: tuple[Address, int], tag: int, *chunks: sctp.Chunk) -> None:
        data = sctp.encode(sctp.Packet(here[1], there[1], tag, chunks))
        # Of several addresses we must answer from the one that was asked.
        if here[0].version == 4:
            origin = (socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I4s4s", 0, here[0].packed, bytes(4)))
        else:
            origin = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, here[0].packed + struct.pack("=I", 0))
        raw = self._sockets.get(here[0].version)
        if raw is None:
            raise OSError(errno.ENETDOWN, "closed")
        send = functools.partial(raw.sendmsg, [data], [origin], 0, (str(there[0]), 0))
        try:
            send()
        except OSError:
            # It may be about an earlier packet: a socket keeps an ICMP error for whoever uses it next.
            send()


def _addressed(raw: socket.socket, data: bytes, ancillary: OutOfBand, sender: str) -> tuple[Address, Address, bytes]:
    """Return source, destination and what is after the IP header, which only IPv4's raw sockets hand out."""
    if raw.family == socket.AF_INET:
        return ip_address(sender), ip_address(socket.inet_ntoa(data[16:20])), data[(data[0] & 15) * 4 :]
    destination = next(value[:16] for _level, kind, value in ancillary if kind == socket.IPV6_PKTINFO)
    return ip_address(sender), ip_address(socket.inet_ntop(socket.AF_INET6, destination)), data


def _fresh_tag() -> int:
    return secrets.randbelow(2**32 - 1) + 1
