"""What lint has to say, as values: findings, what they are about, and what else is involved."""

from dataclasses import dataclass
from typing import Any

from anp.sources.diagnostics import FieldPath, Location, Severity, field_text, printable
from compiler.model import Direction, Flow, Origin, Protocol

NOWHERE = Location("")
"""The place of what nobody wrote to a file."""


@dataclass(frozen=True, slots=True)
class Related:
    """Something else that a finding is about: another rule, or another policy, and what part it has."""

    about: str
    at: Location
    part: str

    def __str__(self) -> str:
        place = f" ({self.at})" if self.at.file else ""
        return printable(f"{self.part}: {self.about}") + place

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"object": self.about, "part": self.part, **_place(self.at)}


@dataclass(frozen=True, slots=True)
class Witness:
    """A packet that shows what a finding says, and what becomes of it, in words.

    `by` is what decides about it in one `direction`, or passes it to the next tier there, where that is what it shows.
    """

    flow: Flow
    fate: str
    direction: Direction
    by: Origin | None = None

    def __str__(self) -> str:
        back = ", sent back by a Service" if self.flow.hairpin else ""
        return printable(f"{self.flow}{back}: {self.fate}")

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        flow = self.flow
        return {
            "source": str(flow.source),
            "destination": str(flow.destination),
            "protocol": flow.protocol.value,
            "port": None if flow.protocol is Protocol.OTHER else flow.port,
            "hairpin": flow.hairpin,
            "direction": self.direction.value,
            "fate": self.fate,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is probably not meant.

    `about` is ``Kind name`` or ``Kind namespace/name``. `lasting` says that it holds whatever pods there are; other
    findings are about the cluster as it is. `lines` are those of everything around the place, up to the object: a
    comment on one of them can suppress the finding.
    """

    code: str
    severity: Severity
    about: str
    at: Location
    path: FieldPath
    message: str
    hint: str = ""
    related: tuple[Related, ...] = ()
    witness: Witness | None = None
    lasting: bool = False
    lines: frozenset[int] = frozenset()

    @property
    def order(self) -> tuple[Location, str, str, str, str]:
        """Sort key: as a reader of the files meets them."""
        return self.at, self.about, self.code, field_text(self.path), self.message

    @property
    def fingerprint(self) -> tuple[str, str, str, tuple[str, ...]]:
        """What stays the same when lines move."""
        return self.code, self.about, field_text(self.path), tuple(other.about for other in self.related)

    def __str__(self) -> str:
        place = str(self.at) if self.at.file else ""
        parts = [place, f"{self.severity.label} {self.code}", self.about, field_text(self.path), self.message]
        return printable(": ".join(part for part in parts if part))

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object with every field."""
        return {
            "code": self.code,
            "severity": self.severity.label,
            "object": self.about,
            "field": field_text(self.path),
            **_place(self.at),
            "message": self.message,
            "hint": self.hint,
            "lasting": self.lasting,
            "related": [other.as_json() for other in self.related],
            "witness": self.witness.as_json() if self.witness else None,
        }


def _place(at: Location) -> dict[str, Any]:
    return {"file": at.file or None, "line": at.line or None, "column": at.column or None}
