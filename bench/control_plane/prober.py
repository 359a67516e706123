"""Sends a packet every millisecond from one network namespace to another, and tells when they begin or cease to arrive.

    python -m bench.control_plane.prober FROM-FD FROM-ADDRESS TO-FD TO-ADDRESS PORT

It is a process of its own, so that nothing else keeps it from sending. Every packet has a source port that none had for
a minute, and nobody answers: each is the first packet of a connection, and is judged. Standard output has a line for
each turn: `passing` or `refused`, when the first packet of the new state was sent, and when the last one of the old
state was, on the monotonic clock; after that how many packets had another fate than those around them, until then.
"""

import os
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from enforcer.syscalls import NEW_NETWORK, setns

PERIOD = 0.001
PATIENCE = 0.1
"""Seconds that a packet may take before it counts as refused, though none that was sent later has arrived."""
IN_A_ROW = 5
"""So many packets of a new state make a turn."""
_FIRST_PORT, _PORTS = 2048, 60_000
_NUMBER = struct.Struct("!Q")


class Turns:
    """From fates of single packets to turns."""

    def __init__(self) -> None:
        self.passing: bool | None = None
        self.strays = 0
        self._other: list[float] = []
        self._last = 0.0

    def take(self, sent: float, *, arrived: bool) -> str:
        """Take the fate of the next packet; return what to tell, if there is anything."""
        if arrived == self.passing:
            self.strays += len(self._other)
            self._other.clear()
            self._last = sent
            return ""
        self._other.append(sent)
        if len(self._other) < IN_A_ROW:
            return ""
        said = f"{'passing' if arrived else 'refused'} {self._other[0]:.6f} {self._last:.6f} {self.strays}"
        self.passing = arrived
        self._last = self._other[-1]
        self._other.clear()
        return said


class Fates:
    """From packets that were sent, and arrive in that order, to the fate of each."""

    def __init__(self, tell: Callable[[float, bool], None]) -> None:
        self._tell = tell
        self._pending: deque[tuple[int, float]] = deque()

    def sent(self, number: int, at: float) -> None:
        """Take note of a packet."""
        self._pending.append((number, at))

    def arrived(self, number: int) -> None:
        """Take note that it has arrived: those before it that have not never will."""
        while self._pending and self._pending[0][0] <= number:
            sent, at = self._pending.popleft()
            self._tell(at, sent == number)

    def elapsed(self, now: float) -> None:
        """Give up what was sent too long ago."""
        while self._pending and self._pending[0][1] < now - PATIENCE:
            self._tell(self._pending.popleft()[1], False)  # noqa: FBT003 - it has not arrived


class Prober:
    """Both ends of the packets."""

    def __init__(self, source: tuple[int, str], destination: tuple[int, str], port: int) -> None:
        setns(destination[0], NEW_NETWORK)
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._receiver.bind((destination[1], port))
        setns(source[0], NEW_NETWORK)
        self._source = source[1]
        self._target = (destination[1], port)
        self._number = 0
        self._turns = Turns()
        self._fates = Fates(self._tell)

    def run(self) -> None:
        """Send until nobody listens."""
        due = time.monotonic()
        while True:
            due = max(due + PERIOD, time.monotonic() - PERIOD)
            time.sleep(max(0.0, due - time.monotonic()))
            self._send()
            self._settle()
            if select.select([sys.stdin], [], [], 0)[0]:
                return  # the other end of it was closed

    def _send(self) -> None:
        self._number += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.bind((self._source, _FIRST_PORT + self._number % _PORTS))
            self._fates.sent(self._number, time.monotonic())
            sock.sendto(_NUMBER.pack(self._number), self._target)

    def _settle(self) -> None:
        """Take what has arrived."""
        with suppress(BlockingIOError):
            while True:
                self._fates.arrived(*_NUMBER.unpack(self._receiver.recv(64)))
        self._fates.elapsed(time.monotonic())

    def _tell(self, sent: float, arrived: bool) -> None:  # noqa: FBT001 - it is what is told
        if said := self._turns.take(sent, arrived=arrived):
            print(said, flush=True)


def main() -> None:
    from_fd, from_address, to_fd, to_address, port = sys.argv[1:]
    with suppress(OSError):
        os.nice(-15)  # it is to measure, and not to wait
    Prober((int(from_fd), from_address), (int(to_fd), to_address), int(port)).run()


if __name__ == "__main__":
    main()
