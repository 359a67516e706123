"""Colours: on terminals only, and not where NO_COLOR is set or the terminal is a dumb one."""

import os
import re
from typing import TextIO

_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


def bold(text: str) -> str:
    """For what is to be seen first."""
    return _painted(text, "1")


def dim(text: str) -> str:
    """For what only few need."""
    return _painted(text, "2")


def green(text: str) -> str:
    """For what gets through, and what is as it should be."""
    return _painted(text, "32")


def red(text: str) -> str:
    """For what does not get through."""
    return _painted(text, "31")


def yellow(text: str) -> str:
    """For what may not be as it was meant."""
    return _painted(text, "33")


def alarm(text: str) -> str:
    """For what is wrong."""
    return _painted(text, "1;31")


def _painted(text: str, codes: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m"


def plain(text: str) -> str:
    """Take the paint off again."""
    return _SEQUENCE.sub("", text)


def wanted(stream: TextIO) -> bool:
    """Say whether colours may go to that stream: NO_COLOR counts when it is not empty (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
