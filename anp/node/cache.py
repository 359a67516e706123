"""What a node keeps on its disk, so that it can begin without an API server.

There are two files. ``generation`` holds the last generation that was saved, which is large and written now and then.
``intent`` says which generation was about to be brought into force, which is small and written every time, before the
kernel is asked: so the kernel never holds anything newer than it says, and who finds the two files apart knows that the
rules in the kernel may be newer than those on the disk.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"anp generation 1\n"
_DIGEST = hashlib.sha256().digest_size
_MAX_UID = 64


class CacheError(Exception):
    """A file is damaged, or cannot be read or written; the message says which and why."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One generation: numbers count within a manifest, and a manifest that is made anew has another uid."""

    uid: str
    number: int

    def precedes(self, other: "Mark") -> bool:
        """Say whether this is known to be older than `other`."""
        return self.uid == other.uid and self.number < other.number


@dataclass(frozen=True, slots=True)
class Saved:
    """A generation from the disk: which one it is, and what a reception saved."""

    mark: Mark
    content: bytes


class Cache:
    """The two files in a directory, which is made when something is to be written.

    Writing replaces a file as a whole, so that whoever reads finds the old one or the new one.
    """

    def __init__(self, directory: Path) -> None:
        self._generation = directory / "generation"
        self._intent = directory / "intent"

    def save(self, saved: Saved) -> None:
        """Keep a generation, also if the power fails right afterwards.

        Raises:
            CacheError: it cannot be written; the file is as it was.

        """
        _replace(self._generation, _sealed(_MAGIC, saved), durable=True)

    def load(self) -> Saved | None:
        """Return the generation that was saved last; None if there never was one.

        Raises:
            CacheError: it is damaged, or cannot be read.

        """
        data = _read(self._generation)
        return None if data is None else _opened(self._generation, _MAGIC, data)

    def intend(self, mark: Mark) -> None:
        """Say which generation is about to be brought into force.

        It need not survive a power cut, after which the kernel holds nothing.

        Raises:
            CacheError: it cannot be written; the file is as it was.

        """
        _replace(self._intent, _sealed(_MAGIC, Saved(mark, b"")), durable=False)

    def intended(self) -> Mark | None:
        """Return what was said last; None if nothing was.

        Raises:
            CacheError: it is damaged, or cannot be read.

        """
        data = _read(self._intent)
        return None if data is None else _opened(self._intent, _MAGIC, data).mark


def _sealed(magic: bytes, saved: Saved) -> bytes:
    header = json.dumps({"uid": saved.mark.uid, "number": saved.mark.number}).encode()
    body = header + b"\n" + saved.content
    return magic + hashlib.sha256(body).digest() + body


def _opened(path: Path, magic: bytes, data: bytes) -> Saved:
    if not data.startswith(magic):
        raise CacheError(f"{path} is none of ours, or of another version")
    digest, body = data[len(magic) : len(magic) + _DIGEST], data[len(magic) + _DIGEST :]
    if hashlib.sha256(body).digest() != digest:
        raise CacheError(f"{path} is damaged: its content does not have the checksum that it was written with")
    header, _newline, content = body.partition(b"\n")
    try:
        said = json.loads(header)
        uid, number = said["uid"], said["number"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CacheError(f"{path} has no header that makes sense") from None
    if type(uid) is not str or len(uid) > _MAX_UID or type(number) is not int:
        raise CacheError(f"{path} has no header that makes sense")
    return Saved(Mark(uid, number), content)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(f"cannot read {path}: {error.strerror}") from error


def _replace(path: Path, data: bytes, *, durable: bool) -> None:
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody else has any business here: names of pods and policies are in it.
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        beside.replace(path)
        if durable:
            _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise CacheError(f"cannot write {path}: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
