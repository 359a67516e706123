"""What an object would bring about: the findings of lint that the cluster has with it and has not without it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from anp.admission.known import Known, Lintable
from anp.admission.submission import Note, Submission, Version
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.linter import Wanted, lint
from anp.sources.diagnostics import Severity
from anp.state.advice import advice
from compiler.model import Policy, Snapshot, Tier

_KEPT = 4
"""How many clusters' findings are kept: what one object brings about is where the next one begins."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """What an object would bring about. `notes` are those that take the cluster to see, and are no findings of lint."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()


class Judge:
    """Compares clusters with an object and without. One thread uses it at a time."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._latest: list[tuple[tuple[object, ...], tuple[Finding, ...]]] = []

    def judge(self, submitted: Submission) -> Consequences:
        """Say what is new with an object, in the order of how much it matters; its own findings come first."""
        if submitted.new is None or not submitted.changes:
            return Consequences()
        before, after = self._with(submitted, submitted.old), self._with(submitted, submitted.new)
        told = {found.fingerprint for found in self._findings(before)}
        new = [found for found in self._findings(after) if found.fingerprint not in told]
        own = str(submitted.new.policy)
        new.sort(key=lambda found: (found.severity, found.about != own, found.order))
        ties = () if any(found.code == "ANP105" for found in new) else _new_ties(submitted, before, after)
        return Consequences(tuple(new), tuple(ties))

    def _with(self, submitted: Submission, version: Version | None) -> Lintable:
        item, policy = (version.item, version.policy) if version is not None else (None, None)
        return self._known.with_policy(submitted.key, item, policy)

    def _findings(self, state: Lintable) -> tuple[Finding, ...]:
        key = state.key
        for entry in self._latest:
            if entry[0] == key:
                self._latest.remove(entry)
                self._latest.append(entry)
                return entry[1]
        found = lint(state.cluster, {}, Wanted(severity=Severity.INFO), state.annotated).findings
        self._latest = [*self._latest[1 - _KEPT :], (key, found)]
        return found


def _new_ties(submitted: Submission, before: Lintable, after: Lintable) -> Iterator[Note]:
    """Yield what is new about policies that share a priority, although no two rules of theirs disagree."""
    assert submitted.new is not None  # noqa: S101 - there is nothing to compare otherwise
    policy = submitted.new.policy
    if policy.tier is Tier.NETWORK_POLICY:
        return
    known = set(_ties(before.cluster.snapshot, policy))
    for other, message in _ties(after.cluster.snapshot, policy):
        if (other, message) not in known:
            path = ("spec", "priority") if other == str(policy) else ()
            yield Note(Severity.WARNING, path, message if path else f"{other}: {message}")


def _ties(snapshot: Snapshot, policy: Policy) -> Iterator[tuple[str, str]]:
    alike = [p for p in snapshot.policies if (p.tier, p.priority) == (policy.tier, policy.priority)]
    small = replace(snapshot, pods=(), policies=tuple(alike))
    for about, path, _severity, message in advice(small, learning=False):
        if path == ("spec", "priority"):
            yield str(about), message
