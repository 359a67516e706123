"""What the webhook says of an object, against what lint says of the same cluster with it and without it, as files."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anp import api
from anp.admission.judging import Judge
from anp.admission.known import Known
from anp.admission.submission import submission
from anp.admission.wording import LONGEST, MOST, Telling, denial, warnings
from anp.analysis.lint.linter import Wanted, lint
from anp.controller.inventory import News, key_of
from anp.sources.diagnostics import Severity
from anp.sources.manifests import parse
from anp.state.cluster import cluster_of
from tests.histories.documents import (
    LABELS,
    addresses_at,
    cluster_policies,
    namespace,
    network_policies,
    node,
    pod,
)
from tests.histories.documents import (
    key_of as identity_of,
)
from tests.strategies import NAMESPACES

EVERYTHING = Telling(Severity.INFO)
KINDS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
policies = st.one_of(network_policies(), *map(cluster_policies, KINDS))


def running(where, name, labels, place):
    return pod(("Pod", where, name), labels, "n", addresses_at(place), [("web", "TCP", 80)], place)


@st.composite
def clusters(draw):
    """Objects of a cluster, and a policy that is applied to it, which may be there already in another version."""
    things = [namespace(name, draw(st.sampled_from(LABELS))) for name in NAMESPACES]
    things.append(node("n", {}, ["192.0.2.1"]))
    places = draw(st.lists(st.sampled_from(NAMESPACES), min_size=1, max_size=4))
    for number, where in enumerate(places, 1):
        things.append(running(where, f"p{number}", draw(st.sampled_from(LABELS)), number))
    written = {identity_of(each): each for each in draw(st.lists(policies, max_size=4))}
    return things, written, draw(policies)


def resource(document):
    return api.SUPPORTED[document["apiVersion"], document["kind"]].resource


def known(documents):
    known = Known()
    known.take(News(resource(each), key_of(each), each) for each in documents)
    return known


def linted(documents):
    text = "\n---\n".join(map(json.dumps, documents))
    cluster = cluster_of(parse(text, "all.yaml"), invent=False)
    # A peer of an API that is newer than ours is refused in a file, and fails closed in a cluster.
    assume(cluster.sound)
    return lint(cluster, {"all.yaml": text}, Wanted()).findings


def submitted(document, before=None):
    return submission(resource(document), key_of(document), document, before)


@settings(max_examples=min(settings().max_examples, 300))
@given(clusters())
def test_what_is_found_is_what_lint_finds_with_the_object_and_not_without(case):
    things, written, applied = case
    key = identity_of(applied)
    before = written.get(key)
    after = {**written, key: applied}
    told = {found.fingerprint for found in linted([*things, *written.values()])}
    new = [found for found in linted([*things, *after.values()]) if found.fingerprint not in told]
    judge = Judge(known([*things, *written.values()]))

    come = judge.judge(submitted(applied, before))

    assert {(found.fingerprint, found.message, found.severity) for found in come.findings} == {
        (found.fingerprint, found.message, found.severity) for found in new
    }
    # Once more, from what is remembered, and then the same object again as it is.
    assert judge.judge(submitted(applied, before)) == come
    assert judge.judge(submitted(applied, applied)).findings == ()


@given(clusters())
def test_warnings_are_few_and_short_and_every_denied_code_is_told(case):
    things, written, applied = case
    question = submitted(applied, written.get(identity_of(applied)))
    come = Judge(known([*things, *written.values()])).judge(question)
    texts = warnings(question, come, EVERYTHING)

    assert len(texts) <= MOST
    assert all(0 < len(text) <= LONGEST and text.isprintable() for text in texts)
    assert len(set(texts)) == len(texts)
    assert sum(map(len, texts)) <= 4096
    if come.findings:
        assert texts
    assert denial(question, come, Telling()) == ""
    for found in come.findings:
        assert found.code in denial(question, come, Telling(deny=(found.code,)))
        assert not denial(question, come, Telling(deny=("ANP999",)))


@given(clusters())
def test_a_tenant_hears_of_nothing_beyond_the_namespace(case):
    things, written, applied = case
    if applied["kind"] != "NetworkPolicy":
        return
    here = applied["metadata"]["namespace"]
    # Names that cannot be there by chance.
    told_apart = [{**each, "metadata": {**each["metadata"], "name": f"secret-{n}"}} for n, each in enumerate(things)]
    hidden = [each for each in told_apart if each["metadata"].get("namespace") not in {None, here}]
    visible = [each for each in things if each["metadata"].get("namespace") in {None, here}]
    others = []
    for number, each in enumerate(written.values()):
        if each["metadata"].get("namespace") != here and each["kind"] != "BaselineAdminNetworkPolicy":
            others.append({**each, "metadata": {**each["metadata"], "name": f"secret-policy-{number}"}})
        else:
            others.append(each)
    question = submitted(applied)

    come = Judge(known([*visible, *hidden, *others])).judge(question)

    said = " ".join((*warnings(question, come, EVERYTHING), denial(question, come, Telling(deny=("ANP",)))))
    assert "secret" not in said
    assert "BaselineAdminNetworkPolicy" not in said


def test_an_object_that_cannot_be_understood_is_told_of():
    document = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "odd"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": [{"action": "Allow"}]},
    }
    question = submitted(document)
    texts = warnings(question, Judge(known([])).judge(question), EVERYTHING)

    assert any(text.startswith("anp error: ClusterNetworkPolicy odd: spec.ingress[0]") for text in texts)


def test_a_tie_without_a_quarrel_is_told_of_with_the_policy_that_brings_it_about():
    things = [namespace("x", {}), running("x", "p1", {}, 1)]

    def tied(name, priority):
        rule = {"action": "Deny", "from": [{"namespaces": {}}]}
        spec = {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}}, "ingress": [rule]}
        return {
            "apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }

    judge = Judge(known([*things, tied("b", 7)]))

    assert any("same priority 7" in note.message for note in judge.judge(submitted(tied("a", 7))).notes)
    assert judge.judge(submitted(tied("a", 8))).notes == ()


@pytest.mark.parametrize("annotation", ["anp-lint/ignore", "lint.anp.internal/ignore"])
def test_what_an_annotation_says_is_meant_is_not_told(annotation):
    document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "idle", "namespace": "x"},
        "spec": {"podSelector": {"matchLabels": {"a": "none"}}},
    }
    hushed = {**document, "metadata": {**document["metadata"], "annotations": {annotation: "ANP201 it comes later"}}}
    judge = Judge(known([namespace("x", {}), running("x", "p1", {}, 1)]))

    def codes(each):
        return {found.code for found in judge.judge(submitted(each)).findings}

    assert "ANP201" in codes(document)
    assert "ANP201" not in codes(hushed)
    assert "ANP201" in {found.code for found in judge.judge(submitted(document, hushed)).findings}


def test_a_tenant_hears_that_a_policy_elsewhere_is_overruled_and_not_which():
    baseline = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "secret"},
        "spec": {
            "tier": "Baseline",
            "priority": 1,
            "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
        },
    }
    everybody = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "all", "namespace": "x"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {}}]}]},
    }
    things = [namespace("x", {}), *(running("x", f"p{number}", {}, number) for number in (1, 2))]
    question = submitted(everybody)
    come = Judge(known([*things, baseline])).judge(question)

    assert "ClusterNetworkPolicy secret" in {found.about for found in come.findings}
    texts = warnings(question, come, EVERYTHING)
    assert any("a policy that is not of this namespace" in text for text in texts)
    assert not any("secret" in text for text in texts)


def test_a_long_name_leaves_room_for_nothing_else_and_is_cut():
    name = "n" * 253
    document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "x"},
        "spec": {"podSelector": {"matchLabels": {"a": "none"}}},
    }
    question = submitted(document)
    come = Judge(known([namespace("x", {}), running("x", "p1", {}, 1)])).judge(question)
    (text,) = warnings(question, come, Telling())

    assert len(text) == LONGEST
    assert text.startswith("ANP201 warning: NetworkPolicy x/nnn")
    assert text.endswith("…")
