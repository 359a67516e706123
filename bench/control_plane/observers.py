"""Who looks on: at the packets, at the manifest, at the policy as watches tell of it, and at the kernel's word."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Generic, Self, TypeVar

import urllib3

from anp.lab.lab import Lab
from anp.lab.topology import NodePlace, PodPlace
from bench.control_plane.workload import CLIENT, CLIENT_ADDRESS, LAB, NODE, PORT, SERVER, SERVER_ADDRESS
from tests.controlplane.rest import Rest

Event = TypeVar("Event")

_NETFILTER, _GROUP_NFTABLES, _RECEIVE_FORCED = 12, 7, 33
_HEADER = struct.Struct("=IHHII")


class News(IntEnum):
    """What the kernel tells of, as far as we care."""

    RULE = 6
    ELEMENT = 12
    ELEMENT_GONE = 14
    GENERATION = 15


class Journal(Generic[Event]):
    """What was seen, in order; threads may wait for more."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._more = threading.Condition()

    def add(self, event: Event) -> None:
        with self._more:
            self._events.append(event)
            self._more.notify_all()

    def __len__(self) -> int:
        return len(self._events)

    def first(self, wanted: Callable[[Event], bool], since: int = 0) -> Event | None:
        """Return the first that is wanted, of those from `since` on, if it was seen."""
        with self._more:
            return next((event for event in self._events[since:] if wanted(event)), None)

    def await_first(self, wanted: Callable[[Event], bool], since: int, limit: float) -> Event | None:
        """Return the first that is wanted; None if it takes too long."""
        deadline = time.monotonic() + limit
        at = since
        with self._more:
            while True:
                for event in self._events[at:]:
                    if wanted(event):
                        return event
                at = len(self._events)
                if not self._more.wait(deadline - time.monotonic()):
                    return None


@dataclass(frozen=True, slots=True)
class Turn:
    """Packets begin to pass, or to be refused; `after` is when the last one of the state before was sent."""

    passing: bool
    at: float
    after: float
    strays: int


class Packets:
    """The prober between the two pods."""

    def __init__(self, lab: Lab) -> None:
        self.turns: Journal[Turn] = Journal()
        ends = [lab.open(PodPlace(LAB, name)) for name in (CLIENT, SERVER)]
        words = (ends[0], CLIENT_ADDRESS, ends[1], SERVER_ADDRESS, PORT)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.control_plane.prober", *map(str, words)],
            pass_fds=ends,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for fd in ends:
            os.close(fd)
        self._thread = threading.Thread(target=self._read, name="packets", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._thread.join()
        self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout:
            word, at, after, strays = line.split()
            self.turns.add(Turn(word == "passing", float(at), float(after), int(strays)))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as a watch tells of it: when we heard, when it was planned, and which tables it changes."""

    seen: float
    planned: float
    number: int
    tables: frozenset[str]


class Watcher:
    """Watches one collection, in a thread."""

    def __init__(self, rest: Rest, path: str, heard: Callable[[float, dict[str, Any]], None]) -> None:
        self._ended = False
        self._rest = rest
        version = rest.get(path)["metadata"]["resourceVersion"]
        self._thread = threading.Thread(target=self._run, args=(path, version, heard), name="watcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more; the thread ends with the API server's next word."""
        self._ended = True

    def _run(self, path: str, version: str, heard: Callable[[float, dict[str, Any]], None]) -> None:
        while not self._ended:
            with suppress(urllib3.exceptions.HTTPError), self._rest.watch(path, version) as events:
                for event in events:
                    if self._ended:
                        return
                    heard(time.monotonic(), event)
                    version = event["object"]["metadata"]["resourceVersion"]


def manifest_of(seen: float, event: dict[str, Any]) -> Manifest:
    spec = event["object"]["spec"]
    # The clock on the wall, as our own clock has it.
    planned = datetime.fromisoformat(spec["at"]).timestamp() - time.time() + time.monotonic()
    change = spec["changes"][-1] if spec["changes"] else {}
    tables = {*change, *change.get("gone", ())} - {"number", "at", "gone"}
    return Manifest(seen, planned, spec["number"], frozenset(tables))


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction of nftables: when we heard, whether rules are in it, and addresses that came and went."""

    seen: float
    rules: bool
    elements: bytes
    gone: bytes


class Kernel:
    """Listens to nftables in the network namespace of the node."""

    def __init__(self, lab: Lab) -> None:
        self.commits: Journal[Commit] = Journal()
        self._ended = False
        self._socket = lab.call(NodePlace(NODE), _listening)
        self._thread = threading.Thread(target=self._read, name="kernel", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._ended = True
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        rules, elements, gone = False, b"", b""
        while not self._ended:
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                continue
            at = 0
            while at + _HEADER.size <= len(data):
                length, kind, *_ = _HEADER.unpack_from(data, at)
                body = data[at + _HEADER.size : at + length]
                match kind & 255:
                    case News.RULE:
                        rules = True
                    case News.ELEMENT:
                        elements += body
                    case News.ELEMENT_GONE:
                        gone += body
                    case News.GENERATION:
                        self.commits.add(Commit(time.monotonic(), rules, elements, gone))
                        rules, elements, gone = False, b"", b""
                at += (length + 3) & ~3 or len(data)


def _listening() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    sock.setsockopt(socket.SOL_SOCKET, _RECEIVE_FORCED, 8 << 20)
    sock.bind((0, 1 << (_GROUP_NFTABLES - 1)))
    sock.settimeout(0.2)
    return sock
