"""Where words go: results to standard output, everything else to standard error; and what exit codes mean.

Nothing here is slow to import. Texts that users had a hand in pass through `printable` before they get here, so
that the only control sequences are those of `anp.cli.paint`, and these reach terminals only.
"""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TextIO

import typer

from anp.cli import paint
from anp.sources.diagnostics import Diagnostic, Severity, printable

EXIT_NO = 1
"""The answer is no: the connection is denied, the lab saw something else than was meant."""
EXIT_BAD_INPUT = 2
"""What was asked or written makes no sense; nothing was done."""
EXIT_CANNOT = 3
"""The machine cannot do it: rights, kernel, libraries, disk; the message says what would help."""
EXIT_BUG = 70
"""A bug of ours, so that nobody takes it for an answer; the number is that of sysexits.h."""
EXIT_INTERRUPTED = 130
"""Ended by Ctrl-C, as shells have it."""
EXIT_UNREAD = 141
"""Whoever was to read the result went away, as shells have it."""

_WIDTH = 100
"""Where YAML folds long texts, if it can."""

_PAINT = {Severity.ERROR: paint.alarm, Severity.WARNING: paint.yellow, Severity.INFO: paint.dim}


class UnreadError(Exception):
    """Nobody reads the result any more, so there is no point in going on."""


class UnwritableError(Exception):
    """The result cannot be written; the message says why."""


def say(text: str = "") -> None:
    """Write a line of a result for people."""
    _write(sys.stdout, f"{text}\n")


def raw(text: str) -> None:
    """Write a result as it is."""
    _write(sys.stdout, text)


def document(content: dict[str, Any], output: str, *, stream: bool = False) -> None:
    """Write a result for programs, as JSON or else as YAML.

    One of a `stream` of documents is one line of JSON, or a YAML document that begins with its separator.
    """
    if output == "json":
        text = _json(content, indent=None if stream else 2)
    else:
        from anp.sources.dumping import dump  # noqa: PLC0415 - slow, and seldom asked for

        text = dump(content, width=_WIDTH, unicode=True)
        if not _harmless(text):
            text = dump(content, width=_WIDTH)
        text = f"---\n{text}" if stream else text
    raw(text)
    flush()


def _json(content: dict[str, Any], indent: int | None) -> str:
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    if not _harmless(text):
        text = json.dumps(content, indent=indent).replace("\x7f", "\\u007f")
    return f"{text}\n"


def _harmless(text: str) -> bool:
    """Say whether a text can go to standard output as it is: no control characters, nothing it cannot encode."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return text.replace("\n", "").isprintable()


def note(text: str) -> None:
    """Say something beside the result."""
    _write(sys.stderr, f"{text}\n")


def warn(text: str) -> None:
    """Say something beside the result that people should not miss."""
    note(f"{paint.yellow('warning:')} {printable(text)}")


def complain(text: str) -> None:
    """Say what went wrong."""
    note(f"{paint.alarm('error:')} {printable(text)}")


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Say why nothing came of it, and end."""
    complain(message)
    raise typer.Exit(code)


def tell(diagnostics: Iterable[Diagnostic], *, verbose: bool) -> None:
    """Write what there is to say about the manifests, one line each."""
    for found in diagnostics:
        if verbose or found.severity < Severity.INFO:
            note(_PAINT[found.severity](str(found)))


def progress(text: str) -> None:
    """Say what is being done, to people who are watching."""
    if sys.stderr.isatty():
        note(paint.dim(f"{printable(text)} …"))


def _write(stream: TextIO, text: str) -> None:
    if not paint.wanted(stream):
        text = paint.plain(text)
    try:
        # What a name in the file system or the locale has no character for.
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    except BrokenPipeError:
        raise UnreadError from None
    except OSError as error:
        raise UnwritableError(f"cannot write the result: {error.strerror}") from error


def flush() -> None:
    """Hand everything over; raise as writing does."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        raise UnreadError from None
    except OSError as error:
        raise UnwritableError(f"cannot write the result: {error.strerror}") from error


def abandon() -> None:
    """Let what could not be written go nowhere, so that the interpreter does not try again when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
