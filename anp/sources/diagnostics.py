"""What there is to say about the objects we were given: one sentence, its weight, and where it belongs."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

FieldPath: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to a field: keys and list indexes."""


class Severity(enum.IntEnum):
    """How much a diagnostic matters, the worst first.

    With an error, something that was written is not in force. With a warning it is, but probably not as meant.
    """

    ERROR = 1
    WARNING = 2
    INFO = 3

    @property
    def label(self) -> str:
        """The word that people and tools read."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file; lines and columns count from 1, and 0 means that only the larger unit is known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([printable(self.file), *(str(number) for number in (self.line, self.column) if number)])


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Diagnostic:
    """One thing to know, in the order in which a reader of the files meets it.

    `object` is ``Kind name`` or ``Kind namespace/name``, `field` the path inside it as people write it, `hint` the
    way out. Any of these, and the place, may be empty. Texts may quote what users wrote; `str` makes them safe to
    print, and `as_json` leaves them as they are.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    severity: Severity
    object: str = ""
    field: str = ""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = str(Location(self.file, self.line, self.column)) if self.file else ""
        parts = [place, self.severity.label, self.object, self.field, self.message]
        hint = f" ({self.hint})" if self.hint else ""
        return printable(": ".join(part for part in parts if part) + hint)

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object with every field, the severity as its word."""
        return {
            "severity": self.severity.label,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "object": self.object,
            "field": self.field,
            "message": self.message,
            "hint": self.hint,
        }


def diagnostic(  # noqa: PLR0913 - the parts of one sentence
    severity: Severity,
    message: str,
    *,
    at: Location | None = None,
    about: str = "",
    field: FieldPath = (),
    hint: str = "",
) -> Diagnostic:
    """Make a diagnostic from values rather than texts."""
    at = at or Location("")
    return Diagnostic(
        file=at.file,
        line=at.line,
        column=at.column,
        severity=severity,
        object=about,
        field=field_text(field),
        message=message,
        hint=hint,
    )


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Say whether any of them is an error."""
    return any(found.severity is Severity.ERROR for found in diagnostics)


_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def field_text(path: FieldPath) -> str:
    """Write a field path as people do: ``spec.egress[0].to``, with keys that hold dots or spaces in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def printable(text: str) -> str:
    """Return the text with everything spelled out that could move a cursor or break a line.

    Names and messages quote files that anybody may have written.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
