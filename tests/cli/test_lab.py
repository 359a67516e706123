"""`anp lab run`: with and without rights, side by side, interrupted, and where kernel and meaning differ."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from anp.cli import lab
from anp.lab.topology import NodePlace
from anp.lab.trial import Trial
from anp.state.cluster import read_cluster
from enforcer.kernel import KernelDataplane
from tests.cli.calling import DEMO, SMALL, call, environment, running

pytestmark = pytest.mark.kernel

LAB = ("lab", "run", "-f", SMALL, "--timeout", "0.2")


def test_the_table_shows_who_got_through():
    answer = call(*LAB)

    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert answer.code == 0
    assert lines[:4] == ["Columns are sources:", "1 ops/scraper", "2 shop/db", "3 shop/web"]
    assert lines[5:9] == [
        "to port 1 2 3",
        "shop/db tcp/5432 X - .",
        "shop/web tcp/8080 . . -",
        "shop/web tcp/9100 . X -",
    ]
    assert re.fullmatch(r"12 of 12 connections as meant \(3 pods on 2 nodes, \d+\.\d s\)", lines[-1])


def test_a_document_says_the_same():
    document = json.loads(call(*LAB, "-o", "json").out)

    assert (document["kind"], document["version"]) == ("LabRun", 1)
    assert (document["pods"], document["nodes"], document["probes"], document["asMeant"]) == (3, 2, 12, 12)
    denied = {(f["from"], f["to"], f["port"]) for f in document["findings"] if f["meant"] == "denied"}
    assert denied == {("ops/scraper", "shop/db", 5432), ("shop/db", "shop/web", 9100)}
    assert all(finding["agrees"] for finding in document["findings"])
    assert {finding["observed"] for finding in document["findings"]} == {"connected", "timeout"}


def test_the_demo_is_as_meant():
    answer = call("lab", "run", "-f", DEMO, "--timeout", "0.3", "-o", "json")

    assert answer.code == 0
    assert json.loads(answer.out)["asMeant"] == json.loads(answer.out)["probes"] > 200


@pytest.mark.parametrize("output", ["text", "json"])
def test_where_kernel_and_meaning_differ_it_says_so_and_the_answer_is_no(output, monkeypatch):
    honest = Trial.enforce

    def sabotaged(trial, *arguments, **options):
        """One node lets everything through, the other nothing."""
        honest(trial, *arguments, **options)
        for node, script in (
            ("left", "flush chain inet anp forward"),
            ("right", "insert rule inet anp forward ip daddr 10.0.2.2 tcp dport 5432 drop"),
        ):
            with trial.lab.call(NodePlace(node), KernelDataplane) as dataplane:
                dataplane.run_script(script)

    monkeypatch.setattr(Trial, "enforce", sabotaged)

    answer = call(*LAB, "-o", output)

    assert answer.code == 1
    if output == "json":
        wrong = [finding for finding in json.loads(answer.out)["findings"] if not finding["agrees"]]
        assert {(f["from"], f["to"], f["port"], f["observed"]) for f in wrong} == {
            ("shop/db", "shop/web", 9100, "connected"),
            ("shop/web", "shop/db", 5432, "timeout"),
        }
        return
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "shop/web tcp/9100 . ? -" in lines
    assert "shop/db tcp/5432 X - *" in lines
    assert "meant: is dropped (ClusterNetworkPolicy metrics ingress[1] 'nobody else; \"drop\" {them}')" in lines
    assert "! should get through and does not ? should be dropped and is not" in lines
    assert "compiled: let through everywhere" in lines
    assert lines[-1].startswith("9 of 12 connections as meant")


def test_a_report_ends_with_the_answer_whatever_was_seen(capsys):
    cluster = read_cluster(SMALL, invent=True)
    with Trial(cluster.snapshot, cluster.serves) as trial:
        lab.report(trial, [], 0.0, lab.Output.TEXT)  # nothing was tried: nothing was different

    said = capsys.readouterr()
    assert said.out == "0 of 0 connections as meant (3 pods on 2 nodes, 0.0 s)\n"
    assert said.err == "warning: there is nothing to try: it takes two pods, one of which declares a containerPort\n"


def test_a_cluster_that_cannot_be_is_bad_input():
    pods = Path(SMALL).read_text(encoding="utf-8").replace("{podIPs: [{ip: 10.0.2.2}", "{podIPs: [{ip: 192.0.2.1}")

    answer = call("lab", "run", "-f", "-", stdin=pods)

    assert answer.code == 2
    assert answer.out == ""
    found, summary = answer.told
    assert found.startswith(
        "<stdin>:34:10: error: Pod shop/db: status.podIPs: the address 192.0.2.1 belongs to node left"
    )
    assert summary == "error: 1 error in the manifests; nothing was done"


# Rights.

# The interpreter may lie where only root looks, so everything is read before the rights are given up.
AS_NOBODY = """
import ctypes, os, sys
import anp.cli.lab, encodings.ascii, encodings.unicode_escape, encodings.utf_8_sig
from anp.cli.main import main
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
# As if nobody had started it: whoever gives up root loses the say over its own /proc files.
assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0
main()
"""


def as_nobody(*arguments, network=None, program=AS_NOBODY):
    text = Path(SMALL).read_text(encoding="utf-8")
    command = [sys.executable, "-c", program, *arguments]

    def run():
        return subprocess.run(
            command, input=text, capture_output=True, check=False, text=True, env=environment(), timeout=60
        )

    return network.call(run) if network else run()


def test_nobody_in_particular_may_have_a_lab(network):
    done = as_nobody("lab", "run", "-f", "-", "--timeout", "0.3", "-o", "json", network=network)

    if done.returncode == 3 and "no right to make network namespaces, nor a user namespace" in done.stderr:
        pytest.skip(f"the kernel forbids it: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["asMeant"] == 12


def test_where_the_kernel_forbids_it_the_message_says_what_would_help(network):
    # With user namespaces of our own limited to none, as on a machine that forbids them.
    forbidding = (
        AS_NOBODY.replace(
            "os.setgroups([])",
            "from enforcer.syscalls import NEW_USER, unshare; unshare(NEW_USER)\n"
            "open('/proc/self/setgroups', 'w').write('deny')\n"
            "open('/proc/self/uid_map', 'w').write('65534 0 1'); open('/proc/self/gid_map', 'w').write('65534 0 1')\n"
            "open('/proc/sys/user/max_user_namespaces', 'w').write('0')",
        )
        .replace("os.setresgid(65534, 65534, 65534)\n", "")
        .replace(
            "os.setresuid(65534, 65534, 65534)",
            "libc = ctypes.CDLL(None)\n"
            "[libc.prctl(24, capability, 0, 0, 0) for capability in range(41)]\n"
            "header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()\n"
            "assert libc.capset(header, data) == 0",
        )
    )

    done = as_nobody("lab", "run", "-f", "-", network=network, program=forbidding)

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "no right to make network namespaces, nor a user namespace" in done.stderr
    assert "user.max_user_namespaces" in done.stderr


# Side by side, and in the middle.


def test_two_at_once_do_not_meet(network):
    """Both in one namespace, with the same names and addresses."""
    with ExitStack() as stack:
        both = [stack.enter_context(running(*LAB, "-o", "json", network=network)) for _ in range(2)]
        outs = [process.communicate(timeout=60)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert [json.loads(out)["asMeant"] for out in outs] == [12, 12]


def eventually(condition, seconds=60):
    """Wait until it holds; that long is long enough however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def links(network):
    done = network.call(lambda: subprocess.run(["ip", "-o", "link"], capture_output=True, check=True, text=True))
    return done.stdout


def namespaces_of(pid):
    """The network namespaces that a process holds open or has threads in."""
    found = set()
    for place in (*Path(f"/proc/{pid}/fd").iterdir(), *Path(f"/proc/{pid}/task").glob("*/ns/net")):
        try:
            target = str(place.readlink())
        except OSError:
            continue
        if target.startswith("net:"):
            found.add(target)
    return found


def mounted_namespaces():
    """The namespaces that something in the file system keeps alive."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - nsfs " in line]


def members(session):
    """The processes of a session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(status.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_killed_in_the_middle_it_leaves_nothing(number, network, nft, tmp_path):
    before, names = links(network), mounted_namespaces()
    with running("lab", "run", "-f", DEMO, "--timeout", "20", network=network, start_new_session=True) as process:
        eventually(lambda: len(namespaces_of(process.pid)) >= 12)
        held = namespaces_of(process.pid)
        process.send_signal(number)
        code = process.wait(timeout=60)
        told = process.stderr.read()

    assert len(held) >= 12
    assert "Traceback" not in told
    assert code == (130 if number is signal.SIGINT else -number)
    # A namespace without a name lives as long as a process holds it.
    eventually(lambda: members(process.pid) == [])
    eventually(lambda: mounted_namespaces() == names)
    assert links(network) == before
    assert nft("list", "ruleset") == ""


def test_nothing_around_it_is_touched(network, nft):
    nft("-f", "-", script="add table inet anp\nadd chain inet anp forward { type filter hook forward priority 0; }\n")
    before = nft("-a", "list", "ruleset"), links(network)

    assert call(*LAB, network=network).code == 0

    assert (nft("-a", "list", "ruleset"), links(network)) == before
