"""Whether the kernel holds what the policies mean: answers, exit codes, and what cannot be answered."""

import json
import subprocess

import pytest

from tests.cli.calling import SMALL, call

ASKED = ("prove", "-f", SMALL, "--node", "left")


@pytest.fixture
def anp(network):
    """Call a command in the test's network."""
    return lambda *arguments, **options: call(*arguments, network=network, **options)


@pytest.fixture
def saved(network, tmp_path):
    """Save the rules that are there, as people do it, and return the file."""

    def save():
        path = tmp_path / "rules.json"
        command = ["nft", "-j", "list", "ruleset"]
        done = network.call(lambda: subprocess.run(command, capture_output=True, check=True, text=True, timeout=60))
        path.write_text(done.stdout)
        return str(path)

    return save


@pytest.mark.kernel
def test_what_was_applied_is_proven_here_and_from_a_file(anp, saved):
    assert anp("apply", "-f", SMALL, "--node", "left").code == 0

    for more in ((), ("--ruleset", saved())):
        answer = anp(*ASKED, *more)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.startswith(
            "equal: the rules of left do what the policies mean, for every packet that a host takes ("
        )

    found = json.loads(anp(*ASKED, "-o", "json").out)
    assert (found["kind"], found["version"], found["equal"], found["installed"]) == ("Proof", 1, True, True)
    assert found["differences"] == []
    assert found["compared"]["pairs"] > 0


@pytest.mark.kernel
def test_a_missing_element_is_told_with_the_packets_the_policy_and_the_object(anp, nft, saved):
    anp("apply", "-f", SMALL, "--node", "left")
    listing = json.loads(nft("-j", "list", "map", "inet", "anp", "subject-4"))
    (address, verdict), *_ = next(entry["map"] for entry in listing["nftables"] if "map" in entry)["elem"]
    nft("delete", "element", "inet", "anp", "subject-4", f"{{ {address} }}")

    answer = anp(*ASKED)

    assert answer.code == 1
    assert f"wrong: element @subject-4 {{ {address} }} is missing: jump {verdict['jump']['target']}" in answer.out
    assert "policies: denied by " in answer.out
    assert f"{SMALL}:" in answer.out
    assert anp(*ASKED, "--ruleset", saved()).out == answer.out
    document = json.loads(anp(*ASKED, "-o", "json").out)
    assert {
        address in (one["source"], one["destination"]) for d in document["differences"] for one in d["examples"]
    } == {True}


@pytest.mark.kernel
def test_nothing_installed_is_different_and_says_so(anp):
    answer = anp(*ASKED)

    assert answer.code == 1
    assert "there is no table inet anp" in answer.out


@pytest.mark.kernel
def test_chains_of_others_are_named(anp, nft):
    anp("apply", "-f", SMALL, "--node", "left")
    nft("-f", "-", script="table ip theirs { chain early { type filter hook input priority -5; policy drop; }; }")

    answer = anp(*ASKED)

    assert answer.code == 0
    remark = "not ours, and may drop more: chain early of table ip theirs at input, priority -5, policy drop"
    assert remark in answer.out.splitlines()


@pytest.mark.kernel
def test_a_rule_of_unknown_meaning_ends_it(anp, nft):
    anp("apply", "-f", SMALL, "--node", "left")
    nft("insert", "rule", "inet", "anp", "forward", "meta", "length", "100-200", "drop")

    answer = anp(*ASKED)

    assert (answer.code, answer.out) == (3, "")
    assert "nothing is proven: a rule of chain forward says " in answer.err
    assert '"length"' in answer.err


def test_a_file_that_is_no_listing_is_bad_input(tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")
    for path, reason in ((tmp_path / "none.json", "No such file"), (tmp_path, "directory"), (other, "no JSON listing")):
        answer = call(*ASKED, "--ruleset", str(path))

        assert (answer.code, answer.out) == (2, "")
        assert reason in answer.err
