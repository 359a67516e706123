"""What is stored in the API: how a publisher that takes over understands it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anp.transport.checksum import added, canonical, weight
from anp.transport.contents import Contents
from anp.transport.encoding import TABLES, Json, encoded
from anp.transport.errors import TransportError
from anp.transport.manifest import Manifest, read_manifest
from anp.transport.slices import Document, ProgramSlice, TableSlice, made_for, opened
from anp.transport.tables import NO_TABLES, Layout, Tables

JsonPatch: TypeAlias = tuple[Document, ...]
"""The operations of a JSON patch, in order."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest and what it leads to.

    `check` and `total` are what it adds up to, `base` and `layouts` what its slices hold, `journal` its changes with
    their sizes, and `touched` the keys that were changed since the base. `tests` begin a patch of it: they are empty if
    there is no manifest. Without `check` nothing of it can be used.
    """

    number: int = 0
    check: str = ""
    total: int = 0
    tables: Tables = field(default_factory=lambda: NO_TABLES)
    base: int = 0
    layouts: Mapping[str, Layout] = field(default_factory=lambda: {table: Layout() for table in TABLES})
    journal: tuple[tuple[Json, int], ...] = ()
    touched: Mapping[str, frozenset[str]] = field(default_factory=lambda: {table: frozenset() for table in TABLES})
    tests: JsonPatch = ()

    @property
    def named(self) -> frozenset[str]:
        """Every slice that it names."""
        tables = {name for layout in self.layouts.values() for name in layout.names}
        return frozenset(tables.union(*self.tables["programs"].values()))


def tests_of(number: int, check: str) -> JsonPatch:
    """Return the operations that let a patch of any other manifest fail."""
    return (
        {"op": "test", "path": "/spec/number", "value": number},
        {"op": "test", "path": "/spec/check", "value": check},
    )


def stored_in(manifest: Any, slices: Mapping[str, Any]) -> tuple[Stored, str]:
    """Understand what is stored; if that is not possible, say why, and what can be written nevertheless."""
    if manifest is None:
        # Numbers go on where an earlier manifest left off, as its slices may still be there.
        return Stored(number=max(map(made_for, slices), default=0)), ""
    try:
        return _understood(read_manifest(manifest), slices), ""
    except TransportError as error:
        return _damaged(manifest, slices), str(error)


def _understood(manifest: Manifest, slices: Mapping[str, Any]) -> Stored:
    parts = [(name, _table(name, slices)) for table in TABLES for name in manifest.slices[table]]
    changes = manifest.since(manifest.base) or ()
    contents = Contents.of(manifest.base, parts).after(changes)
    values = contents.values
    # Weights are made anew: whoever wrote this may have written the same values in other words.
    total = added(0, *(weight(table, key, encoded(value)) for table in TABLES for key, value in values[table].items()))
    if contents.check != manifest.check or total != contents.total:
        raise TransportError("manifest", "slices and changes do not add up to what it says")
    for names in values["programs"].values():
        for name in names:
            _slice(name, slices)
    touched = {
        table: frozenset(
            key
            for change in changes
            for keys in (change.entries.get(table, ()), change.gone.get(table, ()))
            for key in keys
        )
        for table in TABLES
    }
    return Stored(
        manifest.number,
        manifest.check,
        total,
        values,
        manifest.base,
        {table: _layout([(name, part) for name, part in parts if part.table == table]) for table in TABLES},
        tuple((change, len(canonical(change))) for change in manifest.changes),
        touched,
        tests_of(manifest.number, manifest.check),
    )


def _damaged(manifest: Mapping[str, Any], slices: Mapping[str, Any]) -> Stored:
    spec = manifest.get("spec")
    said = spec.get("number") if isinstance(spec, dict) else 0
    number = said if type(said) is int and said > 0 else max(map(made_for, slices), default=0)
    metadata = manifest.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return Stored(number, tests=({"op": "test", "path": "/metadata/resourceVersion", "value": version},))


def _table(name: str, slices: Mapping[str, Any]) -> TableSlice:
    part = _slice(name, slices)
    if not isinstance(part, TableSlice):
        raise TransportError(name, "is no part of a table")
    return part


def _slice(name: str, slices: Mapping[str, Any]) -> TableSlice | ProgramSlice:
    if name not in slices:
        raise TransportError(name, "is named and not there")
    its, part = opened(slices[name])
    if its != name:
        raise TransportError(name, f"is {its}")
    return part


def _layout(parts: list[tuple[str, TableSlice]]) -> Layout:
    counts = {part.buckets for _name, part in parts}
    if len(counts) > 1:
        raise TransportError("manifest.slices", "they come from different layouts")
    found: dict[int, tuple[str, ...]] = {}
    for name, part in parts:
        found[part.bucket] = (*found.get(part.bucket, ()), name)
    return Layout(counts.pop() if counts else 1, found)
