"""What `anp explain` answers beyond one connection: patterns, Services, and what would turn the verdict."""

import json
from pathlib import Path

import pytest

from tests.cli.calling import DEMO, SMALL, call


def explain(source, destination, *more, file=DEMO):
    return call("explain", "-f", file, "--from", source, "--to", destination, *more)


def test_answers_that_are_alike_are_one():
    answer = explain("shop", "bank/*", "--port", "5432")
    lines = answer.out.splitlines()

    assert answer.code == 1
    assert "shop/* → bank/ledger  tcp/5432: DENIED" in lines
    assert "shop/* → bank/payments  tcp/5432: DENIED" in lines
    at = lines.index("shop/* → bank/ledger  tcp/5432: DENIED")
    assert lines[at + 2].startswith(
        "  ingress denied by ingress isolation by NetworkPolicy bank/ledger-from-payments ("
    )


def test_any_port_is_divided_by_what_becomes_of_it():
    found = json.loads(explain("shop/*", "bank/payments", "--port", "any", "-o", "json").out)

    assert (found["kind"], found["version"], found["asked"], found["accepted"]) == ("Explanations", 1, ["tcp"], False)
    (through,) = [answer for answer in found["answers"] if answer["accepted"]]
    assert through["from"] == [{"type": "workload", "namespace": "shop", "name": "checkout"}]
    assert through["traffic"] == ["tcp/8443"]
    assert through["ingress"]["text"] == "NetworkPolicy bank/payments-from-checkout ingress[0]"


@pytest.mark.parametrize(("arguments", "code"), [
    (("bank/*", "platform/dns", "--port", "53"), 0),
    (("bank/*", "platform/dns", "--protocol", "udp", "--port", "53"), 0),
    (("bank/*", "platform/dns"), 1),
    (("bank", "bank/ledger", "--protocol", "icmp"), 1),
    (("shop/web", "*/ledger", "--port", "5432"), 1),
])  # fmt: skip
def test_the_exit_code_is_the_answer_about_all(arguments, code):
    answer = explain(*arguments)

    assert answer.code == code, answer.err


@pytest.mark.parametrize(("arguments", "said"), [
    (("nowhere/*", "bank/ledger"), "no pod is chosen by 'nowhere/*'"),
    (("bank/ledger", "bank/ledger", "--port", "any"), "no packet can go between them"),
    (("bank/*", "shop/*", "--suggest"), "a service, --suggest and --hairpin go with one connection"),
    (("bank/*", "shop/*", "--port", "http"), "--port http: neither a number"),
    (("shop/web", "service shop/nothing", "--port", "80"), "there is no service 'shop/nothing'"),
])  # fmt: skip
def test_a_question_that_makes_no_sense_is_not_answered(arguments, said):
    answer = explain(*arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


# Services.

SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec:
  selector: {%s}
  ports: [{port: 80, targetPort: %s, protocol: TCP}]
"""


def with_service(selector, target):
    return Path(SMALL).read_text(encoding="utf-8") + SERVICE % (selector, target)


def to_service(destination, *more, selector="app: db", target="sql"):
    text = with_service(selector, target)
    return call("explain", "-f", "-", "--from", "shop/web", "--to", destination, *more, stdin=text)


def test_a_service_is_followed_to_its_pods_and_their_ports():
    told = to_service("service shop/front", "--port", "80")
    direct = explain("shop/web", "shop/db", "--port", "5432", file=SMALL)

    assert (told.code, direct.code) == (0, 0), told.err
    assert told.out.splitlines()[:2] == [
        "service shop/front tcp/80 leads to:",
        "  shop/db tcp/5432 (10.0.2.2)",
    ]
    assert "shop/web → service shop/front tcp/80: ACCEPTED" in told.out
    assert to_service("service shop/front:80").out == told.out
    assert to_service("service shop/front").out == told.out
    assert to_service("service shop/front", target="5433").code == 1


@pytest.mark.parametrize(("destination", "more", "options", "said"), [
    ("service shop/front:81", (), {}, "the service shop/front has no tcp port 81; it has tcp/80"),
    ("service shop/front", ("--protocol", "udp"), {}, "the service shop/front has no udp port"),
    ("service shop/front", ("--protocol", "icmp"), {}, "--protocol icmp: services have tcp, udp and sctp ports"),
    ("service shop/front", (), {"selector": "app: nobody"}, "nobody is behind the port 80 of the service shop/front"),
    ("service shop/back", (), {}, "there is no service 'shop/back'; services are shop/front"),
])  # fmt: skip
def test_services_that_lead_nowhere_are_told(destination, more, options, said):
    answer = to_service(destination, *more, **options)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


# Suggestions.


def test_a_suggestion_says_what_else_it_would_change():
    answer = explain("shop/web", "bank/ledger", "--port", "5432", "--suggest")
    lines = answer.out.splitlines()

    assert answer.code == 1
    at = lines.index("To have it accepted:")
    assert lines[at + 1].startswith(
        "  add a NetworkPolicy in bank for pods [app=ledger], ingress: Accept pods [app=web] in"
    )
    assert lines[at + 2 :] == [
        "It has been checked, and would change exactly this:",
        "  + gained  shop/web → bank/ledger  tcp/5432",
    ]


def test_a_document_has_the_suggestion_and_none_unless_asked():
    asked = ("shop/web", "bank/ledger", "--port", "5432", "-o", "json")
    found = json.loads(explain(*asked, "--suggest").out)["suggestion"]

    assert found["accepts"] is True
    assert len(found["edits"]) == 1
    assert [change["traffic"] for change in found["changes"]] == [["tcp/5432"]]
    assert "suggestion" not in json.loads(explain(*asked).out)


def test_what_nobody_judges_has_no_suggestion():
    answer = explain("shop/web", "shop/web", "--port", "80", "--suggest")

    assert answer.code == 0
    assert answer.out.splitlines()[-1] == "No change of one rule is known that would turn this."
