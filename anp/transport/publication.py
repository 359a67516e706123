"""The publishing side: what to write so that the generation that is wanted becomes the one that is published.

    published = Published.of(manifest, slices)      # what is stored: read the manifest first, then the slices
    writes = published.plan(wanted, now)
    ...                                             # create slices, then write the manifest, then delete slices
    published = published.after(writes)

There is no I/O here. A manifest is written on top of the one that it was planned for, or not at all: every patch tests
what it goes out from, so the second of two publishers is refused. After any write that failed, what is stored has to be
read again; a slice that exists already is the slice that was wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from anp.api.engine_v1alpha1 import PolicyGeneration
from anp.transport.checksum import added, canonical, check_of, removed, weight
from anp.transport.encoding import TABLES, Json, Names, encoded, span_entries
from anp.transport.manifest import NAME
from anp.transport.slices import LABELS, Document, content_of, made_for, program_slices
from anp.transport.stored import JsonPatch, Stored, stored_in, tests_of
from anp.transport.tables import Difference, Tables
from compiler.generation import Generation

GRACE = timedelta(seconds=60)
"""How long slices stay that are no longer named: who reads an older manifest may still want them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the journal may become. Of every change the API server checks all of it, and every agent is sent it."""

    changes: int = 256
    size: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class Writes:
    """What to write, in this order: slices that do not exist yet, in any order; the manifest; slices to delete.

    `manifest` is a document to create, a patch of the one that is stored, or None if it stays as it is. A patch that
    is refused (422, or 404) and a document that exists (409) mean that somebody else was faster. `number` is the
    generation that is then in force.
    """

    create: tuple[Document, ...]
    manifest: Document | JsonPatch | None
    delete: tuple[str, ...]
    number: int
    outcome: "Published" = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.create or self.manifest or self.delete)


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """What is published, as the publisher remembers it. Make one with `of`.

    `trouble` says why what was stored could not be used, if it could not; the next plan replaces all of it. What was
    wanted last is kept to recognise what stays the same object; who has just taken over knows of none.
    """

    trouble: str = ""
    _stored: Stored = field(default_factory=Stored)
    _generation: Generation | None = None
    _retired: Mapping[str, datetime | None] = field(default_factory=dict)
    _limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(
        cls, manifest: Mapping[str, Any] | None, slices: Mapping[str, Any], limits: Limits | None = None
    ) -> "Published":
        """Remember what is stored: the manifest, and by name all slices. Damage is no error: see `trouble`."""
        stored, trouble = stored_in(manifest, slices)
        named = stored.named
        retired = {name: None for name in slices if name not in named}
        return cls(trouble, stored, _retired=retired, _limits=limits or Limits())

    @property
    def number(self) -> int:
        """The generation in force; if there is none, the last one that slices know of, or 0."""
        return self._stored.number

    @property
    def due(self) -> datetime | None:
        """When slices can be deleted next, so that there is something to plan even if nothing changes."""
        return min((since + GRACE for since in self._retired.values() if since), default=None)

    def after(self, writes: Writes) -> "Published":
        """Return what is published when these writes, all of them, are done."""
        return writes.outcome

    def plan(self, wanted: Generation, now: datetime) -> Writes:
        """Work out what to write; nothing, if nothing changed and no slice is to be deleted.

        The publisher keeps `wanted`, and recognises what is the same object the next time.
        """
        before = self._stored
        programs, made = self._programs(wanted)
        tables: Tables = {
            "members": wanted.members,
            "shapes": wanted.shapes,
            "spans": self._spans(wanted),
            "programs": programs,
        }
        difference = Difference.between(before.tables, tables)
        if difference or not before.check:
            after, create, manifest = self._written(tables, difference, now)
        else:
            # Equal, but perhaps other objects: the next comparison is with these.
            after, create, manifest = replace(before, tables=tables), [], None
        retired = {name: since or now for name, since in self._retired.items()}
        delete = tuple(sorted(name for name, since in retired.items() if self._deletable(name, now - since)))
        retired = {name: since for name, since in retired.items() if name not in delete}
        if manifest:
            named = after.named
            # Somebody may have made the very slices that are wanted now, and not come to name them.
            retired = {name: since for name, since in retired.items() if name not in named}
            retired |= dict.fromkeys(before.named - named, now)
        creates = {document["metadata"]["name"]: document for document in (*made, *create)}
        outcome = Published(self.trouble if not manifest else "", after, wanted, retired, self._limits)
        return Writes(tuple(creates.values()), manifest, delete, after.number, outcome)

    # Tables.

    def _programs(self, wanted: Generation) -> tuple[Mapping[str, Names], list[Document]]:
        """Return where each program is, and the slices to make for those that are not stored yet."""
        known = self._stored.tables["programs"]
        before = self._generation.programs if self._generation else {}
        if wanted.programs is before:
            return known, []
        found: dict[str, Names] = {}
        made: list[Document] = []
        for digest, program in wanted.programs.items():
            stored: Names = known.get(digest, ())
            if not stored or before.get(digest) != program:
                slices = list(program_slices(self.number + 1, program))
                names = tuple(document["metadata"]["name"] for document in slices)
                if [content_of(name) for name in names] != [content_of(name) for name in stored]:
                    made += slices
                    stored = names
            found[digest] = stored
        return found, made

    def _spans(self, wanted: Generation) -> Mapping[str, Any]:
        if self._generation and wanted.spans == self._generation.spans:
            return self._stored.tables["spans"]
        return span_entries(wanted.spans)

    def _deletable(self, name: str, age: timedelta) -> bool:
        # What was made for a later generation than the one in force may be about to be named.
        return age >= GRACE and bool(self._stored.check) and made_for(name) <= self.number

    # Manifests.

    def _written(
        self, tables: Tables, difference: Difference, now: datetime
    ) -> tuple[Stored, list[Document], Document | JsonPatch]:
        """Return what is stored when everything is written, slices to make, and what to do to the manifest."""
        before = self._stored
        number = before.number + 1
        total = _total(before, difference)
        at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        check = check_of(number, total)
        touched = {table: before.touched[table] | set(difference.keys(table)) for table in TABLES}
        after = replace(
            before,
            number=number,
            check=check,
            total=total,
            tables=tables,
            touched=touched,
            tests=tests_of(number, check),
        )
        change = {"number": number, "at": at, **difference.document()}
        size = len(canonical(change))
        if not before.check or size > self._limits.size // 2:
            # Too much for the journal: everybody has to read slices.
            after, create = _rebased(after, tables, number, touched if before.check else None, ())
            return after, create, _whole(before, after, at)
        journal = _fitting(before.journal, before.number - before.base, self._limits, size)
        if journal is not None:
            dropped = len(before.journal) - len(journal)
            after = replace(after, journal=(*journal, (change, size)))
            return after, [], _patch(before, after, at, change, dropped)
        kept = _fitting(before.journal, 0, Limits(self._limits.changes // 2, self._limits.size // 2), size) or ()
        after, create = _rebased(after, before.tables, number, before.touched, (*kept, (change, size)))
        after = replace(
            after, base=before.number, touched={table: frozenset(difference.keys(table)) for table in TABLES}
        )
        return after, create, _whole(before, after, at)


def _total(before: Stored, difference: Difference) -> int:
    total = before.total
    for table in TABLES:
        known = before.tables[table]
        for key in difference.keys(table):
            if key in known:
                total = removed(total, weight(table, key, encoded(known[key])))
        for key, entry in difference.entries.get(table, {}).items():
            total = added(total, weight(table, key, encoded(entry)))
    return total


def _fitting(
    journal: tuple[tuple[Json, int], ...], needed: int, limits: Limits, more: int
) -> tuple[tuple[Json, int], ...] | None:
    """Return as much of the end of a journal as there is room for besides one more change; None if too little is.

    `needed` are the changes at the end that must stay.
    """
    room, start = limits.size - more, len(journal)
    while start and len(journal) - start + 1 < limits.changes and journal[start - 1][1] <= room:
        start -= 1
        room -= journal[start][1]
    return journal[start:] if len(journal) - start >= needed else None


def _rebased(
    after: Stored,
    tables: Tables,
    number: int,
    touched: Mapping[str, frozenset[str]] | None,
    journal: tuple[tuple[Json, int], ...],
) -> tuple[Stored, list[Document]]:
    """Let slices hold these tables; None as `touched` stands for all keys."""
    create: list[Document] = []
    layouts = {}
    for table in TABLES:
        keys = None if touched is None else touched[table]
        layouts[table], made = after.layouts[table].rewritten(table, tables[table], keys, number)
        create += made
    nothing: Mapping[str, frozenset[str]] = {table: frozenset() for table in TABLES}
    return replace(after, base=number, layouts=layouts, journal=journal, touched=nothing), create


def _spec(stored: Stored, at: str) -> Document:
    return {
        "number": stored.number,
        "at": at,
        "check": stored.check,
        "base": stored.base,
        "slices": {table: list(stored.layouts[table].names) for table in TABLES},
        "changes": [change for change, _size in stored.journal],
    }


def _whole(before: Stored, after: Stored, at: str) -> Document | JsonPatch:
    """Write a manifest as a whole: a new one, if there is none."""
    spec = _spec(after, at)
    if before.tests:
        return (*before.tests, {"op": "add", "path": "/spec", "value": spec})
    resource = PolicyGeneration.resource
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": NAME, "labels": dict(LABELS)},
        "spec": spec,
    }


def _patch(before: Stored, after: Stored, at: str, change: Json, dropped: int) -> JsonPatch:
    return (
        *before.tests,
        *({"op": "remove", "path": "/spec/changes/0"} for _ in range(dropped)),
        {"op": "replace", "path": "/spec/number", "value": after.number},
        {"op": "replace", "path": "/spec/at", "value": at},
        {"op": "replace", "path": "/spec/check", "value": after.check},
        {"op": "add", "path": "/spec/changes/-", "value": change},
    )
