"""Documentation that runs: the commands of a page, carried out as written and compared with what it shows.

A block marked ``console`` holds commands after ``$`` and, below each, what it prints; ``...`` stands for anything. A
comment ``<!-- file: NAME -->`` before a block makes it a file, which is written when its turn comes. How long something
took is not compared.
"""

import contextlib
import doctest
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from anp.cli.main import app

ROOT = Path(__file__).parent.parent
BUILTIN = frozenset({"compile", "explain", "reach", "diff", "lint", "test", "crds", "--version"})
"""Commands that need no kernel, so that a page of them can run inside the test."""

_BLOCK = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n+)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_DURATION = re.compile(r"\b[0-9.]+ (s|ms)\b")
# In the background it becomes the command, as sudo does for signals.
_SUDO = 'sudo() { if [ "$BASHPID" = "$$" ]; then "$@"; else exec "$@"; fi; }'
_SLEEP = "sleep() { command sleep $(($1 * 2)); }"
"""A reader's machine has nothing else to do; ours may."""
_ENVIRONMENT = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, the file that it is, and where its text stands in the page."""

    language: str
    text: str
    file: str
    start: int


@dataclass(frozen=True, slots=True)
class Command:
    """One command and what the page says it prints; `start` and `end` are where that stands in the page.

    `files` are those that the page has told to write just before.
    """

    line: str
    shown: str
    start: int
    end: int
    files: tuple[Block, ...]

    @property
    def builtin(self) -> bool:
        """Whether it can run inside the test."""
        if self.line == "echo $?":
            return True
        words = self.line.split()
        return words[0] == "anp" and words[1] in BUILTIN and not re.search(r"[|<>&;$]", self.line)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the documentation."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        """Read a page."""
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """The path of the page in this repository."""
        return str(self.path.relative_to(ROOT))

    def blocks(self) -> Iterator[Block]:
        """Yield all fenced blocks."""
        for found in _BLOCK.finditer(self.text):
            yield Block(found["language"], found["text"], found["file"] or "", found.start("text"))

    def commands(self) -> list[Command]:
        """Return the commands of all transcripts on the page, which share one directory and one shell."""
        commands: list[Command] = []
        files: list[Block] = []
        for block in self.blocks():
            if block.file:
                files.append(block)
            if block.language != "console":
                continue
            lines = block.text.splitlines(keepends=True)
            starts = [sum(map(len, lines[:number])) + block.start for number in range(len(lines) + 1)]
            prompts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
            assert prompts[:1] == [0], f"{self.name}: a transcript begins with a command: {lines[0]}"
            for number, following in zip(prompts, [*prompts[1:], len(lines)], strict=True):
                shown = "".join(lines[number + 1 : following])
                place = starts[number + 1], starts[following]
                commands.append(Command(lines[number][2:].strip(), shown, *place, tuple(files)))
                files.clear()
        return commands

    def with_outputs(self, outputs: list[str]) -> str:
        """Return the page with what its commands print now, where it does not say so already."""
        text = self.text
        for command, output in reversed(list(zip(self.commands(), outputs, strict=True))):
            if not same(command.shown, output):
                text = text[: command.start] + output + text[command.end :]
        return text


def same(shown: str, printed: str) -> bool:
    """Say whether a command printed what is shown."""
    shown, printed = (
        "\n".join(line.rstrip() for line in _DURATION.sub(r"0 \1", text).strip("\n").split("\n"))
        for text in (shown, printed)
    )
    return doctest.OutputChecker().check_output(f"{shown}\n", f"{printed}\n", doctest.ELLIPSIS)


def run(commands: list[Command], directory: Path) -> list[str]:
    """Run the commands of a page, beside what the repository has for examples, and return what each prints."""
    for name in ("testdata", "crds"):
        (directory / name).symlink_to(ROOT / name)
    return _run_inside(commands) if all(c.builtin for c in commands) else _run_in_shell(commands, directory)


def _run_inside(commands: list[Command]) -> list[str]:
    """Run commands that need no kernel in this process and its directory."""
    runner, outputs, code = CliRunner(env=_ENVIRONMENT), [], 0
    for command in commands:
        for file in command.files:
            Path(file.file).parent.mkdir(parents=True, exist_ok=True)
            Path(file.file).write_text(file.text, encoding="utf-8")
        if command.line == "echo $?":
            outputs.append(f"{code}\n")
            continue
        result = runner.invoke(app, shlex.split(command.line)[1:], prog_name="anp")
        code = result.exit_code
        outputs.append(result.output)
    return outputs


def _run_in_shell(commands: list[Command], directory: Path) -> list[str]:
    """Run commands in one shell, in a network of its own where they may change nftables."""
    script = [_SUDO, _SLEEP, "status=0"]
    for number, command in enumerate(commands):
        script += [
            f"mkdir -p {Path(file.file).parent}; printf %s {shlex.quote(file.text)} >{file.file}"
            for file in command.files
        ]
        script += [f"printf '\\n@@{number}@@\\n'", '(exit "$status")', command.line, "status=$?"]
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"
    # A process group of its own, so that whatever a page leaves in the background can be ended with it.
    with subprocess.Popen(
        ["unshare", "--net", "bash", "-c", "\n".join(script)],
        cwd=directory,
        env={**os.environ, **_ENVIRONMENT, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            printed, _ = shell.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return re.split(r"\n@@\d+@@\n", printed)[1:]
