"""What a run of many tests says while it goes on: on a terminal one line that changes, elsewhere a line for each."""

import contextlib
import os
import shutil
import sys
from typing import Self

from anp.cli import console
from anp.cli.paint import alarm, dim
from anp.conformance.outcomes import Outcome
from anp.sources.diagnostics import printable

_CLEAR = "\r\x1b[K"


class Progress:
    """Says what came of each of `total` tests; a context manager that leaves no half line behind."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._failed = 0
        self._rewrites = sys.stderr.isatty() and os.environ.get("TERM") not in (None, "dumb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        if self._rewrites:
            _put(_CLEAR)

    def tell(self, outcome: Outcome) -> None:
        """Say that one more is done."""
        self._done += 1
        self._failed += outcome.failed
        title = printable(outcome.case.title)
        if not self._rewrites:
            console.note(f"{_sign(outcome)} {title} {outcome.probes_passed}/{outcome.probes} {outcome.seconds:.1f} s")
            return
        if outcome.failed:
            _put(_CLEAR)
            console.note(f"{alarm('failed')}  {title}")
        failed = f", {self._failed} failed" if self._failed else ""
        text = f"{self._done}/{self._total}{failed}  {title}"
        _put(_CLEAR + text[: shutil.get_terminal_size().columns - 1])


def _sign(outcome: Outcome) -> str:
    if outcome.case.skipped:
        return dim("skipped")
    return alarm("failed ") if outcome.failed else "passed "


def _put(text: str) -> None:
    # Nothing comes to harm if a terminal that went away is not told how far we are.
    with contextlib.suppress(OSError):
        sys.stderr.write(text.encode(sys.stderr.encoding or "utf-8", "backslashreplace").decode())
        sys.stderr.flush()
