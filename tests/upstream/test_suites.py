import dataclasses

import pytest
import yaml

from tests.upstream.__main__ import FACTS, PUBLISHED
from tests.upstream.suites import SUITES, Ended, begun, ended, profiles, shortcomings
from tests.upstream.summary import summary

SUITE = SUITES[0]
ALL = [Ended(f"Test{number}", "PASS", 1.0) for number in range(SUITE.tests)]


def level(result="success", passed=12, **more):
    statistics = {"Passed": passed, "Failed": 0, "Skipped": 0} | more
    return {"result": result, "statistics": statistics}


def report(**changes):
    good = [{"name": name, "core": level(), "extended": level(passed=3)} for name in SUITE.profiles]
    return {"kind": "ConformanceReport", "profiles": good} | changes


@pytest.fixture
def written(tmp_path):
    def write(document):
        path = tmp_path / "report.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def test_a_good_run_is_a_pass(written):
    assert shortcomings(SUITE, written(report()), ALL) == []


def with_level(name, **content):
    first, second = report()["profiles"]
    return report(profiles=[{**first, name: content}, second])


@pytest.mark.parametrize(
    "document",
    [
        with_level("core", **level("failure")),
        with_level("core", **level("partial")),
        with_level("core", **level(Failed=1)),
        with_level("extended", **level(Skipped=1)),
        with_level("extended", **level(), unsupportedFeatures=["AdminNetworkPolicyNamedPorts"]),
        report(profiles=report()["profiles"][:1]),
        report(profiles=[]),
        report(profiles=None),
        {"kind": "ConformanceReport"},
        "no report",
        None,
    ],
)
def test_a_report_with_less_than_everything_is_no_pass(written, document):
    assert shortcomings(SUITE, written(document), ALL)


def test_without_a_report_or_with_other_tests_it_is_no_pass(written, tmp_path):
    good = written(report())

    assert shortcomings(SUITE, tmp_path / "none.yaml", ALL) == ["there is no report"]
    assert shortcomings(SUITE, good, ALL[1:]) == ["23 of 24 tests came to an end"]
    for word in ("FAIL", "SKIP"):
        assert shortcomings(SUITE, good, [dataclasses.replace(ALL[0], word=word), *ALL[1:]]) == [f"Test0: {word}"]


def test_output_is_read():
    assert begun("=== RUN   TestConformanceProfiles/CNPAdminTierGress") == "CNPAdminTierGress"
    assert begun("=== RUN   TestConformanceProfiles/CNPAdminTierGress/Should_support") is None
    assert begun("=== RUN   TestConformanceProfiles") is None
    line = "    --- FAIL: TestConformanceProfiles/CNPAdminTierGress (12.34s)"
    assert ended(line) == Ended("CNPAdminTierGress", "FAIL", 12.34)
    assert ended("        --- FAIL: TestConformanceProfiles/CNPAdminTierGress/Should_support (12.34s)") is None


def test_a_patient_suite_asks_twice_what_is_answered_as_expected():
    patient = dataclasses.replace(SUITE, patient=True)

    assert patient.probed(executed=2 * 289 + 18, repeated=18) == 289
    assert SUITE.probed(executed=271, repeated=0) == 271


def test_what_is_published_passed_and_the_page_says_what_it_says():
    reports = {suite.version: yaml.safe_load((PUBLISHED / suite.file).read_text()) for suite in SUITES}
    facts = yaml.safe_load((PUBLISHED / FACTS).read_text())

    for suite, known in zip(SUITES, facts, strict=True):
        tests = [Ended(test, "PASS", 0.0) for test in known["tests"]]
        assert shortcomings(suite, PUBLISHED / suite.file, tests) == known["wrong"] == []
        assert known["probes"] == suite.probes
        assert {profile.name for profile in profiles(reports[suite.version])} == set(suite.profiles)
    assert (PUBLISHED / "README.md").read_text() == summary(facts, reports, SUITES)
