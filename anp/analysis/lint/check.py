"""One kind of finding, as the catalogue has it."""

from dataclasses import dataclass

from anp.sources.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of finding.

    Its code never changes, and is never used again for something else. `example` are manifests that have the finding,
    in the cluster that the documentation shows; `fix` says the way out in a few words.
    """

    code: str
    name: str
    severity: Severity
    title: str
    why: str
    example: str
    fix: str
