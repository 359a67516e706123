"""Looking for everything in the catalogue, and leaving out what was suppressed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from anp.analysis.lint.applied import applied
from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.connections import connections
from anp.analysis.lint.desk import Desk
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.limits import limits
from anp.analysis.lint.networks import networks
from anp.analysis.lint.order import order
from anp.analysis.lint.ports import ports
from anp.analysis.lint.selectors import selectors
from anp.analysis.lint.sourcetext import Annotated, Suppression, annotated, by_annotation, suppressions
from anp.analysis.lint.spelling import spelling
from anp.analysis.lint.tiers import tiers
from anp.sources.diagnostics import Severity
from anp.state.cluster import Cluster

_FAMILIES: Mapping[str, Callable[[Desk], Iterator[Finding]]] = {
    "ANP10": lambda desk: (found for family in (order, tiers) for found in family(desk)),
    "ANP20": lambda desk: (found for family in (selectors, spelling) for found in family(desk)),
    "ANP30": lambda desk: (found for family in (ports, networks) for found in family(desk)),
    "ANP40": connections,
    "ANP50": limits,
}
"""The families by how the codes of their findings begin: one of which no code is wanted is not asked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: those whose codes begin with one of `select`, if any are given, and with none of `ignore`."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Severity = Severity.INFO

    def code(self, code: str) -> bool:
        """Say whether findings with that code are wanted at all."""
        return code.startswith(self.select or ("",)) and not (self.ignore and code.startswith(self.ignore))


@dataclass(frozen=True, slots=True)
class LintReport:
    """What was found, in the order of files and lines.

    `suppressed` are findings with the reason why they are not told, `codes` all that were looked for.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[tuple[Finding, str], ...]
    codes: tuple[str, ...]

    def worst(self, severity: Severity) -> bool:
        """Say whether there is a finding of that severity, or a worse one."""
        return any(found.severity <= severity for found in self.findings)


def lint(cluster: Cluster, texts: Mapping[str, str], wanted: Wanted, observed: Iterable[Annotated] = ()) -> LintReport:
    """Lint the policies of a cluster; `texts` are the files that it was read from, by name, for what comments say.

    `observed` is what stands beside objects that were read from no file.
    """
    desk = Desk(cluster)
    objects = [*observed, *(each for file, text in texts.items() for each in annotated(file, text))]
    words = [*by_annotation(objects), *(word for file, text in texts.items() for word in suppressions(file, text))]
    kept: list[Finding] = []
    suppressed: list[tuple[Finding, str]] = []
    used: set[Suppression] = set()
    for found in _all(desk, objects, wanted):
        by = [word for word in words if _meant(word, found)]
        used.update(by)
        if by:
            suppressed.append((found, by[0].reason))
        else:
            kept.append(found)
    kept += _about(words, used, wanted)
    chosen = sorted(
        (found for found in kept if wanted.code(found.code) and found.severity <= wanted.severity),
        key=lambda found: found.order,
    )
    codes = tuple(code for code in CATALOGUE if wanted.code(code))
    return LintReport(tuple(chosen), tuple(sorted(suppressed, key=lambda pair: pair[0].order)), codes)


def _all(desk: Desk, objects: Iterable[Annotated], wanted: Wanted) -> Iterator[Finding]:
    """Yield all findings whose codes are wanted, before suppression."""
    for prefix, family in _FAMILIES.items():
        if any(wanted.code(code) for code in CATALOGUE if code.startswith(prefix)):
            yield from (found for found in family(desk) if wanted.code(found.code))
    if wanted.code("ANP206"):
        yield from applied(desk, objects)


def _meant(word: Suppression, found: Finding) -> bool:
    # An object that is in no file is a place of its own, without lines.
    here = not word.at.line or bool(word.lines & found.lines)
    return word.code == found.code and word.at.file == found.at.file and here


def _about(words: Iterable[Suppression], used: set[Suppression], wanted: Wanted) -> Iterator[Finding]:
    """Yield findings about suppressions themselves."""
    for word in words:
        if word.code not in CATALOGUE:
            said = f"there is no code {word.code!r}" if word.code else "there is no code in it"
            yield _finding("ANP603", word, f"this suppresses nothing: {said}")
            continue
        if not word.reason:
            yield _finding("ANP601", word, f"this suppresses {word.code} without a reason")
        if word not in used and wanted.code(word.code):
            yield _finding("ANP602", word, f"there is no finding {word.code} here")


def _finding(code: str, word: Suppression, message: str) -> Finding:
    check = CATALOGUE[code]
    return Finding(code, check.severity, "comment", word.at, (), message, check.fix, lasting=True)
