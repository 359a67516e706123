"""Runs tests before a judge, in this process or in several.

With real packets a test is mostly silence that has to be waited for, so two processes take half the time. Each has a
lab of its own, in namespaces that nobody else has. No worker outlives this process, however that ends.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Self

from anp.conformance.judges import judge_named
from anp.conformance.outcomes import Outcome
from anp.conformance.runner import run
from anp.conformance.selection import Case
from anp.lab.errors import LabError
from compiler.marks import TooManyClassesError
from compiler.syntax import InvalidRulesetError
from enforcer.errors import EnforcerError

_CANNOT = (LabError, EnforcerError, TooManyClassesError, InvalidRulesetError)


@dataclass(frozen=True, slots=True)
class Bench:
    """Before whom tests are run: a judge by name, and how many seconds of silence are a drop to it."""

    judge: str
    seconds: float = 0.5


class WorkerError(Exception):
    """A worker ended with a bug of ours; it has told which on standard error."""


@dataclass(frozen=True, slots=True)
class _Unable:
    """A worker's machine cannot do it; the message says why."""

    message: str


def play(cases: Sequence[Case], bench: Bench, workers: int = 1) -> Iterator[Outcome]:
    """Run the tests and yield what came of each as soon as it is known, the skipped ones first.

    Raises:
        LabError, EnforcerError, TooManyClassesError, InvalidRulesetError: this machine cannot do it.
        WorkerError: a worker ended with a bug.

    """
    waiting = [case for case in cases if not case.skipped]
    yield from (Outcome(case) for case in cases if case.skipped)
    count = min(workers, len(waiting))
    if count > 1:
        yield from _shared(waiting, bench, count)
    else:
        yield from (attempt(case, bench) for case in waiting)


def attempt(case: Case, bench: Bench) -> Outcome:
    """Run one test here and now; raise as `play` does."""
    started = time.monotonic()
    with judge_named(bench.judge, bench.seconds) as judge:
        result = run(case.scenario, judge, case.families, asked=case.steps)
    return Outcome(case, result, time.monotonic() - started)


@dataclass(slots=True)
class _Crew:
    """Workers that have been started, by their channels; a context manager that ends them."""

    members: dict[Connection, BaseProcess] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        for channel, worker in self.members.items():
            channel.close()
            worker.terminate()
        for worker in self.members.values():
            worker.join()

    def start(self, bench: Bench) -> Connection:
        """Start one more, which knows nothing of threads, sockets and namespaces of this process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, bench), daemon=True)
        # Ctrl-C is for the process that people started: it ends the others, who inherit that they do not hear it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            worker.start()
            self.members[ours] = worker
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return ours


def _shared(cases: Sequence[Case], bench: Bench, count: int) -> Iterator[Outcome]:
    """Hand each worker one test after another."""
    todo = iter(cases)
    with _Crew() as crew:
        busy: set[Connection] = set()
        for _ in range(count):
            channel = crew.start(bench)
            _hand(channel, crew, next(todo))
            busy.add(channel)
        while busy:
            ready = wait(list(busy))
            for channel in [channel for channel in busy if channel in ready]:
                yield _received(channel, crew)
                case = next(todo, None)
                if case is None:
                    busy.remove(channel)
                else:
                    _hand(channel, crew, case)


def _hand(channel: Connection, crew: _Crew, case: Case) -> None:
    try:
        channel.send(case)
    except OSError:
        raise _ended(crew.members[channel]) from None


def _received(channel: Connection, crew: _Crew) -> Outcome:
    try:
        found = channel.recv()
    except (EOFError, OSError):
        raise _ended(crew.members[channel]) from None
    match found:
        case Outcome():
            return found
        case _Unable(message):
            raise LabError(message)
        case _:
            raise WorkerError(f"a worker answered {found!r}")


def _ended(worker: BaseProcess) -> Exception:
    worker.join()
    code = worker.exitcode or 0
    if code < 0:
        return LabError(f"a worker was ended by signal {-code}: is there enough memory?")
    return WorkerError(f"a worker ended with code {code}")


def _work(channel: Connection, bench: Bench) -> None:
    """Run what comes, until nobody is there any more."""
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    while True:
        try:
            case = channel.recv()
        except (EOFError, OSError):
            return
        answer = _answer(case, bench)
        try:
            channel.send(answer)
        except OSError:
            return


def _end_with_parent() -> None:
    """End this process together with the one that started it, in the middle of whatever it does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(case: Case, bench: Bench) -> Outcome | _Unable:
    try:
        return attempt(case, bench)
    except _CANNOT as error:
        return _Unable(str(error))
