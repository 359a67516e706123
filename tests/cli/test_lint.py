"""What `anp lint` answers, in all the forms that it has, and what it wants to know."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from anp.analysis.lint.catalogue import CATALOGUE, CLUSTER
from tests.cli.calling import DEMO, REPOSITORY, SAMPLES, call


@pytest.fixture
def lint(tmp_path):
    """Lint the examples of some codes, each in a file of its own, in the cluster of the catalogue."""

    def run(codes, *more, **options):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / "cluster.yaml").write_text(CLUSTER)
        for code in codes:
            (tmp_path / "in" / f"{code}.yaml").write_text(CATALOGUE[code].example)
        return call("lint", "-f", str(tmp_path / "in"), *more, **options)

    return run


@pytest.mark.parametrize("path", [DEMO, *map(str, sorted(SAMPLES.glob("*.yaml")))])
def test_there_is_no_false_alarm_on_our_own_manifests(path):
    answer = call("lint", "-f", path)

    assert (answer.code, answer.out) == (0, "nothing found\n")


def test_a_finding_names_place_object_code_other_rule_example_and_way_out(lint, tmp_path):
    answer = lint(["ANP101"])

    file = tmp_path / "in" / "ANP101.yaml"
    assert answer.code == 1
    assert answer.out.splitlines() == [
        (
            f"{file}:11:7: warning ANP101: ClusterNetworkPolicy shadowed: spec.ingress[1]: the Accept rule is never "
            "the first to match, whatever pods there are: the rule before it takes all that it matches"
        ),
        f"    takes it first, Deny: ClusterNetworkPolicy shadowed ingress[0] ({file}:9:7)",
        (
            "    for example 10.1.0.3 -> 10.1.0.2 tcp/80: denied by ClusterNetworkPolicy shadowed ingress[0], "
            "and not by this rule"
        ),
        "    move the rule before the one that shadows it, or remove it",
        "1 warning",
    ]


@pytest.mark.parametrize(
    ("code", "more", "exit_code"),
    [
        ("ANP101", (), 1),
        ("ANP101", ("--fail-on", "error"), 0),
        ("ANP101", ("--fail-on", "never"), 0),
        ("ANP101", ("--ignore", "ANP101"), 0),
        ("ANP101", ("--ignore", "ANP2"), 1),
        ("ANP101", ("--select", "ANP2"), 0),
        ("ANP101", ("--select", "ANP1", "--ignore", "ANP101"), 0),
        ("ANP105", ("--fail-on", "error"), 1),
        ("ANP106", (), 0),
        ("ANP106", ("--severity", "info"), 0),
        ("ANP106", ("--fail-on", "info"), 1),
    ],
)
def test_the_exit_code_says_whether_there_is_a_finding_to_fail_on(lint, code, more, exit_code):
    assert lint([code], *more).code == exit_code


def test_what_is_shown_is_chosen_by_severity_and_what_fails_is_shown(lint):
    assert "ANP106" not in lint(["ANP106"]).out
    assert "ANP106" in lint(["ANP106"], "--severity", "info").out
    assert "ANP106" in lint(["ANP106"], "--fail-on", "info").out
    assert "ANP101" not in lint(["ANP101"], "--severity", "error", "--fail-on", "error").out
    assert lint(["ANP101"], "--severity", "error", "--fail-on", "never").out == "nothing found\n"


def test_a_document_has_the_same_findings(lint):
    written = lint(["ANP101"], "-o", "json")
    report = json.loads(written.out)

    assert (report["kind"], report["version"], written.code) == ("LintReport", 1, 1)
    assert report["codes"] == list(CATALOGUE)
    assert report["counts"] == {"error": 0, "warning": 1, "info": 0}
    (found,) = report["findings"]
    assert found["code"] == "ANP101"
    assert found["lasting"]
    assert Path(found["file"]).name == "ANP101.yaml"
    assert found["witness"]["direction"] == "ingress"
    assert yaml.safe_load(lint(["ANP101"], "-o", "yaml").out) == report


def test_sarif_has_rules_results_places_and_what_was_suppressed(lint, tmp_path):
    file = tmp_path / "out" / "lint.sarif"
    text = CATALOGUE["ANP101"].example.replace(
        "    - action: Accept", "    # anp-lint: ignore ANP101 so be it\n    - action: Accept"
    )

    lint(["ANP105"], "--sarif", str(file))
    (tmp_path / "in" / "ANP105.yaml").unlink()
    before = json.loads(file.read_text())
    (tmp_path / "in" / "kept.yaml").write_text(text)
    lint([], "--sarif", str(file))
    after = json.loads(file.read_text())

    (run,) = before["runs"]
    assert before["version"] == "2.1.0"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CATALOGUE)
    (result,) = (each for each in run["results"] if each["ruleId"] == "ANP105")
    assert rules[result["ruleIndex"]]["id"] == "ANP105"
    assert result["level"] == "error"
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == str(tmp_path / "in" / "ANP105.yaml")
    assert physical["region"] == {"startLine": 6, "startColumn": 3}
    assert len(result["relatedLocations"]) == 2
    (quiet,) = (each for each in after["runs"][0]["results"] if each["ruleId"] == "ANP101")
    assert quiet["suppressions"] == [{"kind": "inSource", "justification": "so be it"}]


def test_a_finding_is_the_same_to_a_code_host_when_lines_move(lint, tmp_path):
    file = tmp_path / "lint.sarif"
    prints = []
    for above in ("", "# more\n\n"):
        lint(["ANP101"])
        place = tmp_path / "in" / "ANP101.yaml"
        place.write_text(above + place.read_text())
        call("lint", "-f", str(tmp_path / "in"), "--sarif", str(file))
        results = json.loads(file.read_text())["runs"][0]["results"]
        prints.append([(each["ruleId"], each["partialFingerprints"]) for each in results])

    assert prints[0] == prints[1]


def test_junit_has_a_case_for_each_code(lint, tmp_path):
    file = tmp_path / "lint.xml"
    lint(["ANP101"], "--junit", str(file), "--ignore", "ANP6")

    top = ET.parse(file).getroot()
    cases = top.findall("./testsuite/testcase")
    assert [case.get("name", "").split()[0] for case in cases] == [c for c in CATALOGUE if not c.startswith("ANP6")]
    failed = [case for case in cases if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ["ANP101 shadowed-rule"]
    assert "ANP101.yaml:11:7" in (failed[0].find("failure").text or "")
    assert (top.get("tests"), top.get("failures")) == (str(len(cases)), "1")

    lint(["ANP101"], "--junit", str(file), "--fail-on", "error")
    assert ET.parse(file).getroot().get("failures") == "0"


def test_comments_count_on_standard_input_too():
    text = f"{CLUSTER}---\n{CATALOGUE['ANP601'].example}"

    answer = call("lint", "-f", "-", stdin=text)

    assert answer.code == 1
    assert "<stdin>:56:24: warning ANP601: comment: this suppresses ANP107 without a reason" in answer.out
    assert "ANP107:" not in answer.out
    assert answer.out.endswith("1 warning; 1 suppressed\n")


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_is_explained(code):
    answer = call("lint", "--explain", code)
    document = json.loads(call("lint", "--explain", code.lower(), "-o", "json").out)

    check = CATALOGUE[code]
    assert answer.code == 0
    assert answer.out.startswith(f"{code} {check.name} ({check.severity.label})\n{check.title}.\n")
    assert check.why in answer.out
    assert (document["kind"], document["example"]) == ("LintCheck", check.example)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name manifests with --file, or a running cluster with --live"),
        (("--explain", "ANP999"), "--explain ANP999: there is no such code; there are ANP101, "),
        (("-f", DEMO, "--select", "E501"), "--select E501: no code begins so; there are ANP101, "),
        (("-f", DEMO, "--ignore", ""), "--ignore : no code begins so"),
        (("-f", "nowhere"), "1 error in the manifests"),
        (("-f", DEMO, "--fail-on", "sometimes"), "'sometimes' is not one of"),
    ],
)
def test_a_call_that_makes_no_sense_says_so(arguments, said):
    answer = call("lint", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_report_that_cannot_be_written_is_not_a_pass(tmp_path):
    (tmp_path / "taken").write_text("")

    answer = call("lint", "-f", DEMO, "--sarif", str(tmp_path / "taken" / "lint.sarif"))

    assert answer.code == 3
    assert "cannot write" in answer.err


def test_names_that_users_wrote_do_nothing_to_a_terminal(lint, tmp_path):
    evil = CATALOGUE["ANP101"].example.replace("- action: Accept", '- name: "\\e[2J\\a"\n      action: Accept')
    lint([])
    (tmp_path / "in" / "evil\x1b[2J.yaml").write_text(evil)
    reports = (tmp_path / "lint.sarif", tmp_path / "lint.xml")

    answer = lint([], "--sarif", str(reports[0]), "--junit", str(reports[1]))

    assert "ANP101" in answer.out
    for text in (answer.out, *(report.read_text() for report in reports)):
        assert "\x1b" not in text
        assert "\x07" not in text
    ET.parse(reports[1])


def described(kind):
    """The fields that the reference describes for a kind of document."""
    text = (REPOSITORY / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def fields(value, path=""):
    """The fields of a document, as the reference writes them."""
    match value:
        case dict():
            return set().union(*(fields(below, f"{path}.{name}".lstrip(".")) for name, below in value.items()))
        case list():
            return {path}.union(*(fields(entry, f"{path}[]") - {f"{path}[]"} for entry in value))
        case _:
            return {path}


def test_every_field_of_the_documents_is_described(lint):
    report = json.loads(lint(["ANP101", "ANP202", "ANP601"], "--severity", "info", "-o", "json").out)
    check = json.loads(call("lint", "--explain", "ANP101", "-o", "json").out)
    quiet = json.loads(call("lint", "-f", "-", "-o", "json", stdin=f"{CLUSTER}---\n{CATALOGUE['ANP601'].example}").out)
    suppressed = {name.removeprefix("suppressed[].") for name in fields(quiet) if name.startswith("suppressed[].")}
    found = {name for name in fields(report) if not name.startswith("suppressed[].")}
    of_findings = {name.removeprefix("findings[].") for name in found if name.startswith("findings[].")}

    assert found | {"suppressed[].reason"} == described("LintReport")
    assert {"reason"} <= suppressed <= of_findings | {"reason"}
    assert fields(check) == described("LintCheck")
