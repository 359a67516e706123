"""The command line as tests call it: in this process, which is quick, or in one of its own, which is real."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from anp.cli.main import main
from anp.lab.namespace import Namespace

REPOSITORY = Path(__file__).parent.parent.parent
DEMO = str(REPOSITORY / "testdata" / "demo")
SAMPLES = REPOSITORY / "testdata" / "samples"
SMALL = str(SAMPLES / "small.yaml")

COMMAND = (sys.executable, "-m", "anp.cli")


@dataclass(frozen=True)
class Answer:
    """What a command said, and the code that it ended with."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> list[str]:
        """What it told beside the result, line by line."""
        return self.err.splitlines()


def environment(**changes: str) -> dict[str, str]:
    """Return ours, without what would change the answers of commands."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANP_") and key != "NO_COLOR"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **changes}


def call(
    *arguments: str, stdin: str | bytes = "", network: Namespace | None = None, env: Mapping[str, str] | None = None
) -> Answer:
    """Call the command line in this process; with `network`, in that namespace."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(**(env or {})), clear=True),
        mock.patch.object(sys, "argv", ["anp", *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            if network is None:
                main()
            else:
                network.call(main)
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    assert "Traceback" not in texts[1], texts[1]
    return Answer(code, *texts)


def spawn(*arguments: str, network: Namespace | None = None, **options) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""

    def start() -> subprocess.Popen[str]:
        defaults = {
            "env": environment(),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        return subprocess.Popen([*COMMAND, *arguments], **{**defaults, **options})

    return network.call(start) if network else start()


@contextlib.contextmanager
def running(*arguments: str, **options) -> Iterator[subprocess.Popen[str]]:
    """Start the command line, and end it, if it has not ended itself."""
    process = spawn(*arguments, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
