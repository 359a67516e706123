"""What an API server sends, and what anybody else may."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.admission.review import API_VERSION, ReviewError, answer, read_review

KIND = {"group": "networking.k8s.io", "version": "v1", "kind": "NetworkPolicy"}
REQUEST = {"uid": "u", "kind": KIND, "operation": "CREATE", "object": {"metadata": {}}, "oldObject": None}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def sent(**changes):
    review = {"apiVersion": API_VERSION, "kind": "AdmissionReview", "request": {**REQUEST, **changes}}
    return json.dumps(review).encode()


def test_a_question_is_read_with_what_was_there_before():
    asked = read_review(sent(namespace="x", name="n", operation="UPDATE", oldObject={"metadata": {"name": "n"}}))

    assert (asked.uid, asked.resource.kind, asked.namespace, asked.name) == ("u", "NetworkPolicy", "x", "n")
    assert asked.object == {"metadata": {}}
    assert asked.before == {"metadata": {"name": "n"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "DELETE", "object": None},
        {"operation": "CONNECT"},
        {"subResource": "status"},
        {"kind": {"group": "", "version": "v1", "kind": "Pod"}},
        {"kind": {**KIND, "version": "v9"}},
        {"kind": None},
    ],
)
def test_what_is_no_policy_that_is_stored_is_not_judged(changes):
    assert read_review(sent(**changes)).resource is None


def test_a_dry_run_is_a_question_like_any_other():
    assert read_review(sent(dryRun=True)) == read_review(sent(dryRun=False))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"apiVersion":"v1"}', b"[" * 100_000, sent(uid=""), sent(uid="u" * 200)]
)
def test_what_is_no_question_is_refused(body):
    with pytest.raises(ReviewError):
        read_review(body)


@given(st.dictionaries(st.sampled_from([*REQUEST, "subResource", "namespace", "name"]), json_values))
def test_whatever_a_field_holds_it_is_read_or_refused(changes):
    try:
        asked = read_review(sent(**changes))
    except ReviewError:
        return
    assert json.dumps(answer(asked.uid))


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_refused_in_words(body):
    with pytest.raises(ReviewError):
        read_review(body)


def test_an_answer_allows_unless_there_is_a_reason():
    assert answer("u")["response"] == {"uid": "u", "allowed": True}
    assert answer("u", ("w",))["response"] == {"uid": "u", "allowed": True, "warnings": ["w"]}
    denied = answer("u", (), "why")["response"]
    assert (denied["allowed"], denied["status"]["message"], denied["status"]["code"]) == (False, "why", 403)
