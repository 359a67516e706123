"""Manifests as a revision of a git repository has them, read from git's own store and never written to a disk.

Blobs are read as they are: no filter, hook or attribute of the repository is run or obeyed, no reference is fetched,
and no name is given to a shell.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from anp.sources.diagnostics import Location, Severity, diagnostic
from anp.sources.files import MAX_BYTES, SUFFIXES
from anp.sources.manifests import Manifests, merge, parse

_SECONDS = 60
_FILES, _LINK = ("100644", "100755"), "120000"
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}


class RevisionError(Exception):
    """There is no such revision, no repository or no git; the message says what is the matter."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a tree: what git knows about one file."""

    mode: str
    blob: str
    size: int
    path: str


def load_revision(revision: str, path: str) -> Manifests:
    """Read the manifests that a file or directory holds in a revision of the repository that it is in.

    What the files say is judged as `anp.sources.manifests.load` does; diagnostics name them ``REVISION:path``. Hidden
    names are passed over, and links are not followed.

    Raises:
        RevisionError: git cannot tell.

    """
    place = Path(path)
    directory, name = (place, ".") if place.is_dir() else (place.parent, place.name)
    where = "" if directory == Path() else f"{directory.as_posix()}/"
    if not directory.is_dir():
        raise RevisionError(f"there is no directory {directory}, so no repository to look into")
    commit = _commit(directory, revision)
    entries = [entry for entry in _listing(directory, commit, name) if _wanted(entry, single=name != ".")]
    if not entries:
        raise RevisionError(f"the revision {revision} has no manifests in {path}")
    sound = [entry for entry in entries if entry.mode in _FILES and entry.size <= MAX_BYTES]
    texts = _contents(directory, [entry.blob for entry in sound])
    told = [_refused(f"{revision}:{where}{entry.path}", entry) for entry in entries if entry not in sound]
    read = (_parsed(text, f"{revision}:{where}{entry.path}") for entry, text in zip(sound, texts, strict=True))
    return merge([*told, *read])


def _commit(directory: Path, revision: str) -> str:
    """Return the commit that is meant, as its hash, which nobody can take for an option or a path."""
    found = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found is None:
        if _git(directory, "rev-parse", "--git-dir") is None:
            raise RevisionError(f"{directory} is in no git repository that may be read")
        raise RevisionError(f"there is no revision {revision!r}")
    return found.decode("ascii").strip()


def _listing(directory: Path, commit: str, name: str) -> Iterator[_Entry]:
    found = _git(directory, "ls-tree", "-r", "-l", "-z", commit, "--", name)
    if found is None:
        raise RevisionError(f"git cannot list {commit}")
    for line in found.split(b"\0"):
        about, tab, path = line.partition(b"\t")
        if tab:
            mode, _kind, blob, size = about.decode("ascii").split()
            number = int(size) if size.isdecimal() else 0
            yield _Entry(mode, blob, number, path.decode("utf-8", "surrogateescape"))


def _wanted(entry: _Entry, *, single: bool) -> bool:
    path = PurePosixPath(entry.path)
    if entry.mode not in (*_FILES, _LINK):
        return False  # another repository inside this one
    return single or (path.suffix in SUFFIXES and not any(part.startswith(".") for part in path.parts))


def _refused(name: str, entry: _Entry) -> Manifests:
    if entry.mode == _LINK:
        message = "this is a link; links in a revision are not followed"
        return Manifests(diagnostics=(diagnostic(Severity.WARNING, message, at=Location(name)),))
    message = f"the file is larger than {MAX_BYTES} bytes"
    return Manifests(diagnostics=(diagnostic(Severity.ERROR, message, at=Location(name)),))


def _parsed(content: bytes, name: str) -> Manifests:
    try:
        return parse(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError:
        return Manifests(diagnostics=(diagnostic(Severity.ERROR, "the file is not UTF-8 text", at=Location(name)),))


def _contents(directory: Path, blobs: Sequence[str]) -> list[bytes]:
    """Return what is in each blob: one process for all of them."""
    if not blobs:
        return []
    found = _git(directory, "cat-file", "--batch", given="\n".join((*blobs, "")).encode("ascii"))
    if found is None:
        raise RevisionError("git cannot read the files of the revision")
    contents: list[bytes] = []
    at = 0
    for blob in blobs:
        end = found.index(b"\n", at)
        header = found[at:end].split()
        if header[1:2] != [b"blob"]:
            raise RevisionError(f"the repository lacks {blob}")
        size = int(header[2])
        contents.append(found[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return contents


def _git(directory: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """Run git there, and return what it prints; None if it refuses."""
    # What runs other programs for a repository's convenience is switched off: these commands need none of it.
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | _QUIET
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, with nothing from the repository among them
            command, cwd=directory, env=environment, input=given, capture_output=True, check=False, timeout=_SECONDS
        )
    except FileNotFoundError:
        raise RevisionError("there is no git on this machine") from None
    except (OSError, ValueError) as error:
        raise RevisionError(f"git cannot be run: {error}") from None
    except subprocess.TimeoutExpired:
        raise RevisionError(f"git took longer than {_SECONDS} seconds") from None
    return done.stdout if done.returncode == 0 else None
