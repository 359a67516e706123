"""Where values stand in the text that they were read from."""

from dataclasses import dataclass, field
from typing import Any

from anp.sources.diagnostics import FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Where a value begins and, for each key or index in it, where that begins; lines and columns from 1."""

    line: int
    column: int
    steps: "dict[str | int, Positions]" = field(default_factory=dict, repr=False)

    def find(self, path: FieldPath) -> "Positions":
        """Return the place of the field at `path`, or of the closest thing around it that was written."""
        found = self
        for step in path:
            if step not in found.steps:
                break
            found = found.steps[step]
        return found


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text: its value, and where everything in it stands."""

    value: Any
    positions: Positions
