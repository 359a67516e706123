"""Run upstream's conformance suites against the engine: `python -m tests.upstream`.

Each suite has a cluster, and a process in a network of its own (`scripts/private`); they run side by side. Logs go to
build/upstream. If all suites were run and everything has passed, reports and their summary go to docs/conformance.
The exit code is 1 if anything has not passed.
"""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
import yaml

from tests.controlplane.binaries import binaries
from tests.upstream.run import Facts, Order, run
from tests.upstream.suites import SUITES, Suite
from tests.upstream.summary import summary

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "conformance"
FACTS = "facts.yaml"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    versions: Annotated[list[str] | None, typer.Option("--suite", help="Only this version; repeatable.")] = None,
    folder: Annotated[Path, typer.Option(help="For logs; what is there is removed.")] = ROOT / "build" / "upstream",
    connect_timeout: Annotated[
        str, typer.Option(help="What a connection may wait at most; empty is what the suites say, which is 3s.")
    ] = "1s",
    publish: Annotated[bool, typer.Option(help="Write to docs/conformance.")] = True,  # noqa: FBT002
    alone: Annotated[bool, typer.Option("--alone", hidden=True)] = False,  # noqa: FBT002
) -> None:
    """Run upstream's conformance suites against the engine."""
    folder = folder.resolve()
    chosen = [suite for suite in SUITES if not versions or suite.version in versions]
    if unknown := set(versions or ()) - {suite.version for suite in SUITES}:
        raise typer.BadParameter(f"there is no suite {', '.join(sorted(unknown))}", param_hint="--suite")
    if alone:
        (suite,) = chosen
        sys.exit(_alone(Order(suite, binaries(), folder, connect_timeout)))
    shutil.rmtree(folder, ignore_errors=True)
    binaries()
    facts = _side_by_side(chosen, folder, connect_timeout)
    wrong = [f"{each['suite']}: {line}" for each in facts for line in each["wrong"]]
    for each in facts:
        _say(f"{each['suite']}: {len(each['tests'])} tests passed, {each['probes']} probes, {each['seconds']} s")
    if wrong:
        _say("NOT passed:", *wrong, f"logs are in {folder}")
        sys.exit(1)
    if publish and tuple(chosen) == SUITES:
        _publish(facts, folder)
    _say("passed")


def _side_by_side(suites: Sequence[Suite], folder: Path, connect_timeout: str) -> list[Facts]:
    threads, processes = [], []
    for suite in suites:
        place = folder / suite.version
        place.mkdir(parents=True)
        command = [
            str(ROOT / "scripts" / "private"),
            sys.executable,
            "-m",
            "tests.upstream",
            "--alone",
            f"--suite={suite.version}",
            f"--folder={place}",
            f"--connect-timeout={connect_timeout}",
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        threads.append(threading.Thread(target=_pass_on, args=(suite.version, process.stdout)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [process.wait() for process in processes]
    return [_facts(folder / suite.version, suite, code) for suite, code in zip(suites, codes, strict=True)]


def _pass_on(prefix: str, lines: Iterable[str]) -> None:
    for line in lines:
        _say(f"{prefix}: {line.rstrip()}")


def _facts(folder: Path, suite: Suite, code: int) -> Facts:
    try:
        facts: Facts = yaml.safe_load((folder / FACTS).read_text(encoding="utf-8"))
    except OSError:
        # It has said why.
        wrong = [f"it has ended with code {code} before anything was known of it"]
        return {"suite": suite.version, "tests": [], "probes": 0, "seconds": 0, "wrong": wrong}
    return facts


def _alone(order: Order) -> int:
    facts = run(order, _say)
    (order.folder / FACTS).write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")
    return 1 if facts["wrong"] else 0


def _publish(facts: Sequence[Facts], folder: Path) -> None:
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    reports = {}
    for suite in SUITES:
        text = (folder / suite.version / suite.file).read_text(encoding="utf-8")
        reports[suite.version] = yaml.safe_load(text)
        (PUBLISHED / suite.file).write_text(text, encoding="utf-8")
    (PUBLISHED / FACTS).write_text(yaml.safe_dump(list(facts), sort_keys=False), encoding="utf-8")
    (PUBLISHED / "README.md").write_text(summary(facts, reports, SUITES), encoding="utf-8")
    _say(f"reports are in {PUBLISHED.relative_to(ROOT)}")


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    app()
