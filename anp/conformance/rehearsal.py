"""A scenario gone through without asking anybody, so that its mistakes are told before anything is built."""

from anp.conformance.changes import ChangeError, NotRefusedError
from anp.conformance.scenario import ScenarioError
from anp.conformance.selection import Case
from anp.conformance.world import World
from anp.lab.errors import TopologyError
from anp.lab.topology import topology


def rehearse(case: Case, *, packets: bool) -> None:
    """Make every change of a test and look for the ends of its probes; with `packets`, for what no lab can be as well.

    An object that is sound and should not be is no mistake of the scenario: that is for the test to find.

    Raises:
        ScenarioError: a change makes no sense, an end is nobody, or the cluster cannot be built.

    """
    scenario = case.scenario
    place = "at the start"
    try:
        world = World(scenario, case.families)
        for number, step in enumerate(scenario.steps):
            place = f"step {step.name!r}"
            view = world.change(step.changes)
            if packets:
                topology(view.snapshot, view.serves, view.outside)
            for probe in step.probes if number in case.steps else ():
                for family in case.families:
                    if family in probe.families:
                        world.path(probe, family)
    except NotRefusedError:
        return
    except (ChangeError, TopologyError) as error:
        raise ScenarioError(f"{scenario.path}: {place}: {error}") from error
