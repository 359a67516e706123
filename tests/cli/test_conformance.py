"""`anp conformance`: what it runs, what it says of failures, and how it ends."""

import json
import re
import signal
import subprocess
import time
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.cli.calling import COMMAND, REPOSITORY, call, environment, running
from tests.cli.test_lab import members, mounted_namespaces, namespaces_of
from tests.cli.test_results import on_a_terminal

TCP = REPOSITORY / "testdata" / "scenarios" / "cluster-network-policy" / "06-admin-tier-egress-tcp.yaml"
FROM, TO = (
    "network-policy-conformance-gryffindor/harry-potter-0",
    "network-policy-conformance-slytherin/draco-malfoy-0",
)
MEANING = ("conformance", "--judge", "meaning")
TRACED = ("conformance", "--judge", "traced")


@pytest.fixture
def write(tmp_path):
    """Write scenarios into suites of a directory of its own, and return the directory."""
    root = tmp_path / "scenarios"
    root.mkdir()
    (root / "houses.yaml").write_text((TCP.parent.parent / "houses.yaml").read_text())

    def into(place, text):
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text(text)
        return str(root)

    return into


@pytest.fixture
def wrong(write):
    """A suite in which one scenario of two expects what its policies do not say."""
    write("mine/right.yaml", TCP.read_text())
    return write("mine/wrong.yaml", planted(TCP.read_text()))


def planted(text):
    """Expect in step 4 that a denied probe gets through, and call the test wrong."""
    before, step, after = text.partition("- step: '4: nothing new'")
    assert "hp0  X" in after
    return before.replace("CNPAdminTierEgressTCP", "wrong") + step + after.replace("hp0  X", "hp0  .", 1)


# What passes.


def test_the_totals_are_upstreams():
    answer = call(*TRACED, "--suite", "cluster-network-policy", "--suite", "admin-network-policy")

    assert answer.code == 0
    first, second = answer.out.splitlines()[-3:-1]
    assert first == "cluster-network-policy 301/301  admin-network-policy 289/289"
    assert re.fullmatch(
        r"rulesets traced, no packets over IPv4 and IPv6: 590 of 590 probes passed, in \d+\.\d s", second
    )


def test_networkpolicy_counts_scenarios_and_says_its_probes():
    lines = call(*MEANING, "--suite", "network-policy", "--family", "4").out.splitlines()

    assert lines[-3] == "network-policy 48/48"
    assert lines[-2].startswith("the meaning, no packets over IPv4: 584 of 584 probes passed")
    assert lines[-1] == "  network-policy counts tests; its probes: 584/584"


def test_there_is_a_line_for_each_test_where_nobody_watches():
    answer = call(*MEANING, "--suite", "cluster-network-policy", "--test", "*TierEgressTCP")

    assert [re.sub(r"\d+\.\d s", "0 s", line) for line in answer.told] == [
        "passed  cluster-network-policy/CNPAdminTierEgressTCP 12/12 0 s",
        "passed  cluster-network-policy/CNPBaselineTierEgressTCP 8/8 0 s",
    ]
    rows = [line.split()[:2] for line in answer.out.splitlines()[1:3]]
    assert rows == [
        ["cluster-network-policy/CNPAdminTierEgressTCP", "12/12"],
        ["cluster-network-policy/CNPBaselineTierEgressTCP", "8/8"],
    ]


def test_on_a_terminal_one_line_is_rewritten(wrong):
    text = on_a_terminal(*MEANING, "--scenarios", wrong)

    assert "\r\x1b[K1/2  mine/CNPAdminTierEgressTCP\r\x1b[K" in text
    assert "\r\x1b[K2/2, 1 failed  mine/wrong\r\x1b[K" in text
    assert "\x1b[1;31mmine 1/2\x1b[0m" in text


def test_a_dumb_terminal_gets_lines_and_no_colours(wrong):
    assert "\x1b" not in on_a_terminal(*MEANING, "--scenarios", wrong, TERM="dumb")


# What is chosen.


def listed(*arguments):
    document = json.loads(call("conformance", "--list", "-o", "json", *arguments).out)
    assert (document["kind"], document["version"]) == ("ConformanceTests", 1)
    return {(found["suite"], found["test"]): found["probes"] for found in document["tests"]}


def test_everything_is_listed_without_running_it():
    found = listed()

    assert sum(probes for (suite, _test), probes in found.items() if suite == "cluster-network-policy") == 301
    assert sum(probes for (suite, _test), probes in found.items() if suite == "admin-network-policy") == 289
    assert sum(suite == "network-policy" for suite, _test in found) == 48
    assert listed("--suite", "all") == found


def test_features_tests_steps_and_families_narrow_the_choice():
    suite = ("--suite", "cluster-network-policy")

    assert set(listed(*suite, "--feature", "ClusterNetworkPolicyEgressNodePeers")) == {
        ("cluster-network-policy", "CNPAdminTierEgressNodePeers"),
        ("cluster-network-policy", "CNPBaselineTierEgressNodePeers"),
    }
    assert listed(*suite, "--test", "CNPAdminTierEgressTCP", "--step", "[14]:*") == {
        ("cluster-network-policy", "CNPAdminTierEgressTCP"): 4
    }


def test_all_changes_are_made_though_only_one_step_is_asked(write):
    closed = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "x"},
        "spec": {"podSelector": {}},
    }
    asked = {"traffic": "tcp/80", "picture": "       x/a\n9.9.9.9  X"}
    steps = [{"step": "1: closed", "changes": [{"apply": closed}]}, {"step": "2: asked", "expect": [asked]}]
    text = yaml.safe_dump({"scenario": "s", "about": "a", "objects": [POD], "steps": steps})

    answer = call(*MEANING, "--scenarios", write("mine/s.yaml", text), "--step", "2:*", "--family", "4", "-o", "json")

    (test,) = json.loads(answer.out)["tests"]
    assert (answer.code, test["probes"], test["probesPassed"]) == (0, 1, 1)


# What fails.


def test_a_wrong_expectation_is_told_with_the_rule_that_decides(wrong):
    answer = call(*TRACED, "--scenarios", wrong, "--family", "6")

    lines = answer.out.splitlines()
    assert answer.code == 1
    assert lines[1].split()[:2] == ["mine/CNPAdminTierEgressTCP", "12/12"]
    assert lines[2].split()[:3] == ["mine/wrong", "11/12", "FAILED"]
    told = "\n".join(lines[4:10])
    assert re.fullmatch(
        "mine/wrong, step '4: nothing new'\n"
        f"  {FROM} → {TO} tcp/80 over IPv6 \\(fd00:\\S+ → fd00:\\S+\\)\n"
        "    expected: gets through\n"
        "    happened: it was dropped \\(traced\\)\n"
        "    decided:  ClusterNetworkPolicy egress-tcp egress\\[3\\]\n"
        "    compiled: dropped on node-\\d by rule-\\w+-Admin\\.egress-tcp\\.e\\.3\\.deny",
        told,
    )
    assert "mine 1/2" in lines


def test_documents_reports_and_junit_say_the_same(wrong, tmp_path):
    paths = tmp_path / "not" / "there" / "report.yaml", tmp_path / "junit.xml"

    answer = call(*TRACED, "--scenarios", wrong, "--junit", str(paths[1]), "-o", "json")

    document = json.loads(answer.out)
    good, bad = document["tests"]
    junit = ET.parse(paths[1])
    assert (document["kind"], document["version"], document["passed"]) == ("Conformance", 1, False)
    assert document["suites"][0]["probesPassed"] == document["suites"][0]["probes"] - 1 == 23
    assert (good["passed"], good["failures"]) == (True, [])
    assert [(f["family"], f["from"], f["to"], f["expected"], f["happened"]) for f in bad["failures"]] == [
        (4, FROM, TO, "accepted", "denied"),
        (6, FROM, TO, "accepted", "denied"),
    ]
    assert [case.get("name") for case in junit.findall(".//testcase[failure]")] == ["wrong"]
    assert bad["failures"][0]["compiled"] in junit.find(".//failure").text


def test_upstreams_report_is_written(tmp_path):
    path = tmp_path / "new" / "report.yaml"
    config = tmp_path / "anp.yaml"
    config.write_text("conformance: {organization: here, contact: 'a@example.org, b@example.org'}")

    answer = call(
        "--config", str(config), *MEANING, "--suite", "all", "--test", "*Egress*", "--report", str(path), "--url", "u:v"
    )

    new, old = yaml.safe_load_all(path.read_text())
    assert answer.code == 0
    assert new["implementation"]["contact"] == ["a@example.org", "b@example.org"]
    assert (new["implementation"]["organization"], new["implementation"]["url"]) == ("here", "u:v")
    assert "no packets" in new["implementation"]["additionalInformation"]
    assert [profile["name"] for profile in old["profiles"]] == ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"]
    assert new["profiles"][0]["standard"]["statistics"] == {"Passed": 8, "Skipped": 10, "Failed": 0}
    assert new["profiles"][0]["standard"]["result"] == "partial"


def test_an_object_that_should_be_refused_and_is_sound_is_a_failure(write):
    scenario = {
        "scenario": "s",
        "about": "a",
        "objects": [POD],
        "steps": [{"step": "1", "expect": [{"traffic": "tcp/80", "picture": "  x/a\nx/a ."}]}, REFUSE],
    }

    answer = call(*MEANING, "--scenarios", write("mine/s.yaml", yaml.safe_dump(scenario)))

    assert answer.code == 1
    assert "mine/s: it could not be run to its end: Pod x a was to be refused, and is sound" in answer.out


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "x"}}
REFUSE = {"step": "2", "changes": [{"refuse": POD}]}


# What makes no sense.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--suite", "nope"), "error: there is no suite 'nope'; there are all, cluster-network-policy, "),
        (("--feature", "Nope"), "error: no test is about the feature 'Nope'; there are "),
        (("--test", "Nope"), "error: no test of the chosen suites and features matches 'Nope'"),
        (("--step", "nope"), "error: no step of the chosen tests matches 'nope'"),
        (("--scenarios", "/nope"), "error: there is no directory /nope"),
        (("--suite", "corners", "--report", "/dev/null"), "error: --report is about the suites cluster-network-policy"),
        (("--judge", "packets", "--test", "*/readdressed-nodes"), "error: nothing would be asked; the lab cannot do"),
    ],
    ids=str,
)
def test_what_is_not_there_is_bad_input(arguments, said):
    answer = call(*MEANING, *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert answer.told[-1].startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{scenario: s}", "wrong.yaml: 'about' is missing"),
        ("{scenario: s, about: a, stpes: []}", "'stpes'"),
        (
            "{scenario: s, about: a, steps: [{step: '1', changes: [{delete: Pod x/a}]}]}",
            "step '1': there is no Pod x/a to delete",
        ),
        ("{scenario: s, about: '\\u001b[2J', stpes: []}", "'stpes'"),
    ],
)
def test_a_mistake_in_a_scenario_is_told_before_anything_is_run(write, tmp_path, text, said):
    directory = write("mine/wrong.yaml", text)

    answer = call("conformance", "--scenarios", directory, "--junit", str(tmp_path / "junit.xml"))

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert not (tmp_path / "junit.xml").exists()


def test_a_file_that_cannot_be_written_is_told_before_anything_is_run(tmp_path):
    answer = call(*MEANING, "--suite", "network-policy", "--junit", str(tmp_path))

    assert (answer.code, answer.out) == (3, "")
    assert answer.err == f"error: cannot write {tmp_path}: Is a directory\n"


def test_without_the_sources_it_says_how_to_get_the_scenarios(tmp_path, monkeypatch):
    monkeypatch.setattr("anp.__file__", str(tmp_path / "anp" / "__init__.py"))

    answer = call(*MEANING)

    assert answer.code == 2
    assert "the scenarios are not part of the installed package" in answer.err
    assert "--scenarios" in answer.err


# With real packets.

SMALL = ("conformance", "--timeout", "0.2", "--suite", "cluster-network-policy")


@pytest.mark.kernel
@pytest.mark.parametrize("workers", ["1", "2"])
def test_real_packets_pass_whoever_sends_them(workers):
    answer = call(*SMALL, "--test", "*TierEgressUDP", "--workers", workers)

    first, second = answer.out.splitlines()[-3:-1]
    assert answer.code == 0, answer.out
    assert first == "cluster-network-policy 20/20"
    assert second.startswith("real packets over IPv4 and IPv6: 20 of 20 probes passed")


@pytest.mark.kernel
def test_real_packets_that_go_elsewhere_are_told_with_their_chain(wrong):
    answer = call("conformance", "--timeout", "0.2", "--scenarios", wrong, "--test", "wrong", "--family", "4")

    assert answer.code == 1
    assert "happened: it was dropped (timeout after " in answer.out
    assert re.search(r"compiled: dropped on node-\d by rule-\w+-Admin\.egress-tcp\.e\.3\.deny\n", answer.out)
    assert answer.out.splitlines()[-3] == "mine 0/1"


@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_ended_in_the_middle_it_leaves_nothing(number, network):
    names = mounted_namespaces()
    with running(
        *SMALL[:1], "--timeout", "20", "--test", "*TierGress", network=network, start_new_session=True
    ) as process:
        until(lambda: sum(len(namespaces_of(pid)) > 8 for pid in others(process)) == 2)
        process.send_signal(number)
        code = process.wait(timeout=60)
        told = process.stderr.read()  # to its end: until nobody is left who could write

    assert "Traceback" not in told
    assert code == (130 if number is signal.SIGINT else -number)
    until(lambda: members(process.pid) == [])
    assert mounted_namespaces() == names


def others(process):
    return [pid for pid in members(process.pid) if int(pid) != process.pid]


def until(true):
    """Wait for it; a machine may be very busy."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.kernel
def test_nobody_in_particular_may_have_labs_in_workers():
    """As a user without rights, who is root of a user namespace that the command makes for itself and its workers."""
    plain = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    command = [*plain, *COMMAND, *SMALL, "--test", "*TierEgressUDP", "--family", "4", "-o", "json"]

    done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment(), timeout=120)

    if done.returncode == 3 and "no right to make network namespaces, nor a user namespace" in done.stderr:
        pytest.skip(f"the kernel forbids it: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["suites"][0]["probesPassed"] == 20
