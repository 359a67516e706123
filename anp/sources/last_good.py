"""What is in force while somebody edits: per file, the last version that had no mistake."""

from collections.abc import Mapping
from dataclasses import dataclass

from anp.api import Channel
from anp.sources.diagnostics import Location, Severity, diagnostic, has_errors
from anp.sources.files import FileContent, file_name, list_files, read_text
from anp.sources.manifests import Loaded, Manifests, identity, merge, parse


@dataclass(frozen=True, slots=True)
class _Held:
    """One file: its text now, and what is in force of it and to be told about it."""

    text: str | None
    in_force: Manifests
    good: bool
    """Whether what is in force was once all that the file said, without any error."""


class LastGood:
    """The objects of a path over time, so that a slip of the pen in one file opens nothing and stops nobody.

    A file with errors keeps the objects of its last version without any; other files go on being followed. A file
    that was never good contributes those of its objects that are sound, as they come. While a file has errors,
    none of its objects leaves. A file that is deleted takes its objects along,
    but one that merely cannot be looked at does not: a whole directory that is gone is more likely to be a mount
    that failed than a wish for no policy at all.
    """

    def __init__(self, path: str, channel: Channel = Channel.EXPERIMENTAL) -> None:
        self._path = path
        self._channel = channel
        self._files: Mapping[str, _Held] = {}

    def refresh(self) -> Manifests:
        """Look at the files again and return what is in force now, with all that is wrong now. Never raises."""
        listing = list_files(self._path)
        files: dict[str, _Held] = {}
        for file in listing.files:
            content = read_text(file)
            if not content.missing:
                files[file] = self._held(file, content)
        for file, held in self._files.items():
            if file not in files and listing.hides(file):
                files[file] = _Held(None, Manifests(held.in_force.objects), held.good)
        self._files = files
        found = merge(held.in_force for _file, held in sorted(files.items()))
        return Manifests(found.objects, tuple(sorted((*listing.diagnostics, *found.diagnostics))))

    def _held(self, file: str, content: FileContent) -> _Held:
        """Judge one file by what it says and by what it said."""
        last = self._files.get(file)
        if last is not None and last.text is not None and last.text == content.text:
            return last
        if content.text is None:
            read = Manifests(diagnostics=content.diagnostics)
        else:
            read = parse(content.text, file_name(file), self._channel)
        if not has_errors(read.diagnostics):
            return _Held(content.text, read, good=True)
        if last is None:
            return _Held(content.text, read, good=False)
        note = diagnostic(
            Severity.WARNING,
            "this file has errors; until they are gone, what it said before stays in force",
            at=Location(file_name(file)),
        )
        objects = last.in_force.objects if last.good else _newest(last.in_force.objects, read.objects)
        return _Held(content.text, Manifests(objects, (*read.diagnostics, note)), good=last.good)


def _newest(before: tuple[Loaded, ...], now: tuple[Loaded, ...]) -> tuple[Loaded, ...]:
    """Return all objects of both, the newer version of those that are in both."""
    return tuple({identity(loaded.object): loaded for loaded in (*before, *now)}.values())
