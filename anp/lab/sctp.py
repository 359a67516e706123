"""The little of SCTP that opens an association, says one thing and closes it (RFC 9260), as values and bytes."""

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from anp.lab.crc32c import crc32c

PROTOCOL_NUMBER = 132

_HEADER = struct.Struct("!HHI4s")
_CHUNK = struct.Struct("!BBH")
_INIT = struct.Struct("!IIHHI")
_DATA = struct.Struct("!IHHI")
_PARAMETER = struct.Struct("!HH")

_STATE_COOKIE = 7
"""The parameter of an INIT ACK that the other side is to echo."""
_WHOLE_MESSAGE = 3
"""Flags of a DATA chunk that is the beginning and the end of its message."""
_WINDOW = 65536


class _Kind(enum.IntEnum):
    DATA = 0
    INIT = 1
    INIT_ACK = 2
    ABORT = 6
    COOKIE_ECHO = 10
    COOKIE_ACK = 11


@dataclass(frozen=True, slots=True)
class Init:
    """Please open; `tag` is what packets to the sender must carry."""

    tag: int


@dataclass(frozen=True, slots=True)
class InitAck:
    """Agreed; `tag` as in `Init`, and a cookie to send back."""

    tag: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class CookieEcho:
    """The cookie, sent back."""

    cookie: bytes


@dataclass(frozen=True, slots=True)
class CookieAck:
    """The association is open."""


@dataclass(frozen=True, slots=True)
class Data:
    """A whole message, numbered from the tag with which its sender opened."""

    number: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Abort:
    """The association is over, or was never wanted."""


Chunk: TypeAlias = Init | InitAck | CookieEcho | CookieAck | Data | Abort


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `tag` is the receiver's, and 0 when it opens an association."""

    source: int
    destination: int
    tag: int
    chunks: tuple[Chunk, ...]


def encode(packet: Packet) -> bytes:
    """Return the bytes of `packet`, checksum included."""
    body = b"".join(map(_encoded, packet.chunks))
    bare = _HEADER.pack(packet.source, packet.destination, packet.tag, bytes(4)) + body
    # The checksum alone goes out with its low byte first.
    return _HEADER.pack(packet.source, packet.destination, packet.tag, struct.pack("<I", crc32c(bare))) + body


def decode(data: bytes) -> Packet:
    """Return the packet that `data` spells, less the chunks that we have no use for.

    Raises:
        ValueError: cut short, malformed, or its checksum is wrong.

    """
    if len(data) < _HEADER.size:
        raise ValueError("shorter than an SCTP header")
    source, destination, tag, checksum = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if struct.pack("<I", crc32c(_HEADER.pack(source, destination, tag, bytes(4)) + body)) != checksum:
        raise ValueError("wrong SCTP checksum")
    try:
        return Packet(source, destination, tag, tuple(_decoded(body)))
    except struct.error as error:
        raise ValueError(f"malformed SCTP chunk: {error}") from error


def ports(data: bytes) -> tuple[int, int]:
    """Return source and destination port of the packet that begins with `data`; raise ValueError if it is too short."""
    if len(data) < 4:
        raise ValueError("too short for SCTP ports")
    source, destination = struct.unpack_from("!HH", data)
    return source, destination


def _encoded(chunk: Chunk) -> bytes:
    match chunk:
        case Init(tag):
            return _chunk(_Kind.INIT, _INIT.pack(tag, _WINDOW, 1, 1, tag))
        case InitAck(tag, cookie):
            parameter = _PARAMETER.pack(_STATE_COOKIE, _PARAMETER.size + len(cookie)) + cookie
            return _chunk(_Kind.INIT_ACK, _INIT.pack(tag, _WINDOW, 1, 1, tag) + parameter)
        case CookieEcho(cookie):
            return _chunk(_Kind.COOKIE_ECHO, cookie)
        case CookieAck():
            return _chunk(_Kind.COOKIE_ACK, b"")
        case Data(number, message):
            return _chunk(_Kind.DATA, _DATA.pack(number, 0, 0, 0) + message, _WHOLE_MESSAGE)
        case Abort():
            return _chunk(_Kind.ABORT, b"")
        case _:
            assert_never(chunk)


def _chunk(kind: int, value: bytes, flags: int = 0) -> bytes:
    return _CHUNK.pack(kind, flags, _CHUNK.size + len(value)) + value + bytes(-len(value) % 4)


def _decoded(body: bytes) -> Iterator[Chunk]:
    while body:
        kind, _flags, length = _CHUNK.unpack_from(body)
        if not _CHUNK.size <= length <= len(body):
            raise ValueError("an SCTP chunk is longer than its packet")
        value, body = body[_CHUNK.size : length], body[length + -length % 4 :]
        match kind:
            case _Kind.DATA:
                yield Data(_DATA.unpack_from(value)[0], value[_DATA.size :])
            case _Kind.INIT:
                yield Init(_INIT.unpack_from(value)[0])
            case _Kind.INIT_ACK:
                yield InitAck(_INIT.unpack_from(value)[0], _state_cookie(value[_INIT.size :]))
            case _Kind.ABORT:
                yield Abort()
            case _Kind.COOKIE_ECHO:
                yield CookieEcho(value)
            case _Kind.COOKIE_ACK:
                yield CookieAck()


def _state_cookie(parameters: bytes) -> bytes:
    while parameters:
        kind, length = _PARAMETER.unpack_from(parameters)
        if not _PARAMETER.size <= length <= len(parameters):
            break
        if kind == _STATE_COOKIE:
            return parameters[_PARAMETER.size : length]
        parameters = parameters[length + -length % 4 :]
    raise ValueError("an INIT ACK without a state cookie")
