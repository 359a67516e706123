"""What `anp test` answers about expectations that are kept next to policies."""

import json
import shutil
from xml.etree import ElementTree as ET

import pytest

from anp.conformance import judges
from anp.conformance.judges import Traced
from tests.cli.calling import DEMO, call

EXPECTED = """\
scenario: bank
about: The ledger is for payments alone
include: [../policies]
aliases: {ledger: bank/ledger, payments: bank/payments, web: shop/web}
steps:
- step: as it is
  expect:
  - traffic: tcp/5432
    picture: |2
                ledger
      payments  .
      web       X
- step: without the ledger's policy
  changes:
  - delete: NetworkPolicy bank/ledger-from-payments
  expect:
  - traffic: tcp/5432
    picture: |2
                ledger
      payments  .
      web       {}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    shutil.copytree(DEMO, tmp_path / "policies")
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {}\n"
    (tmp_path / "policies" / "90-others.yaml").write_text(deployment, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def expect(place, text=EXPECTED, last="X"):
    (place / "tests" / "bank.yaml").write_text(text.replace("{}", last), encoding="utf-8")


def test_what_is_as_expected_passes_and_no_manifest_is_repeated(place):
    expect(place)

    answer = call("test", "tests/bank.yaml")

    assert (answer.code, answer.err) == (0, ""), answer.out
    assert "the meaning, rulesets traced: 4 of 4 probes passed" in answer.out


def test_what_is_not_as_expected_is_told_with_the_rule_that_decides(place):
    expect(place, last=".")

    answer = call("test", "tests")

    assert answer.code == 1
    lines = [line.strip() for line in answer.out.splitlines()]
    at = lines.index('tests/bank, step "without the ledger\'s policy"')
    assert lines[at + 1].startswith("shop/web → bank/ledger tcp/5432 over IPv4 (10.244.")
    assert lines[at + 2] == "expected: gets through"
    assert lines[at + 3].startswith("happened: it was dropped")
    assert lines[at + 4] == "decided:  ClusterNetworkPolicy closed-bank ingress[1] 'other-namespaces'"
    assert "3 of 4 probes passed" in answer.out


def test_a_document_and_junit_say_the_same(place):
    expect(place, last=".")

    found = json.loads(call("test", "tests", "--junit", "junit.xml", "-o", "json").out)

    assert (found["kind"], found["version"], found["passed"]) == ("Test", 1, False)
    assert found["judge"] == "meaning and traced"
    (failure, other) = found["tests"][0]["failures"]
    assert (failure["from"], failure["expected"], failure["happened"]) == ("shop/web", "accepted", "denied")
    assert (failure["family"], other["family"]) == (4, 6)
    case = ET.parse(place / "junit.xml").getroot().find(".//testcase")
    assert case.get("name") == "bank"
    assert "shop/web → bank/ledger" in case.find("failure").text


def test_whoever_sees_something_else_is_heard(place, monkeypatch):
    expect(place)
    answered = Traced.answer

    def wrong(self, paths):
        return [judges.Answer(through=not answer.through, seen="a bug") for answer in answered(self, paths)]

    monkeypatch.setattr(Traced, "answer", wrong)

    assert call("test", "tests").code == 1


@pytest.mark.kernel
def test_with_the_lab_packets_are_asked_as_well(place):
    expect(place)

    answer = call("test", "tests", "--lab", "-o", "json")

    assert answer.code == 0, answer.err + answer.out
    assert json.loads(answer.out)["judge"] == "meaning and traced and packets"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenario: x\n", "'about' is missing"),
        ("scenario: x\nabout: y\n", "nothing is expected in these files"),
        (EXPECTED.replace("../policies", "../nowhere"), "cannot read it: No such file or directory"),
        (EXPECTED.replace("bank/ledger,", "bank/lodger,"), "bank/lodger has no IPv4 address"),
        (EXPECTED.replace("[../policies]", "[../policies, wrong.yaml]"), "wrong.yaml"),
        ("\x00", "bank.yaml"),
    ],
)
def test_files_that_make_no_sense_are_told(place, text, said):
    (place / "tests" / "wrong.txt").write_text("", encoding="utf-8")
    expect(place, text)

    answer = call("test", "tests/bank.yaml")

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_kind_that_is_misspelt_in_an_include_is_not_passed_over(place):
    expect(place)
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicies\nmetadata: {name: x, namespace: bank}\nspec: {}\n"
    (place / "policies" / "95-wrong.yaml").write_text(policy, encoding="utf-8")

    answer = call("test", "tests")

    assert answer.code == 2
    assert "NetworkPolicies" in answer.err


def test_what_is_not_there_is_told(place):
    assert "there are no files in tests" in call("test", "tests").err
    assert call("test", "nowhere.yaml").code == 2
    assert call("test").code == 2
