"""Programs that run beside a test, end with it, and leave what they said in a file."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Something = TypeVar("Something")

LOOPBACK = "127.0.0.1"
PATIENCE = 60.0
"""Seconds that anything may take on a busy machine before a test gives up."""

# The kernel kills a program when the *thread* dies that started it, so one thread starts all of them and lives as
# long as this process does.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


class StartError(Exception):
    """A program does not run, or not as it should; the message has the end of what it said."""


class Port:
    """A port on loopback, kept for programs that share it with us (SO_REUSEPORT): nobody else can get it.

    We never listen, so a call is refused while no program does.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give it back."""
        self._socket.close()

    def __str__(self) -> str:
        return f"{LOOPBACK}:{self.number}"


class Process:
    """A program in the background. Its output is appended to a log, over restarts too."""

    def __init__(self, program: Path, arguments: Mapping[str, str], log: Path) -> None:
        self.name = program.name
        self.log = log
        self._command = [str(program), *(f"--{option}={value}" for option, value in arguments.items())]
        self._running: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._running.pid if self._running is not None else None

    @property
    def ended(self) -> bool:
        """Whether it does not run (any more)."""
        return self._running is None or self._running.poll() is not None

    def start(self) -> None:
        """Start it.

        Raises:
            StartError: it runs already.

        """
        if not self.ended:
            raise StartError(f"{self.name} runs already")
        self._running = _STARTER.submit(self._spawn).result()

    def stop(self, limit: float = PATIENCE) -> None:
        """Ask it to end, make it end after a while, and wait for that."""
        if self._running is None:
            return
        self.resume()
        self._running.terminate()
        try:
            self._running.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
        self._running = None

    def kill(self) -> None:
        """End it at once, without giving it a chance to say goodbye."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
        self._running = None
        self._paused = False

    def pause(self) -> None:
        """Let it hang: its connections stay, and nothing is answered."""
        assert self._running is not None, f"{self.name} does not run"
        self._running.send_signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it go on."""
        if self._running is not None and self._paused:
            self._running.send_signal(signal.SIGCONT)
        self._paused = False

    def said(self, lines: int = 40) -> str:
        """Return the end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def check(self) -> None:
        """See that it runs.

        Raises:
            StartError: it has ended, and should not have.

        """
        if self._running is not None and self.ended:
            raise StartError(f"{self.name} has ended with code {self._running.returncode}:\n{self.said()}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = ["setpriv", "--pdeathsig", "KILL", "--", *self._command]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.log.parent
            )


def wait_for(
    question: Callable[[], Something], what: str, needed: Sequence[Process] = (), limit: float = PATIENCE
) -> Something:
    """Ask until the answer is true, and return it.

    Raises:
        StartError: one of the processes needed has ended.
        TimeoutError: it took too long.

    """
    deadline = time.monotonic() + limit
    while not (answer := question()):
        for process in needed:
            process.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit:.0f} s in vain for {what}")
        time.sleep(0.02)
    return answer
