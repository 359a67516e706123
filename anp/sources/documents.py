"""YAML and JSON text as plain values, each with the place in the text that it came from.

Nothing in a text can make this run code, take it beyond bounded depth and size, or raise: whatever is wrong becomes
a diagnostic, and the documents beside a broken one are still read. JSON is read as the subset of YAML that it is.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from anp.sources.composer import LINE_BREAK, Composer
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic
from anp.sources.positions import Document

MAX_FAULTS = 50
"""How many errors of one text are told; a file that is no manifest at all would have thousands."""

_SEPARATOR = re.compile(r"^(?:%[^\r\n]*\r?\n)*---(?=\s|\Z)", re.MULTILINE)
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text holds: its sound documents, and what is wrong with it."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_documents(text: str, file: str) -> Reading:
    """Read every document of `text`; `file` is only its name in diagnostics. Never raises."""
    if text.lstrip()[:1] in ("{", "[", '"'):
        text = _joined_surrogates(text)
    whole = Composer(file, 1)
    if whole.compose(text):
        return Reading(tuple(whole.documents), tuple(whole.diagnostics))
    # Something is broken. A line of three dashes always begins a document, so each can be judged alone.
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    for line, part in _parts(text):
        composer = Composer(file, line)
        composer.compose(part)
        documents += composer.documents
        diagnostics += composer.diagnostics
        if len(diagnostics) >= MAX_FAULTS:
            note = "there are too many problems in this file; the rest of it was not read"
            diagnostics.append(diagnostic(Severity.ERROR, note, at=Location(file)))
            break
    return Reading(tuple(documents), tuple(diagnostics))


def _joined_surrogates(text: str) -> str:
    r"""Write JSON's pairs of ``\uD83D\uDE00`` as the one escape that YAML has for the character."""

    def joined(match: re.Match[str]) -> str:
        number = 0x10000 + ((int(match[2], 16) - 0xD800) << 10) + (int(match[3], 16) - 0xDC00)
        return f"{match[1]}\\U{number:08X}"

    return _SURROGATES.sub(joined, text)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text before each document separator; yield the first line number and the text of every part."""
    cuts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start()), len(text)]
    line = 1
    for start, end in itertools.pairwise(cuts):
        part = text[start:end]
        if part.strip():
            yield line, part
        line += len(LINE_BREAK.findall(part))
