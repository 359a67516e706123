"""The ConformanceReport that upstream collects from implementations, made of what came of its suites (3.1).

A profile's tests are those all of whose features are in it: core if they need standard features only, extended
otherwise; newer releases call these two levels standard and experimental. Tests of a suite that were not run, or of
which only some steps were, count as skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anp.conformance.outcomes import Outcome, Tally
from anp.conformance.scenario import Scenario

CORE_AND_EXTENDED = ("core", "extended")
STANDARD_AND_EXPERIMENTAL = ("standard", "experimental")
"""What upstream calls the two levels of a profile, before v0.2.0 and since."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of features that an implementation can conform to."""

    name: str
    core: frozenset[str]
    extended: tuple[str, ...]
    levels: tuple[str, str]

    def level(self, features: Iterable[str]) -> str:
        """Return at which level a test of these features counts; empty if it does not."""
        wanted = set(features)
        if not wanted or not wanted <= self.core | set(self.extended):
            return ""
        return self.levels[not wanted <= self.core]


@dataclass(frozen=True, slots=True)
class Release:
    """A release of upstream's API, with the suite that came with it."""

    version: str
    suite: str
    profiles: tuple[Profile, ...]


def _profile(kind: str, levels: tuple[str, str]) -> Profile:
    return Profile(kind, frozenset({kind}), (f"{kind}NamedPorts", f"{kind}EgressNodePeers"), levels)


RELEASES = (
    Release(
        "v0.2.0",
        "cluster-network-policy",
        (_profile("ClusterNetworkPolicy", STANDARD_AND_EXPERIMENTAL),),
    ),
    Release(
        "v0.1.8",
        "admin-network-policy",
        tuple(_profile(kind, CORE_AND_EXTENDED) for kind in ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy")),
    ),
)


@dataclass(frozen=True, slots=True)
class Implementation:
    """Who is reporting about what."""

    organization: str
    project: str
    url: str
    version: str
    contact: tuple[str, ...]


def reports(
    outcomes: Sequence[Outcome],
    suites: Mapping[str, Sequence[Scenario]],
    implementation: Implementation,
    how: str,
    when: datetime,
) -> list[dict[str, Any]]:
    """Return a report for each release of whose suite anything was run; `suites` have all tests there are.

    `how` says how it was tried, for people.
    """
    found = []
    for release in RELEASES:
        ours = [outcome for outcome in outcomes if outcome.case.suite == release.suite and not outcome.case.skipped]
        if ours:
            profiles = [_reported(profile, ours, suites[release.suite]) for profile in release.profiles]
            found.append(
                {
                    "apiVersion": "policy.networking.k8s.io/v1alpha1",
                    "kind": "ConformanceReport",
                    "date": when.isoformat(timespec="seconds"),
                    "implementation": {
                        "organization": implementation.organization,
                        "project": implementation.project,
                        "url": implementation.url,
                        "version": implementation.version,
                        "contact": list(implementation.contact),
                        "additionalInformation": _additional(ours, how),
                    },
                    "networkPolicyV2APIVersion": release.version,
                    "profiles": [profile for profile in profiles if profile],
                }
            )
    return found


def _additional(outcomes: Sequence[Outcome], how: str) -> str:
    tally = Tally.of(outcomes[0].case.suite, outcomes)
    failed = [outcome.case.scenario.name for outcome in outcomes if outcome.failed]
    told = f"{how}; {tally.probes_passed} of {tally.probes} probes passed"
    return f"{told}; failed, in whatever profile: {', '.join(failed)}" if failed else told


def _reported(profile: Profile, outcomes: Sequence[Outcome], scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Return what is said about a profile; nothing if none of its tests was run."""
    run = {outcome.case.scenario.path: outcome for outcome in outcomes}
    core, extended = profile.levels
    levels: dict[str, list[tuple[Scenario, Outcome | None]]] = {core: [], extended: []}
    for scenario in scenarios:
        level = profile.level(scenario.features)
        if level:
            levels[level].append((scenario, run.get(scenario.path)))
    if not any(outcome for tests in levels.values() for _scenario, outcome in tests):
        return {}
    said: dict[str, Any] = {"name": profile.name, core: _status(levels[core])}
    if levels[extended]:
        tried = {feature for scenario, outcome in levels[extended] if outcome for feature in scenario.features}
        supported = [feature for feature in profile.extended if feature in tried]
        said[extended] = _status(levels[extended]) | ({"supportedFeatures": supported} if supported else {})
    return said


def _status(tests: Sequence[tuple[Scenario, Outcome | None]]) -> dict[str, Any]:
    failed, skipped, passed = [], [], 0
    for scenario, outcome in tests:
        if outcome is not None and outcome.failed:
            failed.append(scenario.name)
        elif outcome is None or not outcome.case.whole:
            skipped.append(scenario.name)
        else:
            passed += 1
    status: dict[str, Any] = {
        "result": "failure" if failed else "partial" if skipped or not passed else "success",
        "summary": "",
        "statistics": {"Passed": passed, "Skipped": len(skipped), "Failed": len(failed)},
    }
    if skipped:
        status["skippedTests"] = skipped
    if failed:
        status["failedTests"] = failed
    return status
