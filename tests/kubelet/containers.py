"""Containers as processes in a network namespace, each watched by a thread of its own."""

import contextlib
import enum
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from compiler.model import Protocol
from enforcer.syscalls import NEW_NETWORK, setns
from tests.kubelet.workloads import Port, Workload

_LISTENING = {Protocol.TCP: (("tcp", "tcp6"), "0A"), Protocol.UDP: (("udp", "udp6"), "07")}
_LOOK_AGAIN = 0.01
_LONGEST_BACKOFF = 30.0


class Phase(enum.Enum):
    """Where a container is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container at one moment; it is ready once all that it should listen on is open."""

    phase: Phase = Phase.WAITING
    ready: bool = False
    restarts: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    code: int = 0
    message: str = ""


class Container:
    """One container from start to stop; `changed` is called, in whatever thread, when its state is another one.

    The process is told to end with the thread that watches it, so it cannot outlive us, however we end.
    The namespace behind `namespace`, an open file descriptor, is the container's from now on, to close.
    """

    def __init__(
        self, workload: Workload, program: Path, namespace: int, *, log: Path, policy: str, restarts: int = 0
    ) -> None:
        self.workload = workload
        self._program = program
        self._namespace = namespace
        self._log = log
        self._policy = policy
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._state = ContainerState(restarts=restarts)
        self._changed: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._live, name=f"container-{workload.name}", daemon=True)

    @property
    def state(self) -> ContainerState:
        """What it is doing now."""
        return self._state

    @property
    def pid(self) -> int | None:
        """The process, if one runs."""
        return self._process.pid if self._process is not None and self._state.phase is Phase.RUNNING else None

    def start(self, changed: Callable[[], None]) -> None:
        """Start it."""
        self._changed = changed
        self._thread.start()

    def stop(self) -> None:
        """Kill it, and return once it has gone; nothing is told of that. Stopping one that never started is fine."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGKILL)
        if self._thread.ident is None:
            os.close(self._namespace)
        else:
            self._thread.join()

    def _live(self) -> None:
        try:
            setns(self._namespace, NEW_NETWORK)
            if self.workload.sleeps:
                self._become(phase=Phase.RUNNING, ready=True, started=_now())
                self._stopping.wait()
            else:
                self._run_again_and_again()
        except OSError as error:
            self._become(phase=Phase.WAITING, ready=False, message=f"cannot run: {error.strerror}")
        finally:
            os.close(self._namespace)

    def _run_again_and_again(self) -> None:
        backoff = 0.5
        with self._log.open("ab") as log:
            while True:
                process = self._spawn(log.fileno())
                if process is None:
                    return
                self._become(phase=Phase.RUNNING, started=_now(), ended=None, ready=self._wait_until_ready(process))
                code = process.wait()
                if self._stopping.is_set():
                    return
                code = 128 - code if code < 0 else code
                self._become(phase=Phase.TERMINATED, ready=False, ended=_now(), code=code)
                if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                    self._stopping.wait()
                if self._stopping.wait(backoff):
                    return
                backoff = min(2 * backoff, _LONGEST_BACKOFF)
                self._state = replace(self._state, restarts=self._state.restarts + 1)

    def _spawn(self, log: int) -> "subprocess.Popen[bytes] | None":
        """Start the process; none if somebody wants us to stop."""
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", str(self._program), *self.workload.arguments],
                cwd="/",
                env={"PATH": os.defpath, **self.workload.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
            return self._process

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until all is open that should be; say so, or that the process has ended before."""
        while not is_open(self.workload.listens):
            if process.poll() is not None or self._stopping.wait(_LOOK_AGAIN):
                return False
        return True

    def _become(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        if not self._stopping.is_set():
            self._changed()


def is_open(ports: Iterable[Port]) -> bool:
    """Say whether somebody listens on all these ports, in the network namespace of the calling thread."""
    wanted = set(ports)
    return all(port in _open_ports(*_LISTENING[protocol]) for protocol, port in wanted if protocol is not Protocol.SCTP)


def _open_ports(tables: Sequence[str], state: str) -> set[int]:
    found = set()
    for table in tables:
        for line in Path("/proc/thread-self/net", table).read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, its_state, *_ = line.split()
            if its_state == state:
                found.add(int(local.rpartition(":")[2], 16))
    return found


def _now() -> datetime:
    return datetime.now(UTC)
