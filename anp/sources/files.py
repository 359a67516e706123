"""Which files a path stands for, and the text in them.

A directory stands for all ``*.yaml``, ``*.yml`` and ``*.json`` under it, in the order of their paths. Hidden names
are not looked at, links are followed as long as they stay inside, and no file is read twice however many links lead
to it. That is also how a mounted ConfigMap looks: links into a hidden directory.
"""

import codecs
import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STANDARD_INPUT = "-"
MAX_BYTES = 64 * 1024 * 1024
"""A larger file is refused rather than read into memory."""

_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """The files under a path, sorted; `unreadable` are the directories and links that could not be looked into."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    unreadable: tuple[str, ...] = ()

    def hides(self, file: str) -> bool:
        """Say whether that file may be there although it is not listed."""
        return any(file == place or file.startswith(place.rstrip("/") + "/") for place in self.unreadable)


@dataclass(frozen=True, slots=True)
class FileContent:
    """The text of a file, or why there is none; `missing` where it is not there at all."""

    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()
    missing: bool = False


def list_files(path: str) -> Listing:
    """Say which files `path` stands for: itself, or those of a directory. Never raises."""
    if path == STANDARD_INPUT:
        return Listing((path,))
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116 - one call tells absence from other trouble
            return Listing((path,))
        return _Walk(path).listing()
    except (OSError, ValueError) as error:
        return Listing((), (_trouble(path, error),), (path,))


class _Walk:
    """One look through a directory; what is reached without links comes first, so that it gives a file its name."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._inside = Path(root).resolve()
        self._seen: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._files: list[str] = []
        self._diagnostics: list[Diagnostic] = []
        self._unreadable: list[str] = []

    def listing(self) -> Listing:
        self._directory(self._root)
        while self._links:
            link = self._links.pop(0)
            try:
                self._link(link)
            except (OSError, RuntimeError) as error:  # RuntimeError is what pathlib says of links in a circle
                if Path(link).suffix in SUFFIXES:
                    self._diagnostics.append(_trouble(link, error))
                    self._unreadable.append(link)
        return Listing(tuple(sorted(self._files)), tuple(sorted(self._diagnostics)), tuple(sorted(self._unreadable)))

    def _directory(self, path: str) -> None:
        pending = [path]
        while pending:
            current = pending.pop()
            try:
                if not self._first_time(os.stat(current)):  # noqa: PTH116
                    continue
                with os.scandir(current) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except FileNotFoundError:  # it went away while we looked, which is a deletion like any other
                if current == self._root:
                    raise
                continue
            except OSError as error:
                self._diagnostics.append(_trouble(current, error))
                self._unreadable.append(current)
                continue
            for entry in found:
                if not entry.name.startswith("."):
                    self._entry(entry, pending)

    def _entry(self, entry: os.DirEntry[str], pending: list[str]) -> None:
        if entry.is_symlink():
            self._links.append(entry.path)
        elif entry.is_dir():
            pending.append(entry.path)
        elif entry.is_file():
            with contextlib.suppress(FileNotFoundError):
                self._file(entry.path, entry.stat())

    def _link(self, path: str) -> None:
        target = Path(path).resolve(strict=True)
        if target.is_dir():
            if self._contains(path, target):
                self._directory(path)
        elif target.is_file() and Path(path).suffix in SUFFIXES and self._contains(path, target):
            self._file(path, target.stat())

    def _contains(self, path: str, target: Path) -> bool:
        if target.is_relative_to(self._inside):
            return True
        message = f"this link leads outside {self._root}; it was not followed"
        self._diagnostics.append(diagnostic(Severity.WARNING, message, at=Location(path)))
        return False

    def _file(self, path: str, status: os.stat_result) -> None:
        if Path(path).suffix in SUFFIXES and self._first_time(status):
            self._files.append(path)

    def _first_time(self, status: os.stat_result) -> bool:
        identity = status.st_dev, status.st_ino
        new = identity not in self._seen
        self._seen.add(identity)
        return new


def read_text(path: str) -> FileContent:
    """Read a file, or standard input, as UTF-8 text. Never raises."""
    try:
        content = _read_bytes(path)
    except FileNotFoundError as error:
        return FileContent(None, (_trouble(path, error),), missing=True)
    except (OSError, ValueError) as error:
        return FileContent(None, (_trouble(path, error),))
    at = Location(file_name(path))
    if len(content) > MAX_BYTES:
        return FileContent(None, (diagnostic(Severity.ERROR, f"the file is larger than {MAX_BYTES} bytes", at=at),))
    for mark, encoding in _WIDE_MARKS.items():
        if content.startswith(mark):
            message = f"the file is {encoding}; manifests are UTF-8"
            return FileContent(None, (diagnostic(Severity.ERROR, message, at=at, hint="save it as UTF-8"),))
    try:
        return FileContent(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8 text"
        found = diagnostic(Severity.ERROR, message, at=Location(at.file, line), hint="save the file as UTF-8")
        return FileContent(None, (found,))


def file_name(path: str) -> str:
    """Return what diagnostics call a file."""
    return "<stdin>" if path == STANDARD_INPUT else path


def fingerprint(path: str) -> tuple[tuple[str, int, int, int], ...]:
    """Return a value that differs, almost always, after something that `list_files` and `read_text` tell changed."""

    def marks() -> Iterator[tuple[str, int, int, int]]:
        listing = list_files(path)
        for name in (*listing.files, *listing.unreadable):
            try:
                status = os.stat(name)  # noqa: PTH116
            except OSError:
                yield name, 0, 0, 0
            else:
                yield name, status.st_ino, status.st_mtime_ns, status.st_size

    return tuple(marks())


def _read_bytes(path: str) -> bytes:
    """Read at most one byte more than is allowed, which is enough to tell."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as file:  # noqa: PTH123 - paths are text here
        return file.read(MAX_BYTES + 1)


def _trouble(path: str, error: Exception) -> Diagnostic:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return diagnostic(Severity.ERROR, f"cannot read it: {reason}", at=Location(file_name(path)))
