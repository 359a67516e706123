"""Socket options that Python 3.11 has no name for, and the errors that ICMP brings back."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from compiler.addresses import Address

IP_PKTINFO = 8
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_REPORTS = ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR))
_EXTENDED_ERROR = struct.Struct("=I")

OutOfBand: TypeAlias = list[tuple[int, int, bytes]]
"""What comes beside the data of a message: level, type and value."""

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
"""The address family of each IP version."""


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An ICMP error: its errno, the destination of the packet it is about, and how that packet began."""

    number: int
    destination: Address
    packet: bytes


def report_icmp_errors(sock: socket.socket) -> None:
    """Have every ICMP error about what `sock` sent reported; by default the kernel keeps the softer ones to itself."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def reported_error(sock: socket.socket, largest: int) -> ReportedError | None:
    """Take the oldest reported error off the queue of a nonblocking `sock`, with at most `largest` bytes of packet."""
    try:
        packet, ancillary, _flags, destination = sock.recvmsg(largest, 512, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return None
    number = next(
        _EXTENDED_ERROR.unpack_from(value)[0] for level, kind, value in ancillary if (level, kind) in _REPORTS
    )
    return ReportedError(number, ip_address(destination[0]), packet)
