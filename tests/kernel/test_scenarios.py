"""Scenarios with real packets: the suite that asks most of the lab. `make conformance` runs all suites."""

from pathlib import Path

import pytest

from anp.conformance.judges import Packets
from anp.conformance.runner import run
from anp.conformance.scenario import NO_PACKETS, load_scenario

SUITE = sorted((Path(__file__).parents[2] / "testdata" / "scenarios" / "services").glob("*.yaml"))
SCENARIOS = [path for path in SUITE if NO_PACKETS not in load_scenario(path).tags]
"""Those that the lab can do."""


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scenarios_with_real_packets(path):
    with Packets(seconds=0.4) as judge:
        result = run(load_scenario(path), judge)

    failures = [f"{v.step}, IPv{v.family}, {v.probe}: {v.answer.seen}; {v.compiled}" for v in result.failures]
    assert result.passed, "\n".join([result.broken, *failures])
