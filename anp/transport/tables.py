"""The four tables as a publisher holds them, what changes between two states of them, and how slices hold them."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anp.transport.encoding import TABLES, Entry, Json, encoded
from anp.transport.slices import Document, table_slices

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Entries by table and key."""

# Members are small and change one by one; what a shape or a span says can be long.
_PER_BUCKET = {"members": 500, "shapes": 64, "spans": 128, "programs": 500}

NO_TABLES: Tables = {table: {} for table in TABLES}


@dataclass(frozen=True, slots=True)
class Difference:
    """What takes one state to another: entries that are new or other, and keys that are gone, where there are any."""

    entries: Mapping[str, Mapping[str, Entry]]
    gone: Mapping[str, tuple[str, ...]]

    @classmethod
    def between(cls, before: Tables, after: Tables) -> "Difference":
        """Compare two states. Entries that are the same object, as most are, cost next to nothing."""
        entries: dict[str, dict[str, Entry]] = {}
        gone: dict[str, tuple[str, ...]] = {}
        for table in TABLES:
            old, new = before[table], after[table]
            if old is new:
                continue
            get = old.get
            changed = {key: value for key, value in new.items() if (known := get(key)) is not value and known != value}
            if changed:
                entries[table] = changed
            if lost := old.keys() - new.keys():
                gone[table] = tuple(sorted(lost))
        return cls(entries, gone)

    def __bool__(self) -> bool:
        return bool(self.entries or self.gone)

    def keys(self, table: str) -> Iterator[str]:
        """Yield the keys of a table that are concerned."""
        yield from self.entries.get(table, ())
        yield from self.gone.get(table, ())

    def document(self) -> dict[str, Json]:
        """Return the difference as the journal has it."""
        document: dict[str, Json] = {
            table: {key: encoded(entries[key]) for key in sorted(entries)} for table, entries in self.entries.items()
        }
        if self.gone:
            document["gone"] = {table: list(keys) for table, keys in self.gone.items()}
        return document


@dataclass(frozen=True, slots=True)
class Layout:
    """How the entries of one table lie in slices: so many buckets, and the names of the slices of each."""

    buckets: int = 1
    slices: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> Iterator[str]:
        """Every slice, in order."""
        for bucket in sorted(self.slices):
            yield from self.slices[bucket]

    def rewritten(
        self, table: str, entries: Mapping[str, Entry], touched: Iterable[str] | None, number: int
    ) -> tuple["Layout", list[Document]]:
        """Return how `entries` lie after a rewrite, and the slices to make, for generation `number`.

        Only the buckets of the keys in `touched` are rewritten; None stands for all of them.
        """
        buckets = _buckets(len(entries), self.buckets, _PER_BUCKET[table])
        if buckets != self.buckets:
            touched = None
        wanted = set(range(buckets)) if touched is None else {bucket_of(key, buckets) for key in touched}
        if not wanted:
            return self, []
        found: dict[int, list[tuple[str, Json]]] = {bucket: [] for bucket in wanted}
        for key, entry in entries.items():
            bucket = bucket_of(key, buckets)
            if bucket in found:
                found[bucket].append((key, encoded(entry)))
        made = {b: list(table_slices(table, number, b, buckets, items)) for b, items in sorted(found.items())}
        slices = {b: names for b, names in self.slices.items() if touched is not None and b not in wanted}
        slices |= {b: tuple(document["metadata"]["name"] for document in made[b]) for b in made if made[b]}
        return Layout(buckets, slices), [document for documents in made.values() for document in documents]


def bucket_of(key: str, buckets: int) -> int:
    """Return the bucket of an entry; `buckets` is a power of two."""
    return zlib.crc32(key.encode(errors="surrogatepass")) & buckets - 1


def _buckets(entries: int, now: int, each: int) -> int:
    """Return how many buckets are good for so many entries: as many as now, if that is not far off."""
    if entries <= now * each * 3 // 2 and (now == 1 or entries >= now * each // 4):
        return now
    buckets = 1
    while buckets * each < entries:
        buckets *= 2
    return buckets
