"""Reports of translations: to people, to programs, and to files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anp.cli import console
from anp.cli.options import Output
from anp.cli.paint import alarm, bold, green, yellow
from anp.firewall.report.content import Tone
from anp.firewall.report.document import document
from anp.firewall.report.markdown import markdown
from anp.firewall.report.model import Report
from anp.firewall.report.page import page
from anp.firewall.report.text import SHOWN, Line, lines
from anp.sources.diagnostics import printable

_PAINT = {Tone.GOOD: green, Tone.DOUBT: yellow, Tone.BAD: alarm}


def _json(report: Report) -> str:
    return json.dumps(document(report), indent=2) + "\n"


_FORMS: Mapping[str, Callable[[Report], str]] = {".md": markdown, ".html": page, ".htm": page, ".json": _json}


@dataclass(frozen=True, slots=True)
class Telling:
    """How and where a report is told."""

    output: Output
    files: tuple[Path, ...] = ()
    verbose: bool = False
    limit: int = SHOWN

    def check(self) -> None:
        """End the command if a report is asked for in a form that there is not."""
        for path in self.files:
            if path.suffix not in _FORMS:
                console.fail(f"--report {path}: the name must end in {', '.join(_FORMS)}, which says the form")

    def tell(self, report: Report, **more: Any) -> None:
        """Write a report; a document has `more` besides."""
        for path in self.files:
            _write(path, _FORMS[path.suffix](report))
        if self.output is Output.TEXT:
            say(lines(report, verbose=self.verbose, limit=self.limit))
        else:
            console.document({**document(report), **more}, self.output)


def say(found: Sequence[Line] | Any) -> None:
    """Print lines, painted."""
    for line in found:
        text = _PAINT[line.tone](line.text) if line.tone in _PAINT else line.text
        console.say(bold(text) if line.strong else text)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        console.fail(f"cannot write {path}: {why}", console.EXIT_CANNOT)
    console.note(f"wrote {printable(str(path))}")
