"""The receiving side: manifests and slices in, complete generations out. There is no I/O here.

    needed = reception.needs(manifest)
    while needed:
        for name in needed:
            reception.give(get(name))    # who finds one gone reads the manifest again
        needed = reception.needs(manifest)
    received = reception.take(manifest)

A generation is taken whole or not at all, and only if it adds up to what its manifest says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from anp.transport import reading
from anp.transport.checksum import canonical
from anp.transport.contents import Contents
from anp.transport.encoding import TABLES, encoded, ordered_spans
from anp.transport.errors import IncompleteError, TransportError
from anp.transport.manifest import Manifest, read_manifest
from anp.transport.slices import PROGRAM, ProgramSlice, TableSlice, opened, opened_spec, program_in, table_slices
from compiler.generation import Generation, PortableProgram
from compiler.model import Direction

_FORMAT = 1
_SAVED = frozenset({"format", "number", "at", "check", "tables", "programs"})


Roles: TypeAlias = frozenset[tuple[str, Direction]]
"""Programs by digest, and for which direction they are run."""


@dataclass(frozen=True, slots=True)
class Received:
    """A complete generation, with those programs only that the node's own pods run.

    `at` is when it was published, as RFC 3339 in UTC. What a change left alone is the same object as before.
    """

    number: int
    at: str
    generation: Generation


@dataclass(frozen=True, slots=True)
class _Ready:
    """Contents that are complete but for programs, those that the node runs, and in which slices they are."""

    contents: Contents
    roles: Roles
    programs: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> frozenset[str]:
        """The slices of the programs."""
        return frozenset(name for names in self.programs.values() for name in names)


class Reception:
    """What a node has received: the last generation that it took, and slices that it may still need."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._slices: dict[str, TableSlice | ProgramSlice] = {}
        self._taken: _Ready | None = None
        self._ready: _Ready | None = None
        self._last: Received | None = None
        self._programs: dict[tuple[str, ...], PortableProgram] = {}

    @property
    def last(self) -> Received | None:
        """The generation that was taken last."""
        return self._last

    def needs(self, manifest: Any) -> frozenset[str]:
        """Return the slices that are still to be given before the generation can be taken.

        Ask again when they are: only then it can be seen which programs are needed.

        Raises:
            TransportError: the manifest, or what slices say together, cannot be.

        """
        try:
            self._prepared(read_manifest(manifest))
        except IncompleteError as error:
            return error.missing
        return frozenset()

    def give(self, document: Any) -> None:
        """Keep a slice.

        Raises:
            TransportError: it is damaged.

        """
        name, content = opened(document)
        self._slices[name] = content

    def take(self, manifest: Any) -> Received:
        """Take the generation of a manifest, and forget the slices that it does not name.

        Raises:
            IncompleteError: slices are missing.
            TransportError: the objects do not make the generation that was published; the last one stays.

        """
        read = read_manifest(manifest)
        received = self._accepted(self._prepared(read), read.number, read.at)
        named = {name for names in read.slices.values() for name in names}.union(*self._programs)
        self._slices = {name: part for name, part in self._slices.items() if name in named}
        return received

    def save(self) -> bytes:
        """Return what was taken last, for `load`.

        Raises:
            IncompleteError: nothing was taken yet.

        """
        if self._taken is None or self._last is None:
            raise IncompleteError(())
        contents = self._taken.contents
        parts = {name: self._slices[name] for name in self._taken.names}
        return canonical(
            {
                "format": _FORMAT,
                "number": self._last.number,
                "at": self._last.at,
                "check": contents.check,
                "tables": {
                    table: {key: encoded(entry) for key, entry in contents.values[table].items()} for table in TABLES
                },
                "programs": {
                    name: {"holds": PROGRAM, "rows": list(part.rows)}
                    for name, part in parts.items()
                    if isinstance(part, ProgramSlice)
                },
            }
        )

    @classmethod
    def load(cls, node: str, saved: bytes) -> Self:
        """Return a reception that goes on where another one of this node was saved.

        Raises:
            TransportError: what was saved is damaged, or in a form that is no longer understood.

        """
        try:
            document = json.loads(saved)
        except (ValueError, RecursionError) as error:
            raise TransportError("saved", f"is no JSON: {error}") from None
        said = reading.fields(document, "saved", _SAVED)
        reading.number(said["format"], "saved.format", _FORMAT, _FORMAT)
        number = reading.number(said["number"], "saved.number", 1)
        tables = reading.fields(said["tables"], "saved.tables", frozenset(TABLES))
        slices = [
            opened(slice_)
            for table in TABLES
            for slice_ in table_slices(table, 1, 0, 1, reading.mapping(tables[table], f"saved.{table}").items())
        ]
        contents = Contents.of(number, ((name, part) for name, part in slices if isinstance(part, TableSlice)))
        if contents.check != said["check"]:
            raise TransportError("saved", "does not add up to what it says")
        self = cls(node)
        programs = reading.mapping(said["programs"], "saved.programs")
        self._slices = {name: opened_spec(name, spec) for name, spec in programs.items()}
        ready = self._checked(contents)
        if missing := ready.names - self._slices.keys():
            raise TransportError("saved.programs", f"has no {min(missing)}")
        self._accepted(ready, number, reading.text(said["at"], "saved.at"))
        return self

    # From manifests to contents.

    def _prepared(self, manifest: Manifest) -> _Ready:
        """Return what the manifest says; all slices that it takes are here."""
        # Who asks what is needed takes it a moment later.
        ready = self._ready
        if ready is None or (ready.contents.number, ready.contents.check) != (manifest.number, manifest.check):
            contents = self._continued(manifest)
            ready = self._ready = self._checked(self._from_slices(manifest) if contents is None else contents)
        if missing := ready.names - self._slices.keys():
            raise IncompleteError(missing)
        return ready

    def _continued(self, manifest: Manifest) -> Contents | None:
        """Go on from what was taken last, if that leads to what the manifest says."""
        if self._taken is None:
            return None
        try:
            changes = manifest.since(self._taken.contents.number)
            contents = None if changes is None else self._taken.contents.after(changes)
        except TransportError:
            # The history may be another one than ours: then slices have to tell.
            return None
        return contents if contents is not None and contents.check == manifest.check else None

    def _from_slices(self, manifest: Manifest) -> Contents:
        names = [name for table in TABLES for name in manifest.slices[table]]
        if missing := [name for name in names if name not in self._slices]:
            raise IncompleteError(missing)
        parts = ((name, part) for name in names if isinstance(part := self._slices[name], TableSlice))
        contents = Contents.of(manifest.base, parts).after(manifest.since(manifest.base) or ())
        if contents.check != manifest.check:
            raise TransportError("manifest", f"slices and changes do not add up to generation {manifest.number}")
        return contents

    def _checked(self, contents: Contents) -> _Ready:
        members, shapes, programs = (contents.values[table] for table in ("members", "shapes", "programs"))
        if unknown := {member.shape for member in members.values()} - shapes.keys():
            raise TransportError("members", f"have the shape {min(unknown)}, which is not there")
        named = {digest for shape in shapes.values() for digest in (shape.egress, shape.ingress) if digest}
        if unknown := named - programs.keys():
            raise TransportError("shapes", f"name the program {min(unknown)}, which is not there")
        local = [shapes[name] for name in {member.shape for member in members.values() if member.node == self.node}]
        roles = frozenset(
            role
            for shape in local
            for role in ((shape.egress, Direction.EGRESS), (shape.ingress, Direction.INGRESS))
            if role[0]
        )
        return _Ready(contents, roles, {digest: programs[digest] for digest in sorted({role[0] for role in roles})})

    # From contents to generations.

    def _accepted(self, ready: _Ready, number: int, at: str) -> Received:
        """Make the generation, and let it be the last; if it cannot be made, nothing has changed."""
        read = {
            names: self._programs[names] if names in self._programs else self._read(names)
            for names in ready.programs.values()
        }
        programs = {digest: read[names] for digest, names in ready.programs.items()}
        for digest, direction in ready.roles:
            if programs[digest].direction is not direction:
                raise TransportError(ready.programs[digest][0], f"is not for {direction.value}, as a shape says")
        values = ready.contents.values
        if self._taken and self._last and values["spans"] is self._taken.contents.values["spans"]:
            spans = self._last.generation.spans
        else:
            spans = ordered_spans(values["spans"].values())
        received = Received(number, at, Generation(values["members"], values["shapes"], programs, spans))
        self._taken, self._programs, self._last = ready, read, received
        return received

    def _read(self, names: tuple[str, ...]) -> PortableProgram:
        parts = [(name, part) for name in names if isinstance(part := self._slices[name], ProgramSlice)]
        return program_in(parts)
