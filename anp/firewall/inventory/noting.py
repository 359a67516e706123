"""Diagnostics that have a code: a sentence about this very case, and the code's way out where there is no better."""

from anp.firewall.codes import CODES
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic


def note(  # noqa: PLR0913 - the parts of one sentence
    code: str,
    text: str,
    *,
    at: Location | None = None,
    about: str = "",
    hint: str | None = None,
    severity: Severity | None = None,
) -> Diagnostic:
    """Make a diagnostic of a code of `anp.firewall.codes`, as ``FW208: sentence``."""
    known = CODES[code]
    way_out = known.hint if hint is None else hint
    return diagnostic(severity or known.severity, f"{code}: {text}", at=at, about=about, hint=way_out)
