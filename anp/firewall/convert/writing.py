"""A translation as files: one for each entity, and comments for what no policy can say. Never half, never over others'.

Whoever wrote a file can be told by its first line. Files with ours are replaced and removed as the translation changes;
a file without it stays as it is, and if one is in the way, nothing is written.
"""

import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anp.firewall.convert.documents import ENTITY_LABEL
from anp.firewall.convert.model import Disposition, PolicyObject, Translation
from anp.firewall.model import Fate, Statement
from anp.sources.diagnostics import printable
from anp.sources.dumping import dump

MARKER = "# Written by anp translate; edits will be lost."
"""The first line of every file."""
MANUAL = "_manual"
"""The folder of what must be done by hand. Its file has comments only, so that nobody applies it by accident."""
_MANUAL_FILE = f"{MANUAL}/statements.yaml"
_MODE = 0o644


class WriteError(Exception):
    """The files cannot be written, and none has been."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: names in the folder, sorted. `unchanged` files were not touched."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


def render(translation: Translation) -> dict[str, str]:
    """Return the text of every file by its name in the folder."""
    by_entity: dict[str, list[PolicyObject]] = defaultdict(list)
    for one in translation.objects:
        by_entity[one.document["metadata"]["labels"][ENTITY_LABEL]].append(one)
    files = {f"{name}.yaml": f"{MARKER}\n" + "".join(map(object_text, by_entity[name])) for name in sorted(by_entity)}
    left = [
        (translation.firewall.statements[found.statement], found)
        for found in translation.dispositions
        if _by_hand(found)
    ]
    if left:
        files[_MANUAL_FILE] = _manual(left, translation)
    return files


def write(translation: Translation, folder: Path) -> Written:
    """Write a translation into a folder, which is made where it is not there.

    Raises:
        WriteError: there is nothing to write, or something is in the way, or the disk refuses.

    """
    if not translation.objects:
        raise WriteError("the translation has no objects; its diagnostics say why")
    return put(render(translation), folder)


def put(files: Mapping[str, str], folder: Path) -> Written:
    """Bring a folder to hold these files of ours, by their names, which each begin with the marker, and no others.

    Raises:
        WriteError: something is in the way, or the disk refuses.

    """
    try:
        return _replaced(files, folder)
    except OSError as error:
        raise WriteError(f"cannot write to {folder}: {error.strerror or error}") from error


def _replaced(files: Mapping[str, str], folder: Path) -> Written:
    for place in (folder, folder / MANUAL):
        place.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() and place != folder:
            raise WriteError(f"{place} is a link")
    present = {name: _content(folder / name) for name in files}
    for name, content in present.items():
        if content is not None and not content.startswith(MARKER.encode()):
            raise WriteError(f"{folder / name} is there and was not written by a translation; move it away")
    changed = {name: text for name, text in files.items() if present[name] != text.encode()}
    stale = sorted(set(ours(folder)) - set(files))
    ready: dict[str, str] = {}
    try:
        for name, text in changed.items():
            ready[name] = _temporary((folder / name).parent, text)
        for name in sorted(ready):
            os.replace(ready[name], folder / name)  # noqa: PTH105 - what mkstemp gives is text
            del ready[name]
    finally:
        for path in ready.values():
            with contextlib.suppress(OSError):
                Path(path).unlink()
    for name in stale:
        (folder / name).unlink()
    with contextlib.suppress(OSError):
        (folder / MANUAL).rmdir()
    return Written(tuple(sorted(changed)), tuple(sorted(set(files) - set(changed))), tuple(stale))


def _content(path: Path) -> bytes | None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise WriteError(f"{path} is there and is no plain file; move it away")
    return path.read_bytes() if path.exists() else None


def ours(folder: Path) -> Iterator[str]:
    """Yield the names of files of an earlier translation in a folder, which may not be there."""
    for place in (folder, folder / MANUAL):
        for path in place.glob("*.yaml"):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    if file.read(len(MARKER)) == MARKER.encode():
                        yield str(path.relative_to(folder))


def _temporary(folder: Path, text: str) -> str:
    """Write a file beside its place, whole and on the disk, and return its path."""
    descriptor, path = tempfile.mkstemp(dir=folder, prefix=".anp-", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), _MODE)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    return path


def object_text(one: PolicyObject) -> str:
    """Write an object as a YAML document, with its comments above each rule."""
    document = {**one.document, "spec": dict(one.document["spec"])}
    rules = {key: document["spec"].pop(key) for key in ("ingress", "egress") if key in document["spec"]}
    text = "---\n" + dump(document)
    for key, entries in rules.items():
        text += f"  {key}:\n"
        for place, entry in enumerate(entries):
            text += "".join(f"  # {printable(line)}\n" for line in one.comments.get((key, place), ()))
            text += _indented(dump([entry]))
    return text


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _by_hand(found: Disposition) -> bool:
    """Say whether something is left to do: it is not translated, or left out for a condition."""
    return found.fate is Fate.NOT_EXPRESSIBLE or (found.fate is Fate.NARROWED and not found.objects)


def _manual(left: Sequence[tuple[Statement, Disposition]], translation: Translation) -> str:
    firewall = translation.firewall
    lines = [
        MARKER,
        "# What no policy can say, as the source says it. Nothing here is applied.",
        f"# source: {printable(firewall.source)} sha256 {firewall.digest}",
    ]
    for statement, found in left:
        lines += ["#", f"# line {statement.at.line} of {printable(statement.list) or 'the source'}: {found.fate}"]
        lines += [f"#   {printable(statement.text)}"]
        lines += [f"#   {reason.code} {printable(reason.text)}" for reason in found.reasons]
    return "\n".join(lines) + "\n"
