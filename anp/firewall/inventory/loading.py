"""From a mapping file to an inventory, with everything that is wrong with the file, each at its line."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError

from anp.api import messages
from anp.firewall.inventory import checks
from anp.firewall.inventory.addressing import addresses_of, spelled, union
from anp.firewall.inventory.model import Entity, Inventory, Neighbours, Rewrite, Segment
from anp.firewall.inventory.noting import note
from anp.firewall.inventory.schema import KIND, FirewallMapping
from anp.firewall.inventory.schema import Entity as WrittenEntity
from anp.firewall.model import NO_ADDRESS, common
from anp.firewall.services import SCTP, TCP, UDP
from anp.sources.diagnostics import Diagnostic, FieldPath, Location, Severity, diagnostic, has_errors
from anp.sources.documents import read_documents
from anp.sources.files import file_name, read_text
from anp.sources.positions import Document
from compiler.addresses import AddressSet
from compiler.model import PodSelection, Snapshot

_PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}
_EMPTY = (
    "the mapping has no entities, so nothing would be translated; "
    "`anp translate suggest` drafts one from manifests, a cluster or a list of hosts"
)


class Loading(NamedTuple):
    """An inventory, None if there are errors, and all that there is to say about the file."""

    inventory: Inventory | None
    diagnostics: tuple[Diagnostic, ...]


def load(path: str, snapshot: Snapshot | None = None) -> Loading:
    """Read a mapping file, or standard input for ``-``. Never raises.

    Entities must be disjoint whatever pods there will be. Given a cluster, it is enough that they are on its pods, and
    that is a warning then, as are entities without any.
    """
    content = read_text(path)
    if content.text is None:
        return Loading(None, content.diagnostics)
    return parse(content.text, file_name(path), snapshot)


def parse(text: str, file: str, snapshot: Snapshot | None = None) -> Loading:
    """Read the text of a mapping; `file` is its name. Never raises."""
    reading = read_documents(text, file)
    documents = [document for document in reading.documents if document.value is not None]
    if has_errors(reading.diagnostics):
        return Loading(None, reading.diagnostics)
    top = Location(file, 1)
    if not documents:
        return Loading(None, (*reading.diagnostics, diagnostic(Severity.ERROR, _EMPTY, at=top)))
    if len(documents) > 1:
        message = "a mapping is one document; this is a second one"
        extra = diagnostic(Severity.ERROR, message, at=Location(file, documents[1].positions.line))
        return Loading(None, (*reading.diagnostics, extra))
    document = documents[0]
    if not isinstance(document.value, dict):
        message = f"this is no {KIND}, which is a mapping with `segments` and `entities`"
        return Loading(None, (*reading.diagnostics, diagnostic(Severity.ERROR, message, at=top)))
    try:
        written = FirewallMapping.model_validate(document.value)
    except ValidationError as error:
        found = tuple(sorted(_mistakes(error, document, file)))
        return Loading(None, (*reading.diagnostics, *found))
    builder = _Builder(document, file)
    inventory = builder.inventory(written, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    found = tuple(sorted({*reading.diagnostics, *builder.diagnostics, *checks.soundness(inventory, snapshot)}))
    return Loading(None if has_errors(found) else inventory, found)


# What the schema refuses.


def _mistakes(error: ValidationError, document: Document, file: str) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each mistake, as the schema knows it."""
    for found in error.errors(include_url=False):
        path = _path(document.value, found["loc"])
        hint = ""
        if found["type"] == "extra_forbidden":
            message = "is no field of a mapping here, or misspelt"
            close = get_close_matches(str(path[-1]), _FIELDS, n=1)
            hint = f"did you mean {close[0]}?" if close else ""
        elif found["type"] == "enum":
            message = f"must be {found.get('ctx', {})['expected']}, not {messages.shown(found['input'])}"
        elif problems := messages.problems_of([found]):
            message = problems[0].message
        else:
            continue  # too few entries, because what is wrong with the others is told already
        place = document.positions.find(path)
        yield diagnostic(Severity.ERROR, message, at=Location(file, place.line, place.column), field=path, hint=hint)


def _path(value: Any, location: tuple[int | str, ...]) -> FieldPath:
    """Leave out of a schema's path what is not in the document, as a field that stands for the list it is in."""
    path: list[str | int] = []
    for place, step in enumerate(location):
        if isinstance(value, list) and isinstance(step, str):
            continue
        if step == "[key]":
            break
        if step == "matchLabels" and isinstance(value, dict) and step not in value:
            step = "labels"  # noqa: PLW2901 - what is short for it
        path.append(step)
        known = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if not known:
            path += [rest for rest in location[place + 1 :] if rest != "[key]"]
            break
        value = value[step]
    return tuple(path)


def _fields(schema: Any) -> Iterator[str]:
    match schema:
        case dict():
            yield from schema.get("properties", {})
            for below in schema.values():
                yield from _fields(below)
        case list():
            for below in schema:
                yield from _fields(below)


_FIELDS = sorted(set(_fields(FirewallMapping.model_json_schema(by_alias=True))))


# What its parts mean together.


@dataclass(slots=True)
class _Builder:
    """Makes the values of one file, and notes what cannot be."""

    document: Document
    file: str
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def inventory(self, written: FirewallMapping, digest: str) -> Inventory:
        """Return what the file says; where there are diagnostics, as much as makes sense."""
        if not written.entities:
            self.diagnostics.append(diagnostic(Severity.ERROR, _EMPTY, at=self._at("entities")))
        segments = tuple(
            Segment(
                name,
                _union(segment.cidrs),
                segment.interfaces,
                segment.neighbours or Neighbours.UNSTATED,
                self._at("segments", name),
            )
            for name, segment in written.segments.items()
        )
        entities = tuple(self._entities(written.entities, segments))
        mapped = union(entity.addresses for entity in entities)
        for name, addresses in _named(written.external).items():
            if both := common(addresses, mapped):
                text = f"external {name} has {spelled(both)}, which entities have too"
                hint = "what is a workload is not external; take it out of one of the two"
                self.diagnostics.append(note("FW208", text, at=self._at("external", name), hint=hint))
        return Inventory(
            source=self.file,
            digest=digest,
            entities=entities,
            segments=segments,
            external=_named(written.external),
            groups=_named(written.groups),
            rewrites=tuple(
                Rewrite(one.entity, _PROTOCOLS[one.protocol], one.from_, one.to, self._at("ports", index))
                for index, one in enumerate(written.ports)
            ),
            outside_interfaces=written.outside.interfaces,
            pod_addresses=_union(written.cluster.pod_cidrs),
            node_addresses=_union(written.cluster.nodes),
        )

    def _entities(self, written: tuple[WrittenEntity, ...], segments: tuple[Segment, ...]) -> Iterator[Entity]:
        taken = NO_ADDRESS
        for index, entity in enumerate(written):
            at = self._at("entities", index)
            whole = _union(entity.cidrs)
            addresses = whole - taken
            if not addresses:
                text = f"the addresses of {entity.name}, {spelled(whole)}, all belong to entities before it"
                self._note(text, at, entity, hint="put what is more specific first")
            taken |= addresses
            namespaces, pods = entity.which_pods()
            selector = {"namespaceSelector": namespaces.document}
            selection = PodSelection(namespaces.read()[0])
            if pods is not None:
                selector["podSelector"] = pods.document
                selection = PodSelection(selection.namespaces, pods.read()[0])
            yield Entity(
                name=entity.name,
                addresses=addresses,
                pods=selection,
                selector=selector,
                segment=self._segment(entity, addresses, segments, at),
                confidence=entity.confidence,
                reason=entity.reason,
                at=at,
            )

    def _segment(
        self, entity: WrittenEntity, addresses: AddressSet, segments: tuple[Segment, ...], at: Location
    ) -> str:
        """Return the segment that an entity is in, which holds all of its addresses or none."""
        inside = {segment.name: some for segment in segments if (some := common(segment.addresses, addresses))}
        if entity.segment is not None and entity.segment not in {segment.name for segment in segments}:
            close = get_close_matches(entity.segment, [segment.name for segment in segments], n=1)
            hint = f"did you mean {close[0]}?" if close else "name it under `segments`"
            self._note(f"there is no segment {entity.segment}", at, entity, hint=hint)
            return ""
        if entity.segment is not None and (left := addresses - inside.get(entity.segment, NO_ADDRESS)):
            text = f"{spelled(left)} of {entity.name} is not in its segment {entity.segment}"
            self._note(text, at, entity, hint="mend the segment, or divide the entity")
        elif entity.segment is None and len(inside) > 1:
            text = f"{entity.name} has addresses in several segments, {', '.join(inside)}"
            self._note(text, at, entity, hint="divide it, one entity for each segment")
        elif entity.segment is None and (left := addresses - union(inside.values())) and inside:
            text = f"{spelled(left)} of {entity.name} is in no segment, and the rest of it is in {', '.join(inside)}"
            self._note(text, at, entity, hint="widen the segment, or divide the entity")
        return entity.segment or next(iter(inside), "")

    def _note(self, text: str, at: Location, entity: WrittenEntity, hint: str) -> None:
        self.diagnostics.append(note("FW208", text, at=at, about=f"entity {entity.name}", hint=hint))

    def _at(self, *path: str | int) -> Location:
        place = self.document.positions.find(path)
        return Location(self.file, place.line, place.column)


def _union(texts: tuple[str, ...]) -> AddressSet:
    return union(map(addresses_of, texts))


def _named(written: Mapping[str, tuple[str, ...]]) -> dict[str, AddressSet]:
    return {name: _union(texts) for name, texts in written.items()}
