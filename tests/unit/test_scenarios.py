"""Every scenario before two judges that need no kernel; tests/kernel/test_scenarios.py has the third."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from anp.conformance.judges import Meaning, Traced
from anp.conformance.runner import Result, run
from anp.conformance.scenario import ScenarioError, load_scenario, parse_scenario

ROOT = Path(__file__).parents[2] / "testdata" / "scenarios"
SCENARIOS = sorted(ROOT.glob("*/*.yaml"))


def told(result: Result) -> str:
    lines = [result.broken] if result.broken else []
    lines += [f"{v.step}, IPv{v.family}, {v.probe}: {v.answer.seen}" for v in result.failures]
    return "\n".join(lines)


@pytest.mark.parametrize("judge", [Meaning, Traced], ids=lambda judge: judge.name)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scenarios(path, judge):
    with judge() as open_judge:
        result = run(load_scenario(path), open_judge)

    assert result.passed, told(result)


def test_no_probe_of_the_conformance_suites_is_missing():
    probes = Counter()
    for path in SCENARIOS:
        probes[path.parent.name] += load_scenario(path).probes

    assert probes["cluster-network-policy"] == 301
    assert probes["admin-network-policy"] == 289


def test_a_scenario_that_expects_something_else_fails():
    path = ROOT / "cluster-network-policy" / "06-admin-tier-egress-tcp.yaml"
    turned = path.read_text().replace("hp0  .", "hp0  X", 1)
    assert turned != path.read_text()
    scenario = parse_scenario(yaml.safe_load(turned), path)

    with Meaning() as judge:
        result = run(scenario, judge)

    assert not result.passed
    assert {str(failure.probe.protocol.value) for failure in result.failures} == {"tcp"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the scenario is not a mapping"),
        ({"scenario": "a", "about": "b", "stpes": []}, "'stpes'"),
        ({"about": "b"}, "'scenario' is missing"),
        (
            {"scenario": "a", "about": "b", "steps": [{"step": "s", "expect": [{"traffic": "tcp", "picture": "x"}]}]},
            "tcp",
        ),
        (
            {
                "scenario": "a",
                "about": "b",
                "steps": [{"step": "s", "expect": [{"traffic": "icmp", "picture": "a\nb"}]}],
            },
            "row 'b'",
        ),
    ],
)
def test_what_is_no_scenario_is_refused_with_the_place(document, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(document, Path("some.yaml"))
