"""API objects from files: every sound object, where it stands, and all that is wrong, in one go.

Reading imitates an API server that is sent the files (semantics.md 1.1), with one addition: what a server would drop
without a word is told. Nothing here raises for what a file says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import anp.api
from anp.api import ApiObject, Channel
from anp.sources.diagnostics import Diagnostic, FieldPath, Location, Severity, diagnostic
from anp.sources.documents import read_documents
from anp.sources.files import file_name, list_files, read_text
from anp.sources.kinds import remark
from anp.sources.positions import Document, Positions

_BOOLEAN_HINT = "without quotes, YAML reads y, n, yes, no, on and off as true and false"


@dataclass(frozen=True, slots=True)
class Loaded:
    """An object and where it was written. The place is no part of what it is: moving an object leaves it equal."""

    observed: ClassVar[bool] = False
    """Whether it was seen in a running cluster, so that nothing of it was made up."""

    object: ApiObject
    origin: Location = field(compare=False)
    positions: Positions = field(compare=False, repr=False)

    def locate(self, path: FieldPath) -> Location:
        """Return where the field at `path` stands, or the closest thing around it that was written."""
        place = self.positions.find(path)
        return Location(self.origin.file, place.line, place.column)


Item: TypeAlias = Loaded | ApiObject
"""An object, with the place where it was written if it was."""


def bare(item: Item) -> ApiObject:
    """Return the object without its place."""
    return item.object if isinstance(item, Loaded) else item


@dataclass(frozen=True, slots=True)
class Manifests:
    """The objects of some files, in the order of files and lines, and what there is to say about them."""

    objects: tuple[Loaded, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def load(path: str, channel: Channel = Channel.EXPERIMENTAL) -> Manifests:
    """Read a file, all manifests under a directory, or standard input for ``-``. Never raises.

    Two objects of one kind and name are an error; the first one counts.
    """
    listing = list_files(path)
    found = merge(load_file(file, channel) for file in listing.files)
    return Manifests(found.objects, tuple(sorted((*listing.diagnostics, *found.diagnostics))))


def load_file(path: str, channel: Channel = Channel.EXPERIMENTAL) -> Manifests:
    """Read one file. Never raises."""
    content = read_text(path)
    if content.text is None:
        return Manifests(diagnostics=content.diagnostics)
    return parse(content.text, file_name(path), channel)


def parse(text: str, file: str, channel: Channel = Channel.EXPERIMENTAL) -> Manifests:
    """Read the text of one file; `file` is its name. Never raises."""
    reading = read_documents(text, file)
    objects: list[Loaded] = []
    diagnostics = list(reading.diagnostics)
    for document in reading.documents:
        for item in _items(document):
            loaded, found = _judge(item, file, channel)
            diagnostics += found
            if loaded is not None:
                objects.append(loaded)
    return Manifests(tuple(objects), tuple(sorted(diagnostics)))


def merge(files: Iterable[Manifests]) -> Manifests:
    """Put the contents of files together; of several objects with one name the first counts, the others are errors."""
    first: dict[tuple[str, str, str], Loaded] = {}
    diagnostics: list[Diagnostic] = []
    for manifests in files:
        diagnostics += manifests.diagnostics
        for loaded in manifests.objects:
            kept = first.setdefault(identity(loaded.object), loaded)
            if kept is not loaded:
                message = f"this object is already in {kept.origin}; this second one does not count"
                hint = "remove one of the two, or rename it"
                about = describe(loaded.object)
                diagnostics.append(diagnostic(Severity.ERROR, message, at=loaded.origin, about=about, hint=hint))
    return Manifests(tuple(first.values()), tuple(sorted(diagnostics)))


def identity(thing: ApiObject) -> tuple[str, str, str]:
    """Return what no two objects share: kind, namespace (empty where there is none) and name."""
    return thing.kind, thing.metadata.namespace or "", thing.metadata.name


def describe(thing: ApiObject) -> str:
    """Name an object as diagnostics do: ``Kind name`` or ``Kind namespace/name``."""
    return _label(*identity(thing))


def _label(kind: str, namespace: str, name: str) -> str:
    label = f"{namespace}/{name}" if namespace else name
    return f"{kind} {label}".strip()


def _items(document: Document) -> Iterator[Document]:
    """Yield the objects of a document: itself, or the items where it is a list."""
    value = document.value
    entries = value.get("items") if isinstance(value, dict) and _is_list(value) else None
    if not isinstance(entries, list):
        if value is not None:
            yield document
        return
    for index, entry in enumerate(entries):
        place = document.positions.find(("items", index))
        # One at a time, so that a bad entry is no harm to the others and each knows its place.
        try:
            singles = anp.api.items({**value, "items": [entry]})
        except anp.api.InvalidObjectError:
            yield Document(entry, place)
            continue
        flat = len(singles) == 1 and not _is_list(entry)
        for single in singles:
            yield Document(single, place if flat else Positions(place.line, place.column))


def _is_list(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and kind.endswith("List")


def _judge(item: Document, file: str, channel: Channel) -> tuple[Loaded | None, list[Diagnostic]]:
    """Make an object of a document, or say why there is none."""
    value, place = item.value, item.positions
    origin = Location(file, place.line, place.column)
    if not isinstance(value, dict):
        message = f"this is {_kind_of_value(value)}, not an object with apiVersion, kind and metadata"
        return None, [diagnostic(Severity.ERROR, message, at=origin)]
    about = _described(value)

    def tell(severity: Severity, problem: anp.api.Problem) -> Diagnostic:
        found = place.find(problem.path)
        at = Location(file, found.line, found.column)
        hint = _BOOLEAN_HINT if isinstance(_value_at(value, problem.path), bool) else ""
        return diagnostic(severity, problem.message, at=at, about=about, field=problem.path, hint=hint)

    try:
        if _is_list(value) and not anp.api.items(value):
            return None, []
        parsed = anp.api.parse(value, channel=channel)
    except anp.api.InvalidObjectError as error:
        ignored = [tell(Severity.WARNING, problem) for problem in error.warnings]
        return None, [*ignored, *(tell(Severity.ERROR, problem) for problem in error.problems)]
    except anp.api.UnsupportedKindError as error:
        said = remark(error.api_version, error.kind, error.supported)
        found = place.find(("kind",))
        at = Location(file, found.line, found.column)
        return None, [diagnostic(said.severity, said.message, at=at, about=about, hint=said.hint)]
    loaded = Loaded(parsed.object, origin, place)
    about = describe(parsed.object)
    return loaded, [tell(Severity.WARNING, problem) for problem in parsed.warnings]


def _described(value: dict[str, Any]) -> str:
    """Name an object that may not be one."""
    metadata = value.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    kind, namespace, name = value.get("kind"), names.get("namespace"), names.get("name")
    return _label(*(text if isinstance(text, str) else "" for text in (kind, namespace, name)))


def _value_at(value: Any, path: FieldPath) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def _kind_of_value(value: object) -> str:
    match value:
        case list():
            return "a list"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case _:
            return "plain text"
