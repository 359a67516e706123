"""Upstream's report: it has the fields that it wants, and says no more than was seen."""

from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given

from anp.conformance.report import RELEASES, Implementation, reports
from tests.unit.conformance.making import case, outcome, probe, runs, scenario

WHO = Implementation("org", "anp", "https://example.org", "1.2", ("a@example.org", "b@example.org"))
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROFILES = {profile.name: (profile, release) for release in RELEASES for profile in release.profiles}
CNP = "cluster-network-policy"


def made(features=("ClusterNetworkPolicy",), name="t", suite=CNP):
    steps = [("1: a", [probe()]), ("2: b", [probe()])]
    return scenario(name, steps, features, suite)


def report(found, scenarios=None, suite=CNP):
    (said,) = reports(found, {suite: scenarios or [one.case.scenario for one in found]}, WHO, "packets", WHEN)
    return said


def test_it_has_upstreams_fields():
    said = report([outcome(case(made(), suite=CNP))])

    assert said == {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "ConformanceReport",
        "date": "2026-01-02T03:04:05+00:00",
        "implementation": {
            "organization": "org",
            "project": "anp",
            "url": "https://example.org",
            "version": "1.2",
            "contact": ["a@example.org", "b@example.org"],
            "additionalInformation": "packets; 2 of 2 probes passed",
        },
        "networkPolicyV2APIVersion": "v0.2.0",
        "profiles": [
            {
                "name": "ClusterNetworkPolicy",
                "standard": {
                    "result": "success",
                    "summary": "",
                    "statistics": {"Passed": 1, "Skipped": 0, "Failed": 0},
                },
            }
        ],
    }


def test_what_needs_a_feature_of_the_experimental_channel_is_experimental():
    found = [outcome(case(made(("ClusterNetworkPolicy", "ClusterNetworkPolicyNamedPorts")), suite=CNP))]

    (profile,) = report(found)["profiles"]

    assert profile["experimental"]["statistics"] == {"Passed": 1, "Skipped": 0, "Failed": 0}
    assert profile["experimental"]["supportedFeatures"] == ["ClusterNetworkPolicyNamedPorts"]
    assert profile["standard"]["statistics"] == {"Passed": 0, "Skipped": 0, "Failed": 0}


def test_a_test_of_two_profiles_counts_for_neither_and_is_told_all_the_same():
    suite = "admin-network-policy"
    both = made(("AdminNetworkPolicy", "BaselineAdminNetworkPolicy"), "both", suite)
    one = made(("AdminNetworkPolicy",), "one", suite)
    found = [outcome(case(both, suite=suite), lambda _n, _f: False), outcome(case(one, suite=suite))]

    said = report(found, suite=suite)

    assert [(p["name"], p["core"]["statistics"]["Passed"]) for p in said["profiles"]] == [("AdminNetworkPolicy", 1)]
    assert said["networkPolicyV2APIVersion"] == "v0.1.8"
    assert said["implementation"]["additionalInformation"] == (
        "packets; 2 of 4 probes passed; failed, in whatever profile: both"
    )


@pytest.mark.parametrize(
    ("through", "steps", "others", "result"),
    [
        (True, None, 0, "success"),
        (True, None, 1, "partial"),
        (True, (0,), 0, "partial"),
        (False, None, 1, "failure"),
        (False, (0,), 0, "failure"),
    ],
)
def test_a_choice_of_tests_or_steps_is_no_success(through, steps, others, result):
    scenarios = [made(), *(made(name=f"other-{number}") for number in range(others))]
    found = [outcome(case(scenarios[0], steps=steps, suite=CNP), lambda _n, _f: through)]

    assert report(found, scenarios)["profiles"][0]["standard"]["result"] == result


def test_suites_that_upstream_does_not_have_are_not_reported():
    assert reports([outcome(case(made(suite="mine"), suite="mine"))], {}, WHO, "packets", WHEN) == []


@given(runs())
def test_the_statistics_add_up(run):
    suites, found = run
    by_path = {one.case.scenario.path: one for one in found}
    for said in yaml.safe_load_all(yaml.safe_dump_all(reports(found, suites, WHO, "packets", WHEN))):
        for told in said["profiles"]:
            profile, release = PROFILES[told["name"]]
            assert said["networkPolicyV2APIVersion"] == release.version
            for level in profile.levels:
                tests = [test for test in suites[release.suite] if profile.level(test.features) == level]
                assert (level in told) is bool(tests) or level == profile.levels[0]
                if level not in told:
                    continue
                status = told[level]
                count = status["statistics"]
                names = {test.name: by_path.get(test.path) for test in tests}
                failed, skipped = status.get("failedTests", []), status.get("skippedTests", [])

                assert sum(count.values()) == len(tests)
                assert (len(failed), len(skipped)) == (count["Failed"], count["Skipped"])
                assert failed == [name for name, one in names.items() if one and one.failed]
                passed = names.keys() - set(failed) - set(skipped)
                assert all(names[name].passed and names[name].case.whole for name in passed)
                assert (status["result"] == "success") is (bool(tests) and len(passed) == len(tests))
                assert (status["result"] == "failure") is bool(failed)
