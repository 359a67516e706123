"""One suite, run against a cluster of its own."""

import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anp
from tests.kubelet.streams import Question
from tests.upstream.engine import NODES, Engine
from tests.upstream.suites import Ended, Suite, begun, ended, shortcomings

Facts = dict[str, Any]
Tell = Callable[[str], None]

_WRONG = "FAILED Command"


@dataclass(frozen=True, slots=True)
class Order:
    """A suite to be run: with which programs, in which empty folder, and what a connection may wait at most."""

    suite: Suite
    programs: Path
    folder: Path
    longest_connect: str = ""

    @property
    def report(self) -> Path:
        """Where the suite writes its report."""
        return self.folder / self.suite.file


def run(order: Order, tell: Tell) -> Facts:
    """Run a suite, and return what there is to say of it; it has passed if nothing is `wrong`."""
    suite, executed, lock = order.suite, 0, threading.Lock()

    def count(_question: Question) -> None:
        nonlocal executed
        with lock:
            executed += 1

    with Engine(
        order.folder / "cluster",
        order.programs,
        longest_connect=order.longest_connect,
        hold=not suite.patient,
        observe=count,
    ) as engine:
        tell("the cluster is there")
        began = time.monotonic()
        code, tests, repeated = _play(order, engine, tell)
        seconds = time.monotonic() - began
        wrong = shortcomings(suite, order.report, tests)
        if (probes := suite.probed(executed, repeated)) != suite.probes:
            wrong.append(f"{probes} of {suite.probes} probes were tried")
        if code:
            wrong.append(f"{suite.program} has ended with code {code}")
        wrong += refused(engine)
        waits = sorted(engine.waits)
        return {
            "suite": suite.version,
            "date": datetime.now(UTC).date().isoformat(),
            "environment": _environment(engine),
            "seconds": round(seconds),
            "tests": [each.test for each in tests if each.word == "PASS"],
            "probes": probes,
            "executed": executed,
            "repeated": repeated,
            "remarks": list(engine.caveats),
            "held": {"times": len(waits), "median": _at(waits, 0.5), "longest": _at(waits, 1.0)} if waits else {},
            "wrong": wrong,
        }


def refused(engine: Engine) -> list[str]:
    """Return what the engine was forbidden, from its logs: it has to have all rights that it needs."""
    lines = (line for program in engine.programs for line in program.log.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if " 403 " in line]


def _play(order: Order, engine: Engine, tell: Tell) -> tuple[int, list[Ended], int]:
    """Return the exit code, the tests that have ended, and how many answers were not as expected."""
    suite, tests, number, unexpected = order.suite, list[Ended](), 0, 0
    command = [str(order.programs / suite.program), *suite.arguments(order.report, anp.__version__, engine.caveats)]
    environment = {"KUBECONFIG": str(engine.plane.kubeconfig()), "PATH": os.defpath, "HOME": str(order.folder)}
    with (
        (order.folder / "suite.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            cwd=order.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            log.flush()
            if test := begun(line):
                number += 1
                tell(f"{number}/{suite.tests} {test}")
            elif _WRONG in line:
                unexpected += 1
                if not suite.patient:
                    tell(f"  {line.strip()}")
            elif found := ended(line):
                tests.append(found)
    return process.returncode, tests, unexpected


def _environment(engine: Engine) -> Facts:
    version = engine.rest.get("/version")["gitVersion"]
    return {
        "kubernetes": version,
        "kernel": platform.release().partition("-")[0],
        "nodes": len(NODES),
        "controllers": len(engine.controllers),
        "processors": os.cpu_count(),
    }


def _at(waits: list[float], part: float) -> float:
    return round(waits[min(len(waits) - 1, int(len(waits) * part))], 3)
