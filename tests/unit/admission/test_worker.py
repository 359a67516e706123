"""Within a budget, whatever happens; and nothing that goes wrong refuses anything."""

import asyncio
import threading

import pytest

from anp import api
from anp.admission.judging import Consequences, Judge
from anp.admission.review import Asked
from anp.admission.server import budget_of
from anp.admission.wording import Telling
from anp.admission.worker import Worker
from anp.controller.inventory import Inventory

POLICY = {
    "apiVersion": "policy.networking.k8s.io/v1alpha2",
    "kind": "ClusterNetworkPolicy",
    "metadata": {"name": "n"},
    "spec": {
        "tier": "Admin",
        "priority": 500,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    },
}
BROKEN = {**POLICY, "spec": {**POLICY["spec"], "priority": "many"}}
TELLING = Telling(deny=("ANP502",))


def asked(document=POLICY, uid="u"):
    return Asked(uid, api.ClusterNetworkPolicy.resource, "", "n", document)


def answered(*questions, budget=30.0, trouble="", before=lambda: None, after=lambda: None):
    """Ask all of them at once; return what is said to each."""

    async def body():
        worker = Worker(Inventory(api_resources(), lambda: None, lambda _: None), TELLING, lambda: trouble)
        before()
        try:
            return await asyncio.gather(*(worker.answer(each, budget) for each in questions))
        finally:
            after()
            worker.close()

    return asyncio.run(body())


def api_resources():
    return [model.resource for model in api.SUPPORTED.values()]


def responses(answers):
    return [each.document["response"] for each in answers]


def test_a_finding_that_is_denied_here_is_denied():
    (said,) = answered(asked())

    assert said.result == "denied"
    (response,) = responses([said])
    assert not response["allowed"]
    assert "ANP502" in response["status"]["message"]
    assert any(text.startswith("ANP502") for text in response["warnings"])


def test_what_takes_too_long_is_allowed_and_said_so_and_others_do_not_wait_for_it(monkeypatch):
    going, may_end = threading.Event(), threading.Event()
    calls = []

    def hang(self, submitted):
        calls.append(submitted)
        going.set()
        assert may_end.wait(60)
        return Consequences()

    monkeypatch.setattr(Judge, "judge", hang)
    said = answered(asked(BROKEN), asked(uid="v"), budget=0.5, after=may_end.set)

    assert going.is_set()
    # The other one never began.
    assert len(calls) == 1
    assert [each.result for each in said] == ["unchecked", "unchecked"]
    for response in responses(said):
        assert response["allowed"]
        assert response["warnings"][0].startswith("anp: not checked: this took too long")
    # What can be said of an object by itself is said all the same.
    assert any("spec.priority" in text for text in responses(said)[0]["warnings"])


def test_a_bug_is_no_reason_to_refuse_anything(monkeypatch, caplog):
    def fail(self, submitted):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Judge, "judge", fail)
    (said,) = answered(asked())

    assert said.result == "failed"
    assert said.document["response"]["allowed"]
    assert "an error in anp" in said.document["response"]["warnings"][0]
    assert "a bug" in caplog.text


def test_of_a_cluster_that_is_not_known_nothing_is_said_but_that():
    (said,) = answered(asked(), trouble="not all objects of the cluster are known yet: pods")

    assert said.result == "unchecked"
    assert said.document["response"]["warnings"] == [
        "anp: not checked: not all objects of the cluster are known yet: pods"
    ]


def test_a_name_cannot_forge_a_warning_or_a_line_of_the_log():
    name = "n\n2026 warning forged\x1b[2J"
    (said,) = answered(asked({**POLICY, "metadata": {"name": name}}))

    assert all(text.isprintable() for text in said.document["response"]["warnings"])
    assert said.document["response"]["status"]["message"].isprintable()


def test_what_is_not_judged_is_allowed_without_a_word():
    (said,) = answered(Asked("u", None))

    assert said.document["response"] == {"uid": "u", "allowed": True}


@pytest.mark.parametrize(
    ("timeout", "expected"), [("3s", 2.0), ("1s", 0.7), ("30s", 2.0), ("", 2.0), ("-1s", 2.0), ("0s", 0.0)]
)
def test_the_budget_ends_before_the_api_server_has_had_enough(timeout, expected):
    assert budget_of(timeout, 2.0) == pytest.approx(expected)
