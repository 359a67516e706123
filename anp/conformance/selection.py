"""Which scenarios are to be run: suites are the folders of a directory, tests the scenarios in them.

Whatever a choice names must be there, so that a misspelt name does not pass as a choice of nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from anp.conformance.scenario import NO_PACKETS, Scenario, load_scenario
from compiler.addresses import VERSIONS, IpVersion

ALL = "all"
"""What stands for every suite."""

_FIRST = ("cluster-network-policy", "admin-network-policy", "network-policy")
"""Upstream's suites, which come before others."""


class SelectionError(Exception):
    """Something was chosen that is not there; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test to be run: a scenario of a suite, in these families, with the probes of the steps of these numbers.

    `skipped` says why it cannot be run; empty where it can.
    """

    suite: str
    scenario: Scenario
    families: tuple[IpVersion, ...]
    steps: tuple[int, ...]
    skipped: str = ""

    @property
    def title(self) -> str:
        """What the test is called."""
        return f"{self.suite}/{self.scenario.name}"

    @property
    def whole(self) -> bool:
        """Whether every step that asks anything is asked."""
        return all(number in self.steps for number, step in enumerate(self.scenario.steps) if step.probes)

    def planned(self) -> dict[int, frozenset[IpVersion]]:
        """Return the families in which each probe is to be asked, by its number in the scenario."""
        found: dict[int, frozenset[IpVersion]] = {}
        number = 0
        for place, step in enumerate(self.scenario.steps):
            for probe in step.probes:
                families = frozenset(self.families).intersection(probe.families)
                if place in self.steps and families:
                    found[number] = families
                number += 1
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen. Nothing said about a matter is everything; of several names, each adds to the choice.

    Tests are chosen by name, by the name of their file or by suite and name, steps by name; both may be globs.
    """

    suites: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    families: tuple[IpVersion, ...] = VERSIONS


def load_suites(directory: Path, wanted: Sequence[str] = ()) -> dict[str, tuple[Scenario, ...]]:
    """Read the suites that are wanted, or all; each folder that holds scenarios is one.

    Raises:
        SelectionError: there is no such suite, or none at all.
        ScenarioError: a scenario is not written as scenarios are.

    """
    files: dict[str, list[Path]] = {}
    for path in sorted(directory.glob("*/*.yaml")):
        files.setdefault(path.parent.name, []).append(path)
    if not files:
        raise SelectionError(f"there are no scenarios in {directory}: it needs a folder of YAML files for each suite")
    everything = sorted(files, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    chosen = everything if not wanted or ALL in wanted else list(dict.fromkeys(wanted))
    for name in chosen:
        if name not in files:
            raise SelectionError(f"there is no suite {name!r}; there are {', '.join((ALL, *everything))}")
    return {name: tuple(map(load_scenario, files[name])) for name in chosen}


def select(suites: dict[str, tuple[Scenario, ...]], choice: Choice, *, packets: bool) -> tuple[Case, ...]:
    """Return the tests that are chosen, in the order of suites and files; with `packets`, some are skipped.

    Raises:
        SelectionError: a feature, a test or a step is named that is not there, or nothing is both this and that.

    """
    cases = [Case(suite, scenario, (), ()) for suite, found in suites.items() for scenario in found]
    features = sorted({feature for case in cases for feature in case.scenario.features})
    for name in choice.features:
        if name not in features:
            raise SelectionError(f"no test is about the feature {name!r}; there are {', '.join(features)}")
    cases = [case for case in cases if not choice.features or set(choice.features) & set(case.scenario.features)]
    cases = _matching(cases, choice.tests)
    found = [_asked(case, choice, packets=packets) for case in cases]
    for pattern in choice.steps:
        if not any(fnmatchcase(step.name, pattern) for case in cases for step in case.scenario.steps):
            raise SelectionError(f"no step of the chosen tests matches {pattern!r}")
    kept = tuple(case for case in found if case.steps or not choice.steps)
    if not kept:
        raise SelectionError("no test is all that was chosen")
    return kept


def _matching(cases: Sequence[Case], patterns: Sequence[str]) -> list[Case]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for case in cases for name in _names(case)):
            raise SelectionError(f"no test of the chosen suites and features matches {pattern!r}")
    return [
        case
        for case in cases
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in _names(case))
    ]


def _names(case: Case) -> tuple[str, ...]:
    return case.scenario.name, case.scenario.path.stem, case.title


def _asked(case: Case, choice: Choice, *, packets: bool) -> Case:
    scenario = case.scenario
    families = tuple(family for family in scenario.families if family in choice.families)
    steps = tuple(
        number
        for number, step in enumerate(scenario.steps)
        if not choice.steps or any(fnmatchcase(step.name, pattern) for pattern in choice.steps)
    )
    skipped = ""
    if packets and NO_PACKETS in scenario.tags:
        skipped = "the lab cannot do this"
    elif not families:
        skipped = f"it is not for {' and '.join(f'IPv{family}' for family in choice.families)}"
    return replace(case, families=families, steps=steps, skipped=skipped)
