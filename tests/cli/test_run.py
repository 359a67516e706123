"""Following files in a real process, in a network namespace of its own: what is in force, when, and for how long."""

import itertools
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.cli.calling import SMALL, call, running

pytestmark = pytest.mark.kernel

PATIENCE = 90
"""Seconds after which nothing will come any more, however busy the machine is."""

POLICY = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: {name}}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: shop, labels: {app: web}}
spec:
  nodeName: left
  containers: [{name: web, ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9100}]}]
status: {podIPs: [{ip: 10.0.1.9}, {ip: "fd00:1::9"}]}
"""


def policy(name):
    return POLICY.replace("{name}", name, 1)


@pytest.fixture
def directory(tmp_path):
    """The small cluster and a policy called first, as files that can be edited."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "cluster.yaml").write_text(Path(SMALL).read_text(encoding="utf-8"))
    (folder / "first.yaml").write_text(policy("first"))
    return folder


def write(path, text):
    """Put a text in a file's place at once: whoever looks meanwhile sees the old one or the new one."""
    draft = path.parent.parent / "draft"
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


class Run:
    """A running `anp run -o json`, and what it has said so far.

    Each stream has a reader of its own, so nothing is known of the order of what they bring; and files may be looked at
    more often than they change. So wait for what is to be said, rather than count what was.
    """

    def __init__(self, process):
        self.process = process
        self.reports = []
        self.told = []
        self._readers = [
            threading.Thread(
                target=self._read, args=(process.stdout, lambda line: self.reports.append(json.loads(line)))
            ),
            threading.Thread(target=self._read, args=(process.stderr, lambda line: self.told.append(line.rstrip()))),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, keep):
        for line in stream:
            keep(line)

    @property
    def written(self):
        """The reports of all that was brought into force by writing something."""
        return [report for report in self.reports if report["inForce"] and report["written"]["operations"]]

    def end(self, number):
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        for reader in self._readers:
            reader.join()
        return code


@pytest.fixture
def start(network, directory):
    """Start `anp run` on the directory; it ends with the test."""
    runs = []

    def begin(*more, file=None):
        context = running("run", "-f", str(file or directory), "--node", "left", "-o", "json", *more, network=network)
        run = Run(context.__enter__())
        runs.append((context, run))
        return run

    yield begin
    for context, run in runs:
        run.process.kill()
        run.process.wait()
        for reader in run._readers:
            reader.join()
        print(*run.told, sep="\n")  # noqa: T201 - shown where the test failed: whatever it died of
        context.__exit__(None, None, None)


def eventually(condition, seconds=PATIENCE):
    """Wait until it holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def rules(nft):
    """Say what is installed, without handles and counts; nothing if there is no table of ours."""

    def listed():
        return nft("-s", "list", "table", "inet", "anp") if "inet anp" in nft("list", "tables") else ""

    return listed


def test_the_first_state_is_in_force_and_every_edit_is(start, directory, rules):
    run = start()
    eventually(lambda: "Admin.first.i.0.deny" in rules())
    eventually(lambda: run.reports)
    assert run.reports[0]["kind"] == "Report"
    assert (run.reports[0]["version"], run.reports[0]["node"], run.reports[0]["generation"]) == (1, "left", 1)

    for name in ("second", "third", "fourth"):
        # As it comes, since editors do not all replace files: for a moment this one is empty.
        (directory / "first.yaml").write_text(policy(name))
        eventually(lambda name=name: f"Admin.{name}.i.0.deny" in rules())
        assert "first" not in rules()


def test_an_editor_that_replaces_files_is_followed_too(start, directory, rules):
    start()
    eventually(lambda: "Admin.first" in rules())

    (directory / ".first.yaml.swp").write_text(policy("other"))
    (directory / ".first.yaml.swp").rename(directory / "first.yaml")

    eventually(lambda: "Admin.other" in rules())


def test_a_broken_file_leaves_the_last_good_state_and_is_told_with_file_and_line(start, directory, rules):
    run = start()
    eventually(lambda: "Admin.first" in rules())
    before = rules()

    write(directory / "first.yaml", policy("second").replace("priority: 5", "priority: many"))

    eventually(lambda: len(run.told) > 1)
    note, mistake = sorted(run.told)
    assert note.endswith("until they are gone, what it said before stays in force")
    assert mistake.startswith(f"{directory}/first.yaml:6:3: error: ClusterNetworkPolicy second: spec.priority: ")
    eventually(lambda: any(found["line"] == 6 for report in run.reports for found in report["diagnostics"]))
    assert rules() == before
    write(directory / "pod.yaml", POD)
    eventually(lambda: "10.0.1.9" in rules())
    assert "Admin.first" in rules()
    write(directory / "first.yaml", policy("second"))
    eventually(lambda: "Admin.second" in rules() and "Admin.first" not in rules())


def test_a_deleted_file_takes_its_policies_along(start, directory, rules):
    start()
    eventually(lambda: "Admin.first" in rules())

    (directory / "first.yaml").unlink()

    eventually(lambda: "Admin.first" not in rules())
    assert "Admin.metrics" in rules()


def test_a_directory_that_goes_away_takes_nothing_along(start, directory, rules):
    run = start()
    eventually(lambda: "Admin.first" in rules())
    before = rules()

    directory.rename(directory.with_name("elsewhere"))

    eventually(
        lambda: any(f"{directory}: error: cannot read it: No such file or directory" in line for line in run.told)
    )
    assert rules() == before
    directory.with_name("elsewhere").rename(directory)
    write(directory / "first.yaml", policy("back"))
    eventually(lambda: "Admin.back" in rules())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_when_it_ends_the_rules_stay_and_the_next_one_writes_nothing(number, start, rules, nft):
    run = start()
    eventually(lambda: run.reports)
    before = nft("-a", "-s", "list", "ruleset")

    assert run.end(number) == 0

    assert run.told == ["stopped; the rules stay in force (anp uninstall removes them)"]
    assert nft("-a", "-s", "list", "ruleset") == before
    again = start()
    eventually(lambda: again.reports)
    assert again.reports[0]["inForce"]
    assert set(again.reports[0]["written"].values()) == {0}
    assert nft("-a", "-s", "list", "ruleset") == before


def test_killed_at_any_moment_the_rules_are_those_of_one_state_or_the_other(start, directory, rules):
    run = start()
    eventually(lambda: run.reports)
    states = {}
    for name in ("first", "second"):
        write(directory / "first.yaml", policy(name))
        eventually(lambda name=name: f"Admin.{name}" in rules())
        states[name] = sorted(rules().splitlines())

    for name, pause in zip(itertools.cycle(("first", "second")), (0.05, 0.1, 0.15), strict=False):
        write(directory / "first.yaml", policy(name))
        time.sleep(pause)  # nothing is waited for: it is to be caught at whatever it does by then
        assert run.end(signal.SIGKILL) == -signal.SIGKILL
        assert sorted(rules().splitlines()) in states.values()
        run = start()
        eventually(lambda run=run: run.reports)
        assert sorted(rules().splitlines()) == states[name]


def test_a_table_that_somebody_deleted_comes_back_with_the_next_change(start, directory, rules, nft):
    run = start()
    eventually(lambda: run.reports)
    nft("delete", "table", "inet", "anp")

    write(directory / "first.yaml", policy("second"))

    eventually(lambda: "Admin.second" in rules())
    after = sorted(rules().splitlines())
    eventually(lambda: any(report["drifted"] for report in run.reports))
    nft("-f", "-", script=call("compile", "-f", str(directory), "--node", "left").out)
    assert sorted(rules().splitlines()) == after


def test_a_new_pod_is_at_most_two_elements_for_each_address(start, directory):
    run = start()
    eventually(lambda: run.reports)

    write(directory / "pod.yaml", POD)

    eventually(lambda: len(run.written) > 1)
    written = run.written[1]["written"]
    assert 0 < written.pop("elements_added") <= 2 * 2
    assert written.pop("operations") <= 4
    assert written.pop("bytes") > 0
    assert set(written.values()) == {0}


def test_files_with_errors_at_the_start_take_nothing_out_of_force(start, directory, rules):
    call_before = start()
    eventually(lambda: call_before.reports)
    call_before.end(signal.SIGTERM)
    before = rules()
    (directory / "first.yaml").write_text("kind: [\n")

    run = start()

    eventually(lambda: run.reports)
    assert not run.reports[0]["inForce"]
    assert run.reports[0]["error"] == "the files have errors, and what they said before this started is not known"
    eventually(lambda: f"error: {run.reports[0]['error']}; what was in force stays in force" in run.told)
    assert rules() == before
    write(directory / "first.yaml", policy("mended"))
    eventually(lambda: "Admin.mended" in rules())


def test_files_with_errors_at_the_start_of_all_are_enforced_as_far_as_they_go(start, directory, rules):
    (directory / "first.yaml").write_text("kind: [\n")

    run = start()

    eventually(lambda: run.reports)
    assert run.reports[0]["inForce"]
    assert "Admin.metrics" in rules()
    write(directory / "second.yaml", policy("second"))
    eventually(lambda: "Admin.second" in rules())


def test_a_node_or_an_address_that_is_not_there_is_told_once(start, directory):
    (directory / "pod.yaml").write_text(POD.partition("status:")[0])
    run = start()
    eventually(lambda: run.reports)
    write(directory / "first.yaml", policy("second"))
    eventually(lambda: len(run.written) > 1)
    # The pod first: while it is there, its node is known without the other file, and more would be told.
    (directory / "pod.yaml").unlink()
    (directory / "cluster.yaml").unlink()
    eventually(lambda: len(run.told) > 1)

    assert run.told == [
        "warning: pod shop/web-2 has no address yet, so nothing is enforced on it",
        "warning: there is no node 'left', so nothing is enforced here; the manifests have none",
    ]


def test_people_get_a_line_for_each_generation(network, directory, rules):
    with running("run", "-f", str(directory), "--node", "left", network=network) as process:
        first = process.stdout.readline()
        write(directory / "first.yaml", policy("second"))
        second = process.stdout.readline()

    assert re.fullmatch(r"generation 1: \d+ elements added, \d+ chains added in \d+ ms\n", first)
    assert re.fullmatch(r"generation 2: .*\d+ chains removed in \d+ ms\n", second)


def test_one_file_can_be_followed_and_standard_input_cannot(start, directory, rules):
    start(file=directory / "cluster.yaml")
    eventually(lambda: "Admin.metrics" in rules())
    text = (directory / "cluster.yaml").read_text()
    write(directory / "cluster.yaml", text.replace("{name: metrics}", "{name: numbers}"))
    eventually(lambda: "Admin.numbers" in rules())

    answer = call("run", "-f", "-")

    assert answer.code == 2
    assert answer.told == ["error: standard input cannot be followed: name a directory or a file, or use `anp apply`"]


def test_a_reader_that_goes_away_ends_it(network, directory):
    reading, writing = os.pipe()
    with running("run", "-f", str(directory), "--node", "left", network=network, stdout=writing) as process:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        write(directory / "first.yaml", policy("second"))
        code = process.wait(timeout=PATIENCE)
        told = process.stderr.read()

    assert code == 141
    assert "Traceback" not in told
