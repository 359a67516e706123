"""What `anp diff` answers: for two paths and for a revision of git, to people and to programs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.calling import DEMO, REPOSITORY, call, environment

LINE_OF_RULE = next(
    number - 4
    for number, line in enumerate((Path(DEMO) / "30-tenants.yaml").read_text(encoding="utf-8").splitlines(), 1)
    if "port: postgres" in line
)


@pytest.fixture
def old(tmp_path):
    return shutil.copytree(DEMO, tmp_path / "old")


@pytest.fixture
def new(tmp_path):
    return shutil.copytree(DEMO, tmp_path / "new")


def edit(directory, file, before, after):
    path = directory / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def changes(old, new, *more):
    answer = call("diff", str(old), str(new), *more, "-o", "json")
    assert answer.code in {0, 1}, answer.err
    document = json.loads(answer.out)
    assert answer.code == (0 if document["same"] else 1)
    return document


def test_what_means_the_same_is_no_change(old, new):
    edit(new, "30-tenants.yaml", "port: postgres", "port: 5432")

    answer = call("diff", str(old), str(new))

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "No change in meaning: compared for every flow, exactly.\n"
    assert changes(old, new)["changes"] == []


def test_a_lost_flow_is_told_with_the_rules_before_and_after_and_an_example(old, new):
    edit(new, "30-tenants.yaml", "port: postgres", "port: 5433")

    answer = call("diff", str(old), str(new))

    assert answer.code == 1
    lines = [line.strip() for line in answer.out.splitlines()]
    assert "- lost  bank/payments → bank/ledger  tcp/5432" in lines
    assert "+ gained  bank/payments → bank/ledger  tcp/5433" in lines
    at = lines.index("- lost  bank/payments → bank/ledger  tcp/5432")
    assert lines[at + 1] == (
        "ingress before: accepted by NetworkPolicy bank/ledger-from-payments ingress[0] "
        f"({old}/30-tenants.yaml:{LINE_OF_RULE}:7)"
    )
    assert lines[at + 2].startswith(
        f"after: denied by ingress isolation by NetworkPolicy bank/ledger-from-payments ({new}/30-tenants.yaml:"
    )
    assert lines[at + 3].startswith("example: 10.244.")
    assert lines[-1] == "1 lost, 1 gained: compared for every flow, exactly."


def test_a_document_says_the_same_in_words_for_programs(old, new):
    edit(new, "30-tenants.yaml", "port: postgres", "port: 5433")

    found = changes(old, new)

    assert (found["kind"], found["version"], found["gained"], found["lost"]) == ("Difference", 1, 1, 1)
    lost = next(change for change in found["changes"] if change["change"] == "lost")
    assert lost["cause"] == "policies"
    assert lost["from"] == [{"type": "workload", "namespace": "bank", "name": "payments"}]
    assert lost["traffic"] == ["tcp/5432"]
    assert lost["families"] == [4, 6]
    (end,) = lost["ends"]
    assert (end["direction"], end["before"]["accepted"], end["after"]["accepted"]) == ("ingress", True, False)
    assert end["after"]["type"] == "isolation"
    assert end["before"]["places"][0]["file"] == str(old / "30-tenants.yaml")
    assert [example["port"] for example in lost["examples"]] == [5432, 5432]


def test_examples_are_decided_as_it_is_told(old, new):
    edit(new, "30-tenants.yaml", "port: postgres", "port: 5433")
    for change in changes(old, new)["changes"]:
        for flow in change["examples"]:
            codes = [
                call(
                    "explain", "-f", str(side), "--from", flow["source"], "--to", flow["destination"],
                    "--port", str(flow["port"]), "--protocol", flow["protocol"],
                ).code
                for side in (old, new)
            ]  # fmt: skip
            assert codes == ([0, 1] if change["change"] == "lost" else [1, 0])


def test_pods_that_come_and_labels_that_change_are_told_apart_from_policies(old, new):
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: extra, namespace: bank}\nspec: {nodeName: worker-1}\n"
    (new / "99-pod.yaml").write_text(pod, encoding="utf-8")
    edit(new, "02-tenants.yaml", "labels: {app: payments}", "labels: {app: paymints}")

    found = changes(old, new)

    assert found["come"] == ["pod bank/extra"]
    assert found["gone"] == []
    assert {change["cause"] for change in found["changes"]} == {"objects"}
    assert found["affectsThoseWhoMove"] is True
    assert changes(old, new, "--policies-only")["same"] is True
    text = call("diff", str(old), str(new)).out
    assert "By labels, ports, nodes and namespaces of what stays, under the old policies:" in text
    assert "come: pod bank/extra" in text
    assert "By policies:" not in text


# Revisions.


def git(directory, *arguments):
    names = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    people = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, env=environment(**names, **people)
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    directory = tmp_path / "repository"
    shutil.copytree(DEMO, directory / "policies")
    git(tmp_path, "init", "--initial-branch=main", str(directory))
    git(directory, "add", "-A")
    git(directory, "commit", "-m", "first")
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.parametrize("path", [(), (".",), ("policies",), ("policies/",)])
def test_a_revision_is_compared_with_what_is_there_now(repository, path):
    assert call("diff", "--git", "main", *path).code == 0
    edit(repository / "policies", "30-tenants.yaml", "port: postgres", "port: 5433")

    answer = call("diff", "--git", "HEAD", *path)

    assert answer.code == 1
    assert "- lost  bank/payments → bank/ledger  tcp/5432" in answer.out
    assert f"30-tenants.yaml:{LINE_OF_RULE}:7)" in answer.out
    assert "(HEAD:policies/30-tenants.yaml:" in answer.out


def test_a_repository_is_read_and_nothing_of_it_is_run(repository, tmp_path):
    ran = tmp_path / "ran"
    trap = f"touch {ran}; cat"
    (repository / ".gitattributes").write_text("*.yaml filter=trap diff=trap export-subst\n", encoding="utf-8")
    for name in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "core.fsmonitor", "core.pager"):
        git(repository, "config", name, trap)

    assert call("diff", "--git", "HEAD", "policies").code == 0
    assert not ran.exists()


def test_what_is_hidden_or_a_link_in_a_revision_is_as_in_a_directory(repository):
    hidden = repository / "policies" / ".old"
    hidden.mkdir()
    shutil.copy(repository / "policies" / "30-tenants.yaml", hidden)
    (repository / "policies" / "link.yaml").symlink_to("/etc/hostname")
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "second")

    answer = call("diff", "--git", "HEAD", "policies")

    assert answer.code == 0
    assert "HEAD:policies/link.yaml: warning: this is a link; links in a revision are not followed" in answer.told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name two paths, the old one and the new one, or one with --git REV"),
        (("a",), "name two paths"),
        (("-", "-"), "standard input can be one of the two, not both"),
        (("--git", "HEAD", "a", "b"), "--git compares one path with what it was"),
        (("--git", "HEAD", "-"), "--git REV needs a path"),
        (("--git", "nowhere", "policies"), "there is no revision 'nowhere'"),
        (("--git", "--output=x", "policies"), "there is no revision '--output=x'"),
        (("--git", "HEAD:policies", "policies"), "there is no revision 'HEAD:policies'"),
        (("--git", "\x1b[2J", "policies"), r"there is no revision '\x1b[2J'"),
        (("--git", "HEAD", "policies/nothing.yaml"), "the revision HEAD has no manifests in policies/nothing.yaml"),
        (("--git", "HEAD", "nowhere/at/all"), "there is no directory nowhere/at"),
        (("policies", "nowhere"), "1 error in the manifests; nothing was done"),
    ],
)
def test_a_question_that_makes_no_sense_is_not_answered(repository, arguments, said):
    answer = call("diff", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert sorted(path.name for path in repository.iterdir()) == [".git", "policies"]


def test_outside_of_a_repository_there_are_no_revisions(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    answer = call("diff", "--git", "HEAD", env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})

    assert answer.code == 2
    assert "is in no git repository that may be read" in answer.err


def test_names_are_harmless_on_terminals(tmp_path):
    text = (REPOSITORY / "testdata" / "samples" / "small.yaml").read_text(encoding="utf-8")
    old, new = tmp_path / "old.yaml", tmp_path / "n\x1b[2Jew.yaml"
    old.write_text(text, encoding="utf-8")
    assert "ipBlock" not in text
    new.write_text(text.replace("port: 5432", "port: 5433").replace("port: sql", "port: 1"), encoding="utf-8")

    answer = call("diff", str(old), str(new))

    assert answer.code == 1, answer.err
    assert answer.out.replace("\n", "").isprintable()
