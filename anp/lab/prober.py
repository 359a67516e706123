"""Asking the questions: one short dialogue for each protocol."""

import asyncio
import errno
import os
import secrets
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from anp.lab.probes import Outcome, Probe, ProbeResult
from anp.lab.site import Site
from anp.lab.sockets import report_icmp_errors, reported_error
from compiler.addresses import Address
from compiler.model import Protocol

_AT_ONCE = 512
"""Probes in flight, each of which holds a descriptor or two."""
_GRACE = 16
"""Turns of the loop after the time is up; an answer takes a few through servers that live in the same loop."""
_LARGEST = 4096
_ECHO = struct.Struct("!BBHHH")
_ECHO_REQUEST = {4: 8, 6: 128}
_UNREACHABLE = frozenset(
    (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.ENOPROTOOPT, errno.EPROTO, errno.EADDRNOTAVAIL)
)
_ABORT_ON_CLOSE = struct.pack("ii", 1, 0)

Target: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A probe, where it starts, with which address, and who should answer.

    No `source` is what a place without an address of the destination's family has; no `server` means anyone may answer.
    """

    probe: Probe
    site: Site
    source: Address | None
    server: str = ""


async def ask_all(questions: Sequence[Question], seconds: float, retries: int) -> list[ProbeResult]:
    """Ask them all at once and return the results in order.

    What timed out is asked again up to `retries` times, each time with twice the time and another source port.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask_in_turn(question: Question) -> ProbeResult:
        async with gate:
            patience = seconds
            for _ in range(retries):
                result = await _ask(question, patience)
                if result.outcome is not Outcome.TIMEOUT:
                    return result
                patience *= 2
            return await _ask(question, patience)

    return await asyncio.gather(*map(ask_in_turn, questions))


async def _ask(question: Question, seconds: float) -> ProbeResult:
    if question.source is None:
        return ProbeResult(Outcome.UNREACHABLE, f"{question.probe.source} has no address of that family", 0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    task = asyncio.create_task(_dialogue(question.probe, question.site, question.source))
    await asyncio.wait({task}, timeout=seconds)
    # On a busy machine the loop itself may have been late: what has arrived by now counts as in time.
    for _ in range(_GRACE):
        if task.done():
            break
        await asyncio.sleep(0)
    took = loop.time() - started
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        return ProbeResult(Outcome.TIMEOUT, f"no answer within {seconds:g} s", took)
    try:
        server = task.result()
    except ConnectionRefusedError as error:
        return ProbeResult(Outcome.REFUSED, _words(error), took)
    except OSError as error:
        return ProbeResult(Outcome.UNREACHABLE if error.errno in _UNREACHABLE else Outcome.ERROR, _words(error), took)
    if question.server and server and server != question.server:
        return ProbeResult(Outcome.ERROR, f"answered by {server}, not {question.server}", took, server)
    return ProbeResult(Outcome.CONNECTED, f"answered by {server or 'an echo reply'}", took, server)


async def _dialogue(probe: Probe, site: Site, source: Address) -> str:
    """Return who answered, "" if it did not say; raise OSError as the sockets do."""
    target = str(probe.destination), probe.port
    match probe.protocol:
        case Protocol.TCP:
            with site.bound(socket.SOCK_STREAM, socket.IPPROTO_TCP, source) as sock:
                answer = await _ask_stream(sock, target)
        case Protocol.UDP:
            with site.bound(socket.SOCK_DGRAM, socket.IPPROTO_UDP, source) as sock:
                answer = await _ask_datagram(sock, target)
        case Protocol.SCTP:
            if site.sctp is None:
                with site.bound(socket.SOCK_STREAM, socket.IPPROTO_SCTP, source) as sock:
                    answer = await _ask_stream(sock, target)
            else:
                answer = await site.sctp.ask((source, site.source_port()), (probe.destination, probe.port))
        case Protocol.OTHER:
            protocol = socket.IPPROTO_ICMP if source.version == 4 else socket.IPPROTO_ICMPV6
            with site.bound(socket.SOCK_DGRAM, protocol, source) as sock:
                answer = await _ask_echo(sock, target, _ECHO_REQUEST[source.version])
        case _:
            assert_never(probe.protocol)
    return answer.decode(errors="replace").rstrip("\n")


async def _ask_stream(sock: socket.socket, target: Target) -> bytes:
    loop = asyncio.get_running_loop()
    # Leave nothing behind that lingers, neither here nor in connection tracking.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_ON_CLOSE)
    report_icmp_errors(sock)
    _checked(sock.connect_ex(target))
    await _writable(sock)
    _checked(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    # An ICMP error that came back before connect had returned is in the queue only.
    if (error := reported_error(sock, _LARGEST)) is not None:
        _checked(error.number)
    answer = b""
    while not answer.endswith(b"\n"):
        more = await loop.sock_recv(sock, _LARGEST)
        if not more:
            raise OSError(errno.EPIPE, "hung up without saying who it is")
        answer += more
    return answer


async def _ask_datagram(sock: socket.socket, target: Target) -> bytes:
    nonce = secrets.token_bytes(8)
    return await _echoed(sock, target, nonce, nonce)


async def _ask_echo(sock: socket.socket, target: Target, kind: int) -> bytes:
    nonce = secrets.token_bytes(8)
    # The kernel puts the "port" that the socket is bound to into the identifier, and fills in the checksum.
    return await _echoed(sock, (target[0], 0), _ECHO.pack(kind, 0, 0, 0, 1) + nonce, nonce, skip=_ECHO.size)


async def _echoed(sock: socket.socket, target: Target, request: bytes, nonce: bytes, skip: int = 0) -> bytes:
    """Send `request`; return what follows `nonce` in the answer, which has it after `skip` bytes."""
    loop = asyncio.get_running_loop()
    report_icmp_errors(sock)
    sock.connect(target)
    sock.send(request)
    while True:
        answer = (await loop.sock_recv(sock, _LARGEST))[skip:]
        if answer.startswith(nonce):
            return answer[len(nonce) :]


async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(sock)


def _checked(number: int) -> None:
    if number not in (0, errno.EINPROGRESS):
        # OSError picks its own subclass by the number.
        raise OSError(number, os.strerror(number))


def _words(error: OSError) -> str:
    return error.strerror or str(error)
