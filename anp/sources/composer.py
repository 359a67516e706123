"""From the events of a YAML parser to values with their places: no tag is executed, no bound is left open."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from anp.sources.diagnostics import Diagnostic, FieldPath, Location, Severity, diagnostic
from anp.sources.positions import Document, Positions
from anp.sources.scalars import Scalar, key_text, plain_scalar

MAX_DEPTH = 200
"""Nesting beyond this is refused; the deepest manifests in use, custom resource definitions, have some forty."""
MAX_REPEATED = 100_000
"""How many values the aliases of one document may stand for."""
LINE_BREAK = re.compile(r"\r\n|\r|\n")

# The C parser is twenty times as fast; where PyYAML was built without it, the other one gives the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff\ufeff]")

_TAG = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}


class _MalformedError(Exception):
    """The text cannot be read beyond this place."""

    def __init__(self, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.hint = hint


@dataclass(slots=True)
class _Node:
    """A finished value. `size` counts the values in it; `written` is the text of a scalar, None of a collection."""

    value: Any
    positions: Positions
    size: int = 1
    written: str | None = None
    merge: bool = False


@dataclass(slots=True)
class _Frame:
    """A collection that is still open."""

    value: dict[str, Any] | list[Any]
    positions: Positions
    anchor: str | None
    key: _Node | None = None
    size: int = 1
    merged: list[_Node] = field(default_factory=list)


class Composer:
    """Turns the events of a YAML parser into documents, with a stack of its own so that depth costs no recursion.

    `documents` and `diagnostics` are what was found so far; lines count from `first_line`.
    """

    def __init__(self, file: str, first_line: int) -> None:
        self.documents: list[Document] = []
        self.diagnostics: list[Diagnostic] = []
        self._file = file
        self._first_line = first_line
        self._begin()

    def _begin(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Node] = {}
        self._repeated = 0
        self._sound = True

    def compose(self, text: str) -> bool:
        """Read all of `text`, as far as possible; say whether that was to its end."""
        try:
            self._refuse_binary(text)
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except _MalformedError as error:
            self._tell(Severity.ERROR, str(error), error.line, error.column, hint=error.hint)
            return False
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (self._first_line + mark.line, mark.column + 1) if mark else (self._first_line, 0)
            self._tell(Severity.ERROR, f"this is not YAML: {error.problem or error.context}", line, column)
            return False
        except (yaml.YAMLError, ValueError) as error:
            # A parser's complaint without a place. ValueError is an escape for a character that does not exist.
            self._tell(Severity.ERROR, f"this is not YAML: {error}", self._first_line, 0)
            return False
        return True

    def _refuse_binary(self, text: str) -> None:
        if found := _NOT_TEXT.search(text):
            breaks = [match.end() for match in LINE_BREAK.finditer(text, 0, found.start())]
            column = found.start() - (breaks[-1] if breaks else 0) + 1
            message = f"the character U+{ord(found[0]):04X} cannot be in YAML"
            raise _MalformedError(message, self._first_line + len(breaks), column, "is this a text file?")

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                node = self._scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = node
                self._deliver(node)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                frame = self._stack.pop()
                self._merge(frame)
                node = _Node(frame.value, frame.positions, frame.size)
                if frame.anchor:
                    self._anchors[frame.anchor] = node
                self._deliver(node)
            case yaml.AliasEvent():
                self._deliver(self._alias(event))
            case yaml.DocumentStartEvent():
                self._begin()

    def _open(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        place = self._place(event)
        if len(self._stack) >= MAX_DEPTH:
            raise _MalformedError(f"this is nested more than {MAX_DEPTH} levels deep", place.line, place.column)
        if self._stack and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None:
            raise _MalformedError("a key must be text, not a list or a mapping", place.line, place.column)
        if event.tag not in (None, "!", f"{_TAG}map" if isinstance(value, dict) else f"{_TAG}seq"):
            self._unsound(f"the tag {event.tag} is not supported", place)
        self._stack.append(_Frame(value, place, event.anchor))

    def _scalar(self, event: Any) -> _Node:
        place = self._place(event)
        text: str = event.value
        value: Scalar = text
        if event.tag is None:
            if event.implicit[0]:
                value = plain_scalar(text)
        elif event.tag in _TYPES:
            value = plain_scalar(text)
            if not isinstance(value, _TYPES[event.tag]):
                self._unsound(f"{text!r} is not of the type that its tag says", place)
        elif event.tag not in ("!", f"{_TAG}str"):
            self._unsound(f"the tag {event.tag} is not supported", place)
        return _Node(value, place, written=text, merge=text == "<<" and bool(event.implicit[0]))

    def _alias(self, event: Any) -> _Node:
        place = self._place(event)
        target = self._anchors.get(event.anchor)
        if target is None:
            message = f"*{event.anchor} refers to nothing that was written before it"
            raise _MalformedError(message, place.line, place.column)
        self._count_repeated(target.size, place)
        return _Node(
            target.value, Positions(place.line, place.column, target.positions.steps), target.size, target.written
        )

    def _count_repeated(self, size: int, place: Positions) -> None:
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            message = f"the aliases of this document repeat more than {MAX_REPEATED} values"
            raise _MalformedError(message, place.line, place.column, "write out what is meant")

    def _deliver(self, node: _Node) -> None:
        """Put a finished value where it belongs: into the open collection, or out as a document."""
        if not self._stack:
            if self._sound:
                self.documents.append(Document(node.value, node.positions))
            return
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            frame.positions.steps[len(frame.value)] = node.positions
            frame.value.append(node.value)
            frame.size += node.size
        elif frame.key is None:
            if node.written is None:
                raise _MalformedError("a key must be text, not a list or a mapping", *self._at(node.positions))
            frame.key = node
        else:
            self._enter(frame, frame.key, node)
            frame.key = None

    def _enter(self, frame: _Frame, key: _Node, node: _Node) -> None:
        """Put one entry into a mapping."""
        assert isinstance(frame.value, dict)  # noqa: S101 - only mappings have keys
        written = key.written or ""
        if key.merge:
            frame.merged.append(node)
            return
        name = key_text(key.value, written)
        if isinstance(key.value, bool) and name != written:
            message = f"the key {written} is read as {name}"
            line, column = self._at(key.positions)
            self._tell(Severity.WARNING, message, line, column, hint=f'write "{written}" in quotes if that is the key')
        if name in frame.value:
            first = frame.positions.steps[name].line
            message = f"the key {name!r} is here a second time, first in line {first}; one of the two would be lost"
            self._unsound(message, key.positions, (*self._path(), name))
            return
        frame.value[name] = node.value
        frame.positions.steps[name] = Positions(key.positions.line, key.positions.column, node.positions.steps)
        frame.size += node.size + 1

    def _merge(self, frame: _Frame) -> None:
        """Add what ``<<`` refers to, where the mapping itself or an earlier one does not say otherwise."""
        for node in frame.merged:
            sources = node.value if isinstance(node.value, list) else [node.value]
            for index, source in enumerate(sources):
                if not isinstance(source, dict) or not isinstance(frame.value, dict):
                    self._unsound("<< takes a mapping, or a list of them", node.positions)
                    continue
                steps = node.positions.steps
                steps = steps[index].steps if isinstance(node.value, list) else steps
                for name in [name for name in source if name not in frame.value]:
                    frame.value[name] = source[name]
                    frame.positions.steps[name] = steps[name]
            frame.size += node.size

    def _path(self) -> FieldPath:
        """Where in the document the parser is: the way to the innermost open collection."""
        steps: list[str | int] = []
        for frame in self._stack[:-1]:
            if isinstance(frame.value, list):
                steps.append(len(frame.value))
            elif frame.key is not None:
                steps.append(key_text(frame.key.value, frame.key.written or ""))
        return tuple(steps)

    def _place(self, event: Any) -> Positions:
        return Positions(self._first_line + event.start_mark.line, event.start_mark.column + 1)

    @staticmethod
    def _at(positions: Positions) -> tuple[int, int]:
        return positions.line, positions.column

    def _unsound(self, message: str, place: Positions, path: FieldPath = ()) -> None:
        """Tell of a mistake that reading can go on after, but which the document is not to be used with."""
        self._sound = False
        self._tell(Severity.ERROR, message, place.line, place.column, path=path)

    def _tell(  # noqa: PLR0913 - the parts of one sentence
        self, severity: Severity, message: str, line: int, column: int, *, path: FieldPath = (), hint: str = ""
    ) -> None:
        at = Location(self._file, line, column)
        self.diagnostics.append(diagnostic(severity, message, at=at, field=path, hint=hint))
