"""What came of tests, and how it is counted.

A probe passes if it does in every family in which it was to be asked, so both families together count as many probes
as one, and upstream's suites as many as upstream counts. A test passes if all of its probes do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anp.conformance.runner import Result
from anp.conformance.selection import Case

COUNTED_BY_PROBES = frozenset({"cluster-network-policy", "admin-network-policy"})
"""The suites whose size upstream counts in probes; that of others is counted in tests."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test; `result` is None where it was skipped."""

    case: Case
    result: Result | None = None
    seconds: float = 0.0

    @property
    def probes(self) -> int:
        """How many probes were to be asked, in whatever families."""
        return 0 if self.case.skipped else len(self.case.planned())

    @property
    def probes_passed(self) -> int:
        """How many of them were asked in every family, and were as expected in all."""
        if self.result is None:
            return 0
        passed = {(verdict.number, verdict.family) for verdict in self.result.verdicts if verdict.passed}
        planned = self.case.planned()
        return sum(all((number, family) in passed for family in planned[number]) for number in planned)

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and every probe passed."""
        return self.result is not None and not self.result.broken and self.probes_passed == self.probes

    @property
    def failed(self) -> bool:
        """Whether it ran and did not pass."""
        return not self.case.skipped and not self.passed


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one suite, or of several."""

    suite: str
    tests: int
    tests_passed: int
    tests_skipped: int
    probes: int
    probes_passed: int
    seconds: float

    @classmethod
    def of(cls, suite: str, outcomes: Sequence[Outcome]) -> "Tally":
        """Count; skipped tests are not among the tests."""
        skipped = sum(bool(outcome.case.skipped) for outcome in outcomes)
        return cls(
            suite,
            tests=len(outcomes) - skipped,
            tests_passed=sum(outcome.passed for outcome in outcomes),
            tests_skipped=skipped,
            probes=sum(outcome.probes for outcome in outcomes),
            probes_passed=sum(outcome.probes_passed for outcome in outcomes),
            seconds=sum(outcome.seconds for outcome in outcomes),
        )

    def __str__(self) -> str:
        by_probes = self.suite in COUNTED_BY_PROBES
        passed, total = (self.probes_passed, self.probes) if by_probes else (self.tests_passed, self.tests)
        return f"{self.suite} {passed}/{total}"


def tallies(outcomes: Iterable[Outcome]) -> list[Tally]:
    """Count suite by suite, in the order in which they come."""
    by_suite: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_suite.setdefault(outcome.case.suite, []).append(outcome)
    return [Tally.of(suite, found) for suite, found in by_suite.items()]
