"""What can be wrong with an API object, said to the person who wrote it.

* ApiError
  - InvalidObjectError     the object breaks its schema; carries every `Problem` at once
  - UnsupportedKindError   the object is of a kind that means nothing to us
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where something stands in a document: field names and list indexes, outermost first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, or one thing worth a warning: where it is, and what to do about it."""

    path: Path
    message: str

    @property
    def place(self) -> str:
        """The path as people write it, such as ``spec.egress[0].to[1].networks[0]``."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".")

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.path else self.message


class ApiError(Exception):
    """An object that cannot be used."""


class InvalidObjectError(ApiError):
    """An object breaks the rules of its kind.

    `problems` has all of its mistakes; `warnings` the fields that were ignored, which may explain them.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        super().__init__("; ".join(map(str, self.problems)))


class UnsupportedKindError(ApiError):
    """An object of a kind that we do not read; `supported` lists (apiVersion, kind) of those that we do."""

    def __init__(self, api_version: str, kind: str, supported: Iterable[tuple[str, str]]) -> None:
        self.api_version = api_version
        self.kind = kind
        self.supported = tuple(supported)
        known = ", ".join(f"{version} {name}" for version, name in self.supported)
        super().__init__(f"{api_version} {kind} is not supported; supported are {known}")
