"""Tests and what came of them, made up: what a report says of them does not depend on how they were run."""

from ipaddress import ip_address
from pathlib import Path

from hypothesis import strategies as st

from anp.conformance.judges import Answer
from anp.conformance.outcomes import Outcome
from anp.conformance.runner import Result, Verdict
from anp.conformance.scenario import Probe, Scenario, Step
from anp.conformance.selection import Case
from compiler.addresses import VERSIONS
from compiler.model import Flow, Protocol

ENDS = {4: (ip_address("10.0.0.1"), ip_address("10.0.0.2")), 6: (ip_address("fd00::1"), ip_address("fd00::2"))}


def probe(*, allowed=True, families=VERSIONS, source="x/a"):
    return Probe(source, "x/b", Protocol.TCP, 80, allowed, families)


ONE = (("only", (probe(),)),)


def scenario(name="test", steps=ONE, features=("ClusterNetworkPolicy",), suite="suite", **others):
    made = tuple(Step(title, probes=tuple(probes)) for title, probes in steps)
    return Scenario(name, "about", Path(suite, f"{name}.yaml"), features=tuple(features), steps=made, **others)


def case(made, families=VERSIONS, steps=None, suite="suite", skipped=""):
    return Case(suite, made, families, tuple(range(len(made.steps))) if steps is None else steps, skipped)


def verdicts(of, through=lambda _number, _family: True):
    """What a judge might have said: `through` answers for a probe in a family, None for one that was not asked."""
    found = []
    numbered = [(step.name, probe) for step in of.scenario.steps for probe in step.probes]
    for number, families in of.planned().items():
        title, asked = numbered[number]
        for family in sorted(families):
            as_expected = through(number, family)
            if as_expected is not None:
                seen = Answer(asked.allowed is as_expected, "seen")
                flow = Flow(*ENDS[family], asked.protocol, asked.port)
                found.append(Verdict(title, number, asked, family, flow, seen, "decided", "compiled"))
    return tuple(found)


def outcome(of, through=lambda _number, _family: True, broken=""):
    if of.skipped:
        return Outcome(of)
    return Outcome(of, Result(of.scenario, "made up", verdicts(of, through), broken), 0.5)


PROBES = st.builds(
    lambda allowed, families: probe(allowed=allowed, families=families),
    st.booleans(),
    st.sampled_from([VERSIONS, (4,), (6,)]),
)
STEPS = st.lists(st.lists(PROBES, max_size=3), max_size=3).map(
    lambda found: [(f"{n}: a", p) for n, p in enumerate(found)]
)
KINDS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy", "NetworkPolicy")
FEATURES = st.sets(
    st.sampled_from(KINDS) | st.sampled_from(KINDS[:3]).map("{}NamedPorts".format) | st.just("Else"), max_size=3
).map(sorted)
SUITES = ("cluster-network-policy", "admin-network-policy", "mine")


@st.composite
def outcomes(draw, of=None):
    """What might come of one test; often all is well."""
    made = case(scenario(steps=draw(STEPS), features=draw(FEATURES))) if of is None else of
    wrong = draw(st.sets(st.tuples(st.integers(0, 8), st.sampled_from(VERSIONS)), max_size=2))
    missing = draw(st.sets(st.tuples(st.integers(0, 8), st.sampled_from(VERSIONS)), max_size=1))

    def through(number, family):
        return None if (number, family) in missing else (number, family) not in wrong

    return outcome(made, through, draw(st.sampled_from(["", "", "", "broken"])))


@st.composite
def runs(draw):
    """Suites, and what came of those of their tests that were chosen."""
    suites, found = {}, []
    for suite in SUITES:
        sizes = range(draw(st.integers(0, 4)))
        suites[suite] = tuple(scenario(f"t{n}", draw(STEPS), draw(FEATURES), suite) for n in sizes)
        for made in suites[suite]:
            how = draw(st.sampled_from(["run", "run", "left out", "skipped", "some steps"]))
            if how == "left out":
                continue
            steps = (0,) if how == "some steps" else None
            chosen = case(made, steps=steps, suite=suite, skipped="why" if how == "skipped" else "")
            found.append(draw(outcomes(chosen)) if how != "skipped" else Outcome(chosen))
    return suites, found
