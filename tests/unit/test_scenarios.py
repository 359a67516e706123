"""Every scenario before two judges that need no kernel; `make conformance` has the third."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from anp.conformance.judges import Meaning, Traced
from anp.conformance.runner import Result, run
from anp.conformance.scenario import ScenarioError, load_scenario, parse_scenario

ROOT = Path(__file__).parents[2] / "testdata" / "scenarios"
SCENARIOS = sorted(ROOT.glob("*/*.yaml"))
OURS = [path for path in SCENARIOS if path.parent.name in ("network-policy", "corners", "others-bugs")]
load_scenario = cache(load_scenario)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"containers": [{"ports": [{"containerPort": 80}]}]},
}
ONE_WAY = {"traffic": "tcp/80", "picture": "  shop/web\nclient ."}


def meant(objects=(POD,), steps=(), **others):
    """Run a scenario of these parts before the meaning."""
    parts = {"scenario": "s", "about": "a", "objects": list(objects), "steps": list(steps), **others}
    with Meaning() as judge:
        return run(parse_scenario(parts, Path("some.yaml")), judge)


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


def test_every_networkpolicy_scenario_of_kubernetes_is_there():
    numbers = [int(path.name[:2]) for path in OURS if path.parent.name == "network-policy"]

    assert numbers == list(range(1, 49))
    for path in OURS:
        if path.parent.name == "network-policy":
            assert load_scenario(path).source.endswith(f" {int(path.name[:2])}")


def test_every_tricky_case_has_a_scenario_or_a_reason():
    text = (ROOT / "corners" / "README.md").read_text()
    cases = {int(number): where for number, where in re.findall(r"^\| (\d+) \| .* \| (.*) \|$", text, re.MULTILINE)}

    assert sorted(cases) == list(range(1, 37))
    for where in cases.values():
        named = re.findall(r"`([./a-z]*\d\d-[^`]+)`", where)
        assert all((ROOT / "corners" / f"{name}.yaml").exists() for name in named)
        assert named or where.startswith("not yet: ")


@pytest.mark.parametrize("path", OURS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_scenario_says_what_it_is(path):
    scenario = load_scenario(path)

    assert path.stem[3:] == scenario.name
    assert scenario.source
    assert scenario.probes
    assert "\n" not in scenario.about.strip()


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
        ({"scenario": "a", "about": "b", "outside": ["client"]}, "'outside' is not a mapping"),
        ({"scenario": "a", "about": "b", "outside": {"client": {"addresses": ["1.2.3"]}}}, "'client': '1.2.3'"),
        ({"scenario": "a", "about": "b", "outside": {"client": {"servs": []}}}, "'servs'"),
    ],
)
def test_what_is_no_scenario_is_refused_with_the_place(document, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(document, Path("some.yaml"))


def test_hosts_outside_are_ends_by_name_and_by_address():
    client = {"addresses": ["198.51.100.7", "2001:db8::7"]}
    by_address = {"traffic": "tcp/80", "families": [6], "picture": "  shop/web\n2001:db8::7 ."}
    result = meant(outside={"client": client}, steps=[{"step": "s", "expect": [ONE_WAY, by_address]}])

    assert result.passed, told(result)
    assert [(verdict.family, str(verdict.flow.source)) for verdict in result.verdicts] == [
        (4, "198.51.100.7"),
        (6, "2001:db8::7"),
        (6, "2001:db8::7"),
    ]


def test_an_end_that_is_nobody_breaks_the_scenario():
    assert "'client' is nobody's name" in meant(steps=[{"step": "s", "expect": [ONE_WAY]}]).broken


def test_what_is_to_be_refused_and_is_sound_breaks_the_scenario():
    unsound = {**POD, "metadata": {"name": "Not A Name"}}

    assert not meant(steps=[{"step": "s", "changes": [{"refuse": unsound}]}]).broken
    assert "to be refused" in meant(steps=[{"step": "s", "changes": [{"refuse": POD}]}]).broken


def test_references_can_name_a_family():
    def policy(*texts):
        peers = [{"ipBlock": {"cidr": text}} for text in texts]
        metadata = {"name": "p", "namespace": "shop"}
        spec = {"podSelector": {}, "ingress": [{"from": peers}]}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

    other = {**POD, "metadata": {"name": "other", "namespace": "bank"}}
    to_web = {"traffic": "tcp/80", "picture": "  shop/web\nbank/other ."}
    steps = [{"step": "s", "expect": [to_web]}]

    both = meant([POD, other, policy("{net4 of bank/other}", "{net6 of bank/other}")], steps)
    one = meant([POD, other, policy("{net6 of bank/other}")], steps)

    assert both.passed, told(both)
    assert [verdict.family for verdict in one.failures] == [4]
