"""The upstream suites that are run, what each is told, and what its output says while it runs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_BEGUN = re.compile(r"^=== RUN   TestConformanceProfiles/(?P<test>[^/\s]+)$")
_ENDED = re.compile(
    r"^    --- (?P<word>PASS|FAIL|SKIP): TestConformanceProfiles/(?P<test>[^/\s]+) \((?P<seconds>[\d.]+)s\)"
)


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite: its version, and what is asked of it.

    `tests` and `probes` are how many it has; all of them have to pass. `patient` says whether it asks again until an
    answer is what it expects, and then once more: if not, what it asks is held until the engine has caught up.
    """

    version: str
    profiles: tuple[str, ...]
    features: tuple[str, ...]
    tests: int
    probes: int
    patient: bool

    @property
    def program(self) -> str:
        """The name of its program."""
        return f"conformance-{self.version}.test"

    @property
    def file(self) -> str:
        """The name of the file with its report."""
        return f"report-{self.version}.yaml"

    def probed(self, executed: int, repeated: int) -> int:
        """Return how many probes that many commands were, if `repeated` of them were not answered as expected."""
        return (executed - repeated) // 2 if self.patient else executed

    def arguments(self, report: Path, version: str, remarks: Iterable[str]) -> list[str]:
        """Return what it is run with: all profiles and features, nothing exempt."""
        information = "; ".join(["made by `make upstream-conformance`", *remarks])
        return [
            "-test.run=^TestConformanceProfiles$",
            "-test.v",
            "-test.timeout=30m",
            f"-conformance-profiles={','.join(self.profiles)}",
            f"-supported-features={','.join(self.features)}",
            "-organization=anp",
            "-project=anp",
            "-url=https://anp.internal",
            f"-version={version}",
            "-contact=anp",
            f"-additional-info={information}",
            f"-report-output={report}",
        ]


SUITES = (
    Suite(
        "v0.1.5",
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy"),
        tuple(
            f"{kind}{feature}"
            for kind in ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
            for feature in ("NamedPorts", "EgressNodePeers", "EgressInlineCIDRPeers")
        ),
        24,
        271,
        patient=False,
    ),
    Suite(
        "v0.2.0",
        ("ClusterNetworkPolicy",),
        ("ClusterNetworkPolicyNamedPorts", "ClusterNetworkPolicyEgressNodePeers"),
        24,
        289,
        patient=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A test that has ended: PASS, FAIL or SKIP."""

    test: str
    word: str
    seconds: float


def begun(line: str) -> str | None:
    """Return the test that a line of output says has begun, if it does: how they ended is told when all have."""
    found = _BEGUN.match(line)
    return found["test"] if found else None


def ended(line: str) -> Ended | None:
    """Return what a line of output says of a test that has ended, if it does."""
    found = _ENDED.match(line)
    return Ended(found["test"], found["word"], float(found["seconds"])) if found else None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a report says of a profile."""

    name: str
    results: tuple[str, ...]
    passed: int
    failed: int
    skipped: int
    unsupported: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether everything passed, and nothing was left out."""
        everything = all(result == "success" for result in self.results) and self.passed > 0
        return everything and not (self.failed or self.skipped or self.unsupported)


def profiles(report: Any) -> tuple[Profile, ...]:
    """Read a report.

    Raises:
        ValueError: it is none.

    """
    try:
        return tuple(_profile(entry) for entry in report["profiles"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no report: {error!r}") from error


def _profile(entry: Any) -> Profile:
    levels = [entry[level] for level in ("core", "standard", "extended", "experimental") if entry.get(level)]
    statistics = [level["statistics"] for level in levels]
    passed, failed, skipped = (
        sum(each.get(word, 0) for each in statistics) for word in ("Passed", "Failed", "Skipped")
    )
    unsupported = tuple(name for level in levels for name in level.get("unsupportedFeatures") or ())
    return Profile(entry["name"], tuple(level["result"] for level in levels), passed, failed, skipped, unsupported)


def shortcomings(suite: Suite, report: Path, tests: Iterable[Ended]) -> list[str]:
    """Say what keeps a run from being a pass; nothing if it is one."""
    said = list(tests)
    wrong = [f"{each.test}: {each.word}" for each in said if each.word != "PASS"]
    if len(said) != suite.tests:
        wrong.append(f"{len(said)} of {suite.tests} tests came to an end")
    if not report.exists():
        return [*wrong, "there is no report"]
    try:
        found = profiles(yaml.safe_load(report.read_text(encoding="utf-8")))
    except (ValueError, yaml.YAMLError) as error:
        return [*wrong, str(error)]
    if missing := set(suite.profiles) - {profile.name for profile in found}:
        wrong.append(f"the report says nothing of {', '.join(sorted(missing))}")
    wrong += [f"profile {profile.name}: {profile}" for profile in found if not profile.good]
    return wrong
