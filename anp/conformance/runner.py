"""Runs scenarios before a judge and writes down where it disagrees with what they expect."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from anp.conformance.changes import ChangeError
from anp.conformance.judges import Answer, Judge
from anp.conformance.scenario import Probe, Scenario, Step
from anp.conformance.world import World
from compiler.addresses import IpVersion
from compiler.model import Flow


@dataclass(frozen=True, slots=True)
class Verdict:
    """One probe of one step in one address family: what was expected, and what was seen."""

    step: str
    probe: Probe
    family: IpVersion
    flow: Flow
    answer: Answer

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
) -> Result:
    """Run a scenario step by step; `report` is told after each.

    Errors of the lab and the enforcer pass through: they say nothing about the scenario.
    """
    families = scenario.families if families is None else [f for f in families if f in scenario.families]
    verdicts: list[Verdict] = []
    try:
        world = World(scenario, families)
        judge.see(world.view)
        for step in scenario.steps:
            if step.changes:
                restart = any("restart" in change for change in step.changes)
                judge.see(world.change(step.changes), restart=restart)
            found = list(_probed(step, world, judge, families))
            verdicts += found
            if report:
                report(step, found)
    except ChangeError as error:
        return Result(scenario, judge.name, tuple(verdicts), broken=str(error))
    return Result(scenario, judge.name, tuple(verdicts))


def _probed(step: Step, world: World, judge: Judge, families: Sequence[IpVersion]) -> Iterator[Verdict]:
    questions = [(probe, family) for family in families for probe in step.probes if family in probe.families]
    asked = [(probe, family, world.path(probe, family)) for probe, family in questions]
    answers = judge.answer([path for _probe, _family, path in asked])
    for (probe, family, path), answer in zip(asked, answers, strict=True):
        yield Verdict(step.name, probe, family, path.sent, answer)
