"""Runs scenarios before a judge and writes down where it disagrees with what they expect."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from anp.conformance.changes import ChangeError
from anp.conformance.judges import Answer, Judge
from anp.conformance.path import deciders
from anp.conformance.scenario import Probe, Scenario, Step
from anp.conformance.world import World
from compiler.addresses import IpVersion
from compiler.model import Flow


@dataclass(frozen=True, slots=True)
class Verdict:
    """One probe of one step in one address family: what was expected, and what was seen.

    `number` is the place of the probe in its scenario, counted through all steps. Of what was not as expected,
    `decided` says what decides it according to the meaning, and `compiled` what the compiled rules make of it.
    """

    step: str
    number: int
    probe: Probe
    family: IpVersion
    flow: Flow
    answer: Answer
    decided: str = ""
    compiled: str = ""

    @property
    def passed(self) -> bool:
        """Whether what was seen is what was expected."""
        return self.answer.through is self.probe.allowed


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario; `broken` says why it could not be run to its end."""

    scenario: Scenario
    judge: str
    verdicts: tuple[Verdict, ...] = field(default=())
    broken: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and everything was as expected."""
        return not self.broken and all(verdict.passed for verdict in self.verdicts)

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """What was not as expected."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)


def run(
    scenario: Scenario,
    judge: Judge,
    families: Sequence[IpVersion] | None = None,
    report: Callable[[Step, list[Verdict]], None] | None = None,
    asked: Collection[int] | None = None,
) -> Result:
    """Run a scenario step by step; `report` is told after each.

    All changes are made, but with `asked` only probes of steps with these numbers, from 0, are asked.
    Errors of the lab and the enforcer pass through: they say nothing about the scenario.
    """
    families = scenario.families if families is None else [f for f in families if f in scenario.families]
    verdicts: list[Verdict] = []
    try:
        world = World(scenario, families)
        judge.see(world.view)
        first = 0
        for number, step in enumerate(scenario.steps):
            if step.changes:
                restart = any("restart" in change for change in step.changes)
                judge.see(world.change(step.changes), restart=restart)
            wanted = asked is None or number in asked
            found = list(_probed(step, first, world, judge, families)) if wanted else []
            first += len(step.probes)
            verdicts += found
            if report:
                report(step, found)
    except ChangeError as error:
        return Result(scenario, judge.name, tuple(verdicts), broken=str(error))
    return Result(scenario, judge.name, tuple(verdicts))


def _probed(step: Step, first: int, world: World, judge: Judge, families: Sequence[IpVersion]) -> Iterator[Verdict]:
    questions = [
        (number, probe, family)
        for family in families
        for number, probe in enumerate(step.probes, first)
        if family in probe.families
    ]
    paths = [world.path(probe, family) for _number, probe, family in questions]
    answers = judge.answer(paths)
    for (number, probe, family), path, answer in zip(questions, paths, answers, strict=True):
        verdict = Verdict(step.name, number, probe, family, path.sent, answer)
        if not verdict.passed:
            # Now, as the next step may change what decides.
            decided, compiled = deciders(world.view.snapshot, path), judge.whereabouts(path)
            verdict = Verdict(step.name, number, probe, family, path.sent, answer, decided, compiled)
        yield verdict
