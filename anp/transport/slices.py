"""Slices: immutable objects with a part of a generation each.

A slice's name says what it holds, the number of the generation that it was made for, and the hash of its content. The
hash shows damage. The number makes deletion safe: a generation names only slices that its predecessor names and such as
were made for it, so a slice which is older than the generation in force and not named by it will never be named again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from anp.api.engine_v1alpha1 import GenerationSlice
from anp.transport import reading
from anp.transport.checksum import canonical, content_hash
from anp.transport.encoding import SLICE_NAME, TABLES, Entry, Json, decoded
from anp.transport.errors import TransportError
from anp.transport.programs import program_of, rows_of
from compiler.generation import PortableProgram

Document: TypeAlias = dict[str, Any]

LABELS = {"app.kubernetes.io/managed-by": "anp"}
LIMIT = 128 * 1024
"""Bytes of JSON that a slice's content may have, unless a single entry or rule has more."""
PROGRAM = "program"

_TABLE_FIELDS = frozenset({"holds", "bucket", "buckets"})
_PROGRAM_FIELDS = frozenset({"holds", "rows"})


@dataclass(frozen=True, slots=True)
class TableSlice:
    """Entries of one table: those of one of so many buckets, or a part of them. `entries` as JSON, `values` read."""

    table: str
    bucket: int
    buckets: int
    entries: Mapping[str, Json]
    values: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class ProgramSlice:
    """Rows of one program, or of a part of it."""

    rows: tuple[Json, ...]


def table_slices(
    table: str, number: int, bucket: int, buckets: int, entries: Iterable[tuple[str, Json]]
) -> Iterator[Document]:
    """Yield slices for generation `number` with these entries of one bucket: one, if it is not too large."""
    for part in _parts(sorted(entries)):
        yield _slice(number, {"holds": table, "bucket": bucket, "buckets": buckets, table: dict(part)})


def program_slices(number: int, program: PortableProgram) -> Iterator[Document]:
    """Yield slices for generation `number` with a program: one, if it is not too large."""
    for part in _parts(rows_of(program)):
        yield _slice(number, {"holds": PROGRAM, "rows": part})


def content_of(name: str) -> str:
    """Return the part of a slice's name that is its content's."""
    return name.rpartition("-")[2]


def made_for(name: str) -> int:
    """Return the number of the generation that a slice was made for; 0 if the name is none of ours."""
    return int(name.split("-")[1]) if SLICE_NAME.fullmatch(name) else 0


def opened(document: Any) -> tuple[str, TableSlice | ProgramSlice]:
    """Return a slice's name and what is in it.

    Raises:
        TransportError: it is damaged, or no slice of ours.

    """
    metadata = reading.mapping(reading.mapping(document, "slice").get("metadata"), "slice.metadata")
    name = reading.matching(metadata.get("name"), "slice.metadata.name", SLICE_NAME)
    return name, opened_spec(name, document.get("spec"))


def opened_spec(name: str, spec: Any) -> TableSlice | ProgramSlice:
    """Return what is in the slice with that name.

    Raises:
        TransportError: it is damaged, or no slice of ours.

    """
    said = reading.mapping(spec, name)
    holds = reading.text(said.get("holds"), f"{name}.holds")
    try:
        content = content_hash(spec)
    except RecursionError:
        raise TransportError(name, "is nested too deeply") from None
    if not name.startswith(f"{holds}-") or content != content_of(name):
        raise TransportError(name, "its content is not what its name says")
    if holds == PROGRAM:
        said = reading.fields(spec, name, _PROGRAM_FIELDS)
        return ProgramSlice(reading.items(said["rows"], f"{name}.rows", lambda row, _where: row))
    if holds not in TABLES:
        raise TransportError(name, f"holds {reading.shown(holds)}, which nobody here understands")
    said = reading.fields(spec, name, _TABLE_FIELDS | {holds})
    buckets = reading.number(said["buckets"], f"{name}.buckets", 1)
    bucket = reading.number(said["bucket"], f"{name}.bucket", 0, buckets - 1)
    where = f"{name}.{holds}"
    entries = reading.mapping(said[holds], where)
    values = {key: decoded(holds, key, value, where) for key, value in entries.items()}
    return TableSlice(holds, bucket, buckets, entries, values)


def program_in(parts: Iterable[tuple[str, ProgramSlice]]) -> PortableProgram:
    """Read a program from all of its slices, in order.

    Raises:
        TransportError: together they are no program.

    """
    named = list(parts)
    return program_of((row for _name, part in named for row in part.rows), " + ".join(name for name, _part in named))


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    everything = list(items)
    if len(canonical(everything)) <= LIMIT:
        # The rule; to ask for the size of each item costs far more.
        if everything:
            yield everything
        return
    part: list[Any] = []
    size = 0
    for item in everything:
        length = len(canonical(item)) + 1
        if part and size + length > LIMIT:
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    if part:
        yield part


def _slice(number: int, content: Document) -> Document:
    resource = GenerationSlice.resource
    name = f"{content['holds']}-{number}-{content_hash(content)}"
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "labels": dict(LABELS)},
        "spec": content,
    }


def size_of(document: Json) -> int:
    """Return the bytes of a document."""
    return len(canonical(document))
