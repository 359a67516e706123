"""The manifest: the one object that says which generation is in force, and what it consists of.

It names slices, which hold the state with the number `base`, and has a journal: what each later generation changed. The
journal may begin before the base, so that who has been there lately goes on from where he is and reads no slice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anp.transport import reading
from anp.transport.checksum import weight
from anp.transport.encoding import SLICE_NAME, TABLES, Entry, Json, decoded
from anp.transport.errors import TransportError

NAME = "current"

_SPEC = frozenset({"number", "at", "check", "base", "slices", "changes"})
_CHANGE = frozenset({"number", "at"})
_CHANGE_MORE = frozenset({*TABLES, "gone"})
_TABLES = frozenset(TABLES)
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """What generation `number` changed: entries that are new or other, with their weights, and keys that are gone."""

    number: int
    at: str
    entries: Mapping[str, Mapping[str, tuple[Entry, int]]]
    gone: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest; its journal is read only as far as somebody asks for it, as most of it is old news to most.

    `changes` are in order and without gaps, and end with `number`, if there are any; they go back to `base`.
    """

    number: int
    at: str
    check: str
    base: int
    slices: Mapping[str, tuple[str, ...]]
    changes: tuple[Json, ...] = ()

    def since(self, number: int) -> tuple[Change, ...] | None:
        """Return what was changed after generation `number`; None if the journal does not go back so far.

        Raises:
            TransportError: a change is malformed.

        """
        first = self.number - len(self.changes)
        if not first <= number <= self.number:
            return None
        places = range(number - first, len(self.changes))
        return tuple(_read_change(self.changes[place], f"manifest.changes[{place}]") for place in places)


def read_manifest(document: Any) -> Manifest:
    """Read a manifest.

    Raises:
        TransportError: it is malformed.

    """
    said = reading.fields(reading.mapping(document, "manifest").get("spec"), "manifest", _SPEC)
    number = reading.number(said["number"], "manifest.number", 1)
    base = reading.number(said["base"], "manifest.base", 0, number)
    slices = reading.fields(said["slices"], "manifest.slices", _NOTHING, _TABLES)
    changes = reading.items(said["changes"], "manifest.changes", reading.mapping)
    if [change.get("number") for change in changes] != list(range(number - len(changes) + 1, number + 1)):
        raise TransportError("manifest.changes", f"must have no gaps, and end with {number}")
    if base < number - len(changes):
        raise TransportError("manifest.changes", f"must go back to {base}, which is what the slices hold")
    return Manifest(
        number,
        reading.text(said["at"], "manifest.at"),
        reading.text(said["check"], "manifest.check"),
        base,
        {table: _read_names(table, slices.get(table, [])) for table in TABLES},
        changes,
    )


def _read_names(table: str, value: Json) -> tuple[str, ...]:
    def read(name: Json, where: str) -> str:
        if not reading.matching(name, where, SLICE_NAME).startswith(f"{table}-"):
            raise TransportError(where, f"is no slice of {table}")
        return str(name)

    return reading.items(value, f"manifest.slices.{table}", read)


def _read_change(value: Json, where: str) -> Change:
    said = reading.fields(value, where, _CHANGE, _CHANGE_MORE)
    gone = reading.fields(said.get("gone", {}), f"{where}.gone", _NOTHING, _TABLES)
    return Change(
        reading.number(said["number"], f"{where}.number", 1),
        reading.text(said["at"], f"{where}.at"),
        {table: _read_entries(table, said[table], f"{where}.{table}") for table in TABLES if table in said},
        {table: reading.items(keys, f"{where}.gone.{table}", reading.text) for table, keys in gone.items()},
    )


def _read_entries(table: str, value: Json, where: str) -> dict[str, tuple[Entry, int]]:
    return {
        key: (decoded(table, key, entry, where), weight(table, key, entry))
        for key, entry in reading.mapping(value, where).items()
    }
