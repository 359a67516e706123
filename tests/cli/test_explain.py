"""What `anp explain` answers, and what it wants to know."""

import json
from pathlib import Path

import pytest

from tests.cli.calling import DEMO, SMALL, call

TEXT = Path(SMALL).read_text(encoding="utf-8")


def explain(source, destination, *more, file=SMALL):
    return call("explain", "-f", file, "--from", source, "--to", destination, *more)


@pytest.mark.parametrize(
    ("source", "destination", "more", "code"),
    [
        ("shop/web", "shop/db", ("--port", "5432"), 0),
        ("shop/web", "shop/db", ("--port", "sql"), 0),
        ("shop/web", "shop/db", ("--port", "5433"), 1),
        ("ops/scraper", "shop/db", ("--port", "5432"), 1),
        ("ops/scraper", "shop/web", ("--port", "metrics"), 0),
        ("shop/db", "shop/web", ("--port", "metrics"), 1),
        ("shop/db", "shop/web", ("--port", "9100", "--protocol", "UDP"), 0),
        ("shop/db", "shop/web", ("--protocol", "icmp"), 0),
        ("shop/web", "203.0.113.7", ("--port", "443"), 0),
        ("shop/web", "203.0.113.7", ("--port", "80"), 1),
        ("shop/web", "2001:db8::2", ("--protocol", "ICMPv6"), 1),
        ("10.0.1.3", "fd00:1::2", ("--port", "1"), 2),
        ("10.0.1.3", "10.0.1.2", ("--port", "metrics"), 0),
        ("shop/web", "shop/web", ("--port", "9100"), 0),
        ("shop/web", "shop/web", ("--port", "9100", "--hairpin"), 1),
    ],
)
def test_the_exit_code_is_the_answer(source, destination, more, code):
    assert explain(source, destination, *more).code == code


def test_it_tells_the_rule_that_decides_and_where_that_was_written():
    answer = explain("shop/db", "shop/web", "--port", "metrics")

    line = next(number for number, text in enumerate(TEXT.splitlines(), 1) if "nobody else;" in text)
    assert (
        "  decided by ClusterNetworkPolicy metrics ingress[1] 'nobody else; \"drop\" {them}' "
        f"({SMALL}:{line}:7)" in answer.out.splitlines()
    )


def test_a_document_has_the_same_answer_and_place_in_words_for_programs():
    answer = json.loads(explain("shop/db", "shop/web", "--port", "metrics", "-o", "json").out)

    assert (answer["from"], answer["to"], answer["protocol"], answer["port"]) == ("shop/db", "shop/web", "tcp", 9100)
    assert answer["accepted"] is False
    assert [decision["source"] for decision in answer["decisions"]] == ["10.0.2.2", "fd00:2::2"]
    decided = answer["decisions"][0]["ingress"]["decidedBy"]
    assert decided["type"] == "rule"
    assert (decided["kind"], decided["name"], decided["index"]) == ("ClusterNetworkPolicy", "metrics", 1)
    assert decided["rule"] == 'nobody else; "drop" {them}'
    assert decided["file"] == SMALL
    assert [tier["outcome"] for tier in answer["decisions"][0]["ingress"]["tiers"]] == ["denied"]
    rules = answer["decisions"][0]["ingress"]["tiers"][0]["policies"][0]["rules"]
    assert [rule.get("reason") for rule in rules] == ["peer", None]


def test_isolation_and_the_default_are_told_too():
    answer = json.loads(explain("ops/scraper", "shop/db", "--port", "1", "-o", "json").out)

    judged = answer["decisions"][0]
    assert judged["ingress"]["decidedBy"]["policies"] == [{"namespace": "shop", "name": "db-from-web"}]
    assert judged["ingress"]["tiers"][-1]["outcome"] == "isolated"
    assert judged["ingress"]["tiers"][-1]["policies"][0]["priority"] is None
    answer = json.loads(explain("shop/db", "shop/web", "--protocol", "icmp", "-o", "json").out)
    assert answer["port"] is None
    assert answer["decisions"][0]["ingress"]["decidedBy"]["type"] == "default"


def test_what_is_not_judged_says_why():
    answer = explain("192.0.2.1", "shop/web", "--port", "9100")

    assert answer.code == 0
    assert "node left → shop/web tcp/9100: ACCEPTED" in answer.out
    assert "  not judged: it comes from the pod's own node" in answer.out.splitlines()


def test_the_golden_explanations(golden, monkeypatch):
    monkeypatch.chdir(SMALL.rpartition("/testdata/")[0])
    file = "testdata/samples/small.yaml"

    answer = explain("shop/db", "shop/web", "--port", "metrics", file=file)

    golden("small.explain.txt", answer.out)
    golden("small.explain.json", explain("shop/db", "shop/web", "--port", "metrics", "-o", "json", file=file).out)


def test_families_that_are_decided_differently_are_told_apart():
    text = TEXT.replace(', "::/0"]', "]")
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: far, namespace: shop}\nspec: {hostNetwork: true}\nstatus: "
    pod += '{podIPs: [{ip: 203.0.113.7}, {ip: "2001:db8::7"}]}\n'

    answer = call(
        "explain", "-f", "-", "--from", "shop/web", "--to", "shop/far", "--port", "1", stdin=f"{text}---\n{pod}"
    )

    assert answer.code == 1
    assert [line for line in answer.out.splitlines() if "→" in line and ": " in line and "tcp/1" in line] == [
        "shop/web → shop/far tcp/1: DENIED",
        "shop/web → shop/far tcp/1: ACCEPTED",
    ]


@pytest.mark.parametrize(
    ("source", "destination", "more", "said"),
    [
        ("shop/web", "shop/db", (), "--port is needed for tcp; only icmp goes without"),
        ("shop/web", "shop/db", ("--protocol", "udp"), "--port is needed for udp; only icmp goes without"),
        ("shop/web", "shop/db", ("--protocol", "icmp", "--port", "1"), "--port 1: icmp has no ports"),
        (
            "shop/web",
            "shop/db",
            ("--protocol", "gre", "--port", "1"),
            "--protocol gre: there are tcp, udp, sctp and icmp",
        ),
        (
            "shop/web",
            "shop/db",
            ("--port", "0"),
            "--port 0: neither a number from 1 to 65535 nor a tcp port that the destination declares; it names sql",
        ),
        ("shop/web", "shop/db", ("--port", "65536"), "--port 65536: neither"),
        ("shop/web", "shop/db", ("--port", "9" * 5000), f"--port {'9' * 40}: neither"),
        ("shop/web", "shop/db", ("--port", "٣"), "--port ٣: neither"),
        ("shop/web", "shop/db", ("--port", "-1"), "--port -1: neither"),
        (
            "shop/web",
            "shop/db",
            ("--port", "sql", "--protocol", "udp"),
            "--port sql: neither a number from 1 to 65535 nor a udp port that the destination declares",
        ),
        ("shop/web", "10.9.9.9", ("--port", "sql"), "--port sql: neither a number"),
        ("shop/wbe", "shop/db", ("--port", "1"), "there is no pod 'shop/wbe'; did you mean shop/web, shop/db?"),
        ("bank/web", "shop/db", ("--port", "1"), "there is no pod 'bank/web'; did you mean shop/web?"),
        ("web", "shop/db", ("--port", "1"), "'web' is neither NAMESPACE/POD nor an IP address; did you mean shop/web?"),
        (
            "",
            "shop/db",
            ("--port", "1"),
            "'' is neither NAMESPACE/POD nor an IP address; pods are ops/scraper, shop/db, shop/web",
        ),
        ("10.0.0.0/8", "shop/db", ("--port", "1"), "10.0.0.0/8 is a network; name one address in it"),
        ("fe80::1%eth0", "shop/db", ("--port", "1"), "fe80::1%eth0 has a scope; policies know addresses without one"),
        (
            "10.0.1.3",
            "fd00:1::2",
            ("--port", "1"),
            "ops/scraper has IPv4 and shop/web has IPv6: no packet can go between them",
        ),
        ("\x1b[2J\n", "shop/db", ("--port", "1"), r"'\x1b[2J\n' is neither NAMESPACE/POD nor an IP address"),
    ],
)
def test_a_question_that_makes_no_sense_is_not_answered(source, destination, more, said):
    answer = explain(source, destination, *more)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith(f"error: {said}"), answer.err
    assert len(answer.told) == 1


def test_pods_without_traffic_are_told_apart():
    pods = """\
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: default}
spec: {nodeName: n1}
status: {phase: Succeeded}
"""
    answer = call("explain", "-f", "-", "--from", "default/done", "--to", "10.0.0.1", "--protocol", "icmp", stdin=pods)

    assert answer.code == 2
    assert "the pod default/done has finished, so no traffic is its own" in answer.err


def test_the_demo_is_explained_without_any_address_in_it():
    assert explain("shop/web", "bank/ledger", "--port", "5432", file=DEMO).code == 1
    assert explain("bank/payments", "bank/ledger", "--port", "5432", file=DEMO).code == 0
