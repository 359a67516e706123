"""What people read when they apply something: warnings, short and few, and why something is denied.

Who writes a NetworkPolicy need not be allowed to see anything beyond its namespace. So what is said to them names no
object of another namespace and none of an administrator, and quotes no label that somebody else has given.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from anp.admission.judging import Consequences
from anp.admission.submission import Note, Submission
from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.findings import Finding
from anp.sources.diagnostics import Severity, field_text, printable

LONGEST = 256
"""Characters of a warning; API servers cut what is longer."""
MOST = 12
"""Warnings of one answer; API servers cut everything after some 4,000 characters."""
_DENIAL = 4

_QUOTING = frozenset({"ANP105", "ANP204", "ANP302", "ANP303"})
"""Findings whose text quotes what others have."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What becomes a warning, and what is denied: findings whose codes begin so."""

    severity: Severity = Severity.WARNING
    ignore: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def warned(self, found: Finding) -> bool:
        """Say whether there is a warning for a finding."""
        return (found.severity <= self.severity and not _begins(found.code, self.ignore)) or self.denied(found)

    def denied(self, found: Finding) -> bool:
        """Say whether an object that has this finding is denied."""
        return _begins(found.code, self.deny)


def warnings(submitted: Submission, come: Consequences, telling: Telling, *, unchecked: str = "") -> tuple[str, ...]:
    """Return the warnings for an object; `unchecked` says why not all was looked at."""
    texts = [_note(submitted, note) for note in (*submitted.notes, *come.notes) if note.severity <= telling.severity]
    texts += [_finding(submitted, found) for found in come.findings if telling.warned(found)]
    if unchecked:
        texts.insert(0, f"anp: not checked: {unchecked}")
    return tuple(_few(texts))


def denial(submitted: Submission, come: Consequences, telling: Telling) -> str:
    """Return why an object is denied; nothing if it is not."""
    texts = [_finding(submitted, found) for found in come.findings if telling.denied(found)]
    if not texts:
        return ""
    rest = f"; and {len(texts) - _DENIAL} more" if len(texts) > _DENIAL else ""
    return f"this is denied here: {'; '.join(texts[:_DENIAL])}{rest}"


def _few(texts: list[str]) -> Iterator[str]:
    distinct = list(dict.fromkeys(texts))
    yield from distinct[: MOST if len(distinct) <= MOST else MOST - 1]
    if len(distinct) > MOST:
        yield f"anp: and {len(distinct) - MOST + 1} more: see anp lint"


def _note(submitted: Submission, note: Note) -> str:
    return _cut([f"anp {note.severity.label}", _label(submitted), field_text(note.path), note.message], "")


def _finding(submitted: Submission, found: Finding) -> str:
    check = CATALOGUE[found.code]
    lead = f"{found.code} {found.severity.label}"
    tenant = submitted.key[0] == "NetworkPolicy"
    elsewhere = tenant and not found.about.startswith(f"NetworkPolicy {submitted.key[1]}/")
    if elsewhere:
        return _cut([lead, "a policy that is not of this namespace", check.title], "")
    message = check.title if tenant and found.code in _QUOTING else found.message
    return _cut([lead, found.about, field_text(found.path), message], found.hint)


def _cut(parts: Iterable[str], hint: str) -> str:
    """Join the parts of a warning; what does not fit goes from its end, where the hint is."""
    text = printable(": ".join(part for part in parts if part))
    if hint and len(whole := f"{text} ({printable(hint)})") <= LONGEST:
        return whole
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _label(submitted: Submission) -> str:
    kind, namespace, name = submitted.key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _begins(code: str, prefixes: tuple[str, ...]) -> bool:
    return bool(prefixes) and code.startswith(prefixes)
