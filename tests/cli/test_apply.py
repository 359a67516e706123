"""Enforcing once, removing again, and what stays as it was."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.calling import SMALL, call

pytestmark = pytest.mark.kernel

APPLY = ("apply", "-f", SMALL, "--node", "left")
FOREIGN = """\
table inet somebody {
    chain forward { type filter hook forward priority 5; policy accept; tcp dport 22 accept; }
    map anp { type ipv4_addr : verdict; elements = { 10.0.1.2 : drop }; }
}
table ip anp {
    chain forward { accept; }
}
"""


@pytest.fixture
def anp(network):
    """Call a command in the test's network."""
    return lambda *arguments, **options: call(*arguments, network=network, **options)


def test_a_second_time_writes_nothing(anp, nft):
    first = anp(*APPLY)
    assert first.code == 0
    assert re.fullmatch(r"left: \d+ elements added, \d+ chains added\n", first.out)
    before = nft("-a", "-s", "list", "ruleset")

    second = anp(*APPLY)

    assert (second.code, second.out) == (0, "left: nothing to write, all is as it should be\n")
    assert nft("-a", "-s", "list", "ruleset") == before


def test_what_is_in_force_is_what_compile_prints(anp, nft, network):
    anp(*APPLY)
    applied = nft("-s", "list", "table", "inet", "anp")
    nft("-f", "-", script=anp("compile", "-f", SMALL, "--node", "left").out)

    loaded = nft("-s", "list", "table", "inet", "anp")

    assert sorted(loaded.splitlines()) == sorted(applied.splitlines())
    assert "nothing to write" in anp(*APPLY).out


@pytest.mark.parametrize("installed", [False, True])
def test_a_dry_run_prints_what_it_would_write_and_writes_nothing(anp, nft, installed):
    if installed:
        anp("apply", "-f", SMALL, "--node", "right")
    before = nft("-a", "-s", "list", "ruleset")

    answer = anp(*APPLY, "--dry-run")

    assert answer.code == 0
    assert nft("-a", "-s", "list", "ruleset") == before
    nft("-f", "-", script=answer.out)
    assert "nothing to write" in anp(*APPLY).out
    assert anp(*APPLY, "--dry-run").out == ""


def test_documents(anp):
    plan, applied, again, removed, none = (
        json.loads(anp(*command, "-o", "json").out)
        for command in ((*APPLY, "--dry-run"), APPLY, APPLY, ("uninstall",), ("uninstall",))
    )

    assert (plan["kind"], plan["version"], plan["node"]) == ("Plan", 1, "left")
    assert (applied["kind"], applied["version"], applied["node"]) == ("Applied", 1, "left")
    assert plan["writes"] == applied["written"]
    assert len(plan["script"]) == plan["writes"]["bytes"]
    assert set(again["written"].values()) == {0}
    assert removed == {"kind": "Uninstalled", "version": 1, "removed": True}
    assert none == {"kind": "Uninstalled", "version": 1, "removed": False}


def test_uninstalling_removes_our_table_and_no_other_and_can_be_repeated(anp, nft):
    nft("-f", "-", script=FOREIGN)
    before = nft("-a", "list", "ruleset")
    anp(*APPLY)

    first, second = anp("uninstall"), anp("uninstall")

    assert (first.code, first.out) == (0, "removed: policies are no longer enforced here\n")
    assert (second.code, second.out) == (0, "nothing of ours was installed\n")
    assert nft("-a", "list", "ruleset") == before


def test_applying_leaves_other_tables_alone(anp, nft):
    nft("-f", "-", script=FOREIGN)
    theirs = [nft("-a", "list", "table", *table) for table in (("inet", "somebody"), ("ip", "anp"))]

    anp(*APPLY)
    anp("apply", "-f", SMALL, "--node", "right")

    assert [nft("-a", "list", "table", *table) for table in (("inet", "somebody"), ("ip", "anp"))] == theirs


def test_a_pod_more_is_elements_only(anp, tmp_path):
    pod = (
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-2, namespace: shop, labels: {app: web}}\nspec:\n"
        "  nodeName: left\n"
        "  containers: [{name: web, ports: [{name: http, containerPort: 8080}, {name: metrics, "
        "containerPort: 9100}]}]\n"
        'status: {podIPs: [{ip: 10.0.1.9}, {ip: "fd00:1::9"}]}\n'
    )
    anp(*APPLY)
    (tmp_path / "more.yaml").write_text(Path(SMALL).read_text(encoding="utf-8") + pod)

    answer = anp("apply", "-f", str(tmp_path), "--node", "left", "--dry-run", "-o", "json")

    writes = json.loads(answer.out)["writes"]
    assert 0 < writes.pop("elements_added") <= 2 * 2
    assert writes.pop("operations") <= 4
    assert writes.pop("bytes") > 0
    assert set(writes.values()) == {0}


def test_pods_without_addresses_are_named(anp):
    text = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: default}}\nspec: {{nodeName: left}}\n"
        for number in range(7)
    )

    answer = anp("apply", "-f", "-", "--node", "left", stdin=text)

    assert answer.code == 0
    assert answer.told[-1] == (
        "warning: 7 pods on left have no address yet, so nothing is enforced on "
        "default/p0, default/p1, default/p2, default/p3, default/p4 and 2 more"
    )


def test_no_policy_is_no_table(anp, nft):
    anp(*APPLY)

    answer = anp("apply", "-f", "-", "--node", "n1", stdin="apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n")

    assert answer.code == 0
    assert nft("list", "ruleset") == ""


def test_a_node_that_nobody_declared(anp, nft):
    answer = anp("apply", "-f", SMALL, "--node", "middle")

    assert answer.code == 2
    assert answer.told == ["error: there is no node 'middle': there are left, right"]
    assert nft("list", "ruleset") == ""


def test_what_others_did_to_our_table_is_put_right(anp, nft):
    anp(*APPLY)
    before = nft("-s", "list", "ruleset")
    nft("-f", "-", script="flush chain inet anp forward\nadd chain inet anp theirs\nadd rule inet anp theirs drop\n")

    assert anp(*APPLY).code == 0

    assert sorted(nft("-s", "list", "ruleset").splitlines()) == sorted(before.splitlines())
