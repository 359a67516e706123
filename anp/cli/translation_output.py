"""Where policies go: a folder, or with a dry run a folder that nobody sees, and what would change in the other."""

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anp.cli import console
from anp.cli.paint import bold, dim, green, red
from anp.firewall.convert.writing import WriteError, ours, put
from anp.sources.diagnostics import printable


@dataclass(slots=True)
class Destination:
    """A folder for files of ours."""

    folder: Path
    dry_run: bool = False
    _files: Mapping[str, str] = field(default_factory=dict)

    def put(self, files: Mapping[str, str], *, quiet: bool) -> dict[str, Any]:
        """Write files, or show what that would change, and return what came of it as a document has it."""
        self._files = files
        if self.dry_run:
            before = self._before()
            if not quiet:
                for name in sorted({*before, *files}):
                    _show(name, before.get(name, ""), files.get(name, ""))
            written = sorted(name for name, text in files.items() if before.get(name) != text)
            unchanged, removed = sorted({*files} - {*written}), sorted({*before} - {*files})
        else:
            try:
                result = put(files, self.folder)
            except WriteError as error:
                console.fail(str(error), console.EXIT_CANNOT)
            written, unchanged, removed = map(list, (result.written, result.unchanged, result.removed))
            counts = f"{len(written)} written, {len(unchanged)} unchanged, {len(removed)} removed"
            console.note(f"{printable(str(self.folder))}: {counts}")
        return {
            "directory": str(self.folder),
            "dryRun": self.dry_run,
            "written": written,
            "unchanged": unchanged,
            "removed": removed,
        }

    @contextmanager
    def readable(self) -> Iterator[Path]:
        """Give the folder with the files in it; that of a dry run is gone afterwards."""
        if not self.dry_run:
            yield self.folder
            return
        with tempfile.TemporaryDirectory(prefix="anp-translate-") as place:
            put(self._files, Path(place))
            yield Path(place)

    def _before(self) -> dict[str, str]:
        try:
            return {
                name: (self.folder / name).read_text(encoding="utf-8", errors="replace") for name in ours(self.folder)
            }
        except OSError as error:
            console.fail(f"cannot read {self.folder}: {error.strerror}", console.EXIT_CANNOT)


def _show(name: str, before: str, after: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    for line in map(printable, lines):
        match line[:1]:
            case "+":
                console.say(green(line))
            case "-":
                console.say(red(line))
            case "@":
                console.say(dim(line))
            case _:
                console.say(line)
    if before == after:
        console.say(bold(f"{printable(name)}: no change"))
