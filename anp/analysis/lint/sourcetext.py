"""What was written beside the objects: comments and annotations, read again from the text of the files."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anp.sources.diagnostics import Location
from anp.sources.documents import read_documents
from anp.sources.positions import Positions

IGNORES = ("anp-lint/ignore", "lint.anp.internal/ignore")
"""The annotation that suppresses findings about its object: ``CODE reason``, one to a line or separated by ``;``.

It has two names, as some who check what is applied take only names in a domain.
"""
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps what it was given, before the server dropped anything."""

_COMMENT = re.compile(r"^(?P<before>.*?)(?:^|(?<=\s))#\s*anp-lint:\s*ignore\b[ \t:]*(?P<rest>.*)$")
_CODE = re.compile(r"^(?P<code>ANP[0-9]*|[A-Za-z]+[0-9]+)(?=$|[\s,:])[\s,:]*(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A word that findings of one code, on any of these lines, are known and meant; `lines` is empty for no place."""

    code: str
    reason: str
    at: Location
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class Annotated:
    """The annotations of an object that matter here, with the place of the object and of them."""

    at: Location
    place: Location
    ignore: str
    applied: Mapping[str, Any] | None


def suppressions(file: str, text: str) -> list[Suppression]:
    """Return all suppressions that comments make: on their own line, or on the next line that is no comment."""
    found: list[Suppression] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = _COMMENT.match(line)
        if match is None:
            continue
        target = number
        if not match["before"].strip():
            target = next((n for n, later in enumerate(lines[number:], number + 1) if not _empty(later)), number)
        at = Location(file, number, match.start("rest") + 1)
        found += _parsed(match["rest"], at, frozenset({target}))
    return found


def _empty(line: str) -> bool:
    bare = line.strip()
    return not bare or bare.startswith("#") or bare == "---"


def annotated(file: str, text: str) -> list[Annotated]:
    """Return the objects of a text that have an annotation which matters here."""
    if not any(name in text for name in (*IGNORES, APPLIED)):
        return []
    found: list[Annotated] = []
    for document in read_documents(text, file).documents:
        value = document.value
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(items, list):
            for index, item in enumerate(items):
                found += _of(file, item, document.positions.find(("items", index)))
        else:
            found += _of(file, value, document.positions)
    return found


def by_annotation(objects: Iterable[Annotated]) -> list[Suppression]:
    """Return the suppressions that annotations make, each for the whole of its object."""
    found: list[Suppression] = []
    for each in objects:
        for part in re.split(r"[;\n]", each.ignore):
            if part.strip():
                found += _parsed(part.strip(), each.place, frozenset({each.at.line}))
    return found


def annotations_at(at: Location, annotations: Mapping[str, Any], positions: Positions | None = None) -> list[Annotated]:
    """Return the annotations of the object there that matter here, if any do."""
    ignores = {key: value for key in IGNORES if isinstance(value := annotations.get(key), str)}
    applied = annotations.get(APPLIED)
    if not ignores and not isinstance(applied, str):
        return []
    key = next(iter(ignores), APPLIED)
    place = positions.find(("metadata", "annotations", key)) if positions else at
    said = "\n".join(ignores.values())
    return [Annotated(at, Location(at.file, place.line, place.column), said, _json(applied))]


def _of(file: str, value: Any, positions: Positions) -> list[Annotated]:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict):
        return []
    return annotations_at(Location(file, positions.line, positions.column), annotations, positions)


def _json(text: object) -> Mapping[str, Any] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _parsed(text: str, at: Location, lines: frozenset[int]) -> list[Suppression]:
    """Read ``CODE[, CODE…] reason``."""
    codes: list[str] = []
    match = _CODE.match(text)
    while match is not None:
        codes.append(match["code"])
        text = match["rest"]
        match = _CODE.match(text)
    return [Suppression(code, text.strip(), at, lines) for code in codes or [""]]
