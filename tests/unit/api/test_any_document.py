"""Whatever a document holds, the answer is an object or one of our errors, and doubt never opens anything."""

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from anp.api import (
    Admission,
    ApiError,
    Channel,
    InvalidObjectError,
    Namespace,
    Node,
    Pod,
    items,
    parse,
    served_ports,
    to_namespace,
    to_node,
    to_pod,
    to_policy,
)
from compiler.model import Action, Anyone, Direction
from tests.unit.api.documents import GOOD, JSON, mutations

HEADS = st.sampled_from([(good["apiVersion"], good["kind"]) for good in GOOD] + [("v1", "Pod"), ("v1", "List")])


@st.composite
def headed(draw):
    """Draw anything at all, in the form of an object of a kind that we know."""
    api_version, kind = draw(HEADS)
    parts = st.sampled_from(["metadata", "spec", "status", "items"])
    body = draw(st.dictionaries(parts, JSON | st.dictionaries(st.text(max_size=3), JSON, max_size=2)))
    return {"metadata": {"name": "a"}, **body, "apiVersion": api_version, "kind": kind}


def _translate(parsed):
    match parsed.object:
        case Pod() as pod:
            return to_pod(pod), served_ports(pod)
        case Node() as node:
            return to_node(node)
        case Namespace() as namespace:
            return to_namespace(namespace)
        case policy:
            return to_policy(policy)


def _survives(document):
    for channel in Channel:
        for admission in Admission:
            try:
                parsed = parse(document, channel, admission)
            except InvalidObjectError as error:
                note(str(error))
                continue
            except ApiError:
                continue
            note(str(_translate(parsed)))


@settings(max_examples=200)
@given(JSON | headed())
def test_no_document_is_met_with_an_error_that_is_not_ours(document):
    try:
        documents = items(document)
    except InvalidObjectError:
        documents = (document,)
    for single in documents:
        _survives(single)


@settings(max_examples=300)
@given(mutations())
def test_no_mistake_is_met_with_an_error_that_is_not_ours(mutation):
    _, document, _ = mutation
    _survives(document)


def test_good_documents_are_good():
    for document in GOOD:
        parsed = parse(document)
        assert parsed.warnings == ()
        assert parse(document, admission=Admission.OBSERVED) == parsed


def _accepting(policy, direction):
    return {rule.index: rule for rule in policy.rules(direction) if rule.action is Action.ACCEPT and rule.peers}


@settings(max_examples=500)
@given(mutations(GOOD, ("spec",)))
def test_an_observed_rule_accepts_only_what_an_api_server_would_have_admitted(mutation):
    good, document, path = mutation
    note(f"changed {path}")

    policy = to_policy(parse(document, admission=Admission.OBSERVED).object).policy

    for direction in Direction:
        for index, rule in _accepting(policy, direction).items():
            # The rule alone, in a policy that is otherwise good, means the same where nothing is forgiven.
            alone = good | {"spec": {**good["spec"], "ingress": [], "egress": []}}
            alone["spec"] |= {direction.value: [document["spec"][direction.value][index]]}
            strict, problems = _judged(alone)
            if strict is None:
                assert not rule.traffic or _only_about_bounds(problems)
                continue
            assert strict.warnings == ()
            (meant,) = to_policy(strict.object).policy.rules(direction)
            assert (rule.peers, rule.traffic) == (meant.peers, meant.traffic)


def _judged(document):
    try:
        return parse(document), ()
    except InvalidObjectError as error:
        return None, error.problems


def _only_about_bounds(problems):
    """Say whether an observed object may be forgiven: length of a name, repetition, or a range that holds no port."""
    forgiven = ("characters; at most", "twice", "below `end`", "must not be below", "needs pods at the other end")
    return all(any(words in problem.message for words in forgiven) for problem in problems)


@settings(max_examples=500)
@given(mutations(GOOD, ("spec",)))
def test_an_observed_policy_denies_as_much_as_before_if_it_is_in_doubt(mutation):
    good, document, path = mutation
    before = to_policy(parse(good).object).policy
    after = to_policy(parse(document, admission=Admission.OBSERVED).object).policy
    note(f"changed {path}: {after}")

    for direction in Direction:
        for rule in after.rules(direction):
            if rule.failed_closed and rule.action is Action.ACCEPT:
                assert rule.peers == ()
            elif rule.failed_closed:
                assert rule.action is Action.DENY
                assert rule.peers == (Anyone(),) or path[1] == "subject"
    if path[1] in ("ingress", "egress") and len(path) > 3 and path[3] != "action":
        for old, new in zip(before.rules(Direction(path[1])), after.rules(Direction(path[1])), strict=True):
            assert new.action is old.action or (old.action is Action.PASS and new.failed_closed)


@pytest.mark.parametrize("name", [None, 5, ""])
def test_what_has_no_name_is_refused_even_when_observed(name):
    document = GOOD[0] | {"metadata": {"name": name}}

    with pytest.raises(InvalidObjectError):
        parse(document, admission=Admission.OBSERVED if name != "" else Admission.SUBMITTED)
