"""A mistake in a policy never lets anything through that would not get through without it (semantics 2.10).

Given sound policies, one of which gets a single mistake: a field misspelt, one that nobody knows, or a value that makes
no sense. Then, for every packet between two ends of a small cluster:

* *A manifest* (submitted) is either refused, with an error that has a place, so that `apply` does nothing and `run`
  keeps what the file said before; or every packet that is accepted at one of its ends, with the mistake, is accepted
  there without.
* *An observed object* cannot be refused. It holds for it without exception, and for the cluster as a whole: an Accept
  in doubt accepts nothing, a Deny or Pass in doubt denies everything in its place, a doubtful subject is every pod that
  may be meant. So no rule of the mistaken policy accepts more, and none of another policy comes to decide what a Deny
  or Pass was to.

What is *not* promised is that leaving a field out means less than giving it: `null` is absence, `from: null` is
everybody, and an API server reads it so too. Hence mistakes never replace a value by null.
"""

import json
from ipaddress import ip_address
from itertools import permutations

from hypothesis import given, note
from hypothesis import strategies as st

from anp.api import Admission, InvalidObjectError, parse
from anp.sources import manifests
from anp.sources.diagnostics import Severity, has_errors
from anp.state.assembly import assemble
from compiler.model import Direction, Flow, Protocol, Snapshot
from compiler.semantics import decide
from tests.fuzz.mistakes import LABELS, policies, with_a_mistake
from tests.unit.api.vectors import EVERY_POD, cnp, egress, ingress

_HEAD = {"apiVersion": "v1"}
NAMESPACES = [
    {**_HEAD, "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
    for name, labels in zip("xy", LABELS[1:3], strict=True)
]
PODS = [
    {
        **_HEAD,
        "kind": "Pod",
        "metadata": {"name": f"p{number}", "namespace": "xxy"[number - 1], "labels": dict(LABELS[number])},
        "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 80}]}]},
        "status": {"podIP": f"10.0.0.{number}"},
    }
    for number in (1, 2, 3)
]
CLOSED = cnp(
    "closed",
    tier="Baseline",
    priority=1000,
    ingress=[ingress("Deny", (EVERY_POD,))],
    egress=[egress("Deny", (EVERY_POD, {"networks": ["0.0.0.0/0"]}))],
)
"""Where nobody else has spoken nothing gets through, so that whoever accepts too much is seen."""
ENDS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "203.0.113.1")
PACKETS = (
    (Protocol.OTHER, 0),
    *((protocol, port) for protocol in (Protocol.TCP, Protocol.UDP) for port in (79, 80, 81, 82)),
)


FLOWS = [
    Flow(source, destination, protocol, port)
    for source, destination in permutations(map(ip_address, ENDS), 2)
    for protocol, port in PACKETS
]
"""Every packet that these policies can tell apart."""


def accepted(snapshot: Snapshot) -> set[tuple[Flow, str]]:
    """Return every packet with each of its ends that accepts it."""
    found = set()
    for flow in FLOWS:
        decision = decide(snapshot, flow)
        for judgement in (decision.egress, decision.ingress):
            if judgement.accepted:
                found.add((flow, judgement.direction.value))
    return found


def observed(documents) -> Snapshot:
    return assemble([parse(document, admission=Admission.OBSERVED).object for document in documents]).snapshot


@st.composite
def cases(draw):
    """Draw the policies of a cluster, one of which has a mistake in a second version."""
    others = [draw(policies(name)) for name in draw(st.sampled_from(("", "o", "op")))]
    good = draw(policies())
    names = [(other["kind"], other["metadata"]["name"]) for other in (*others, good)]
    others = [other for other, name in zip(others, names, strict=False) if names.count(name) == 1]
    if draw(st.sampled_from((True, True, False))):
        others.append(CLOSED)
    bad, mistake = draw(with_a_mistake(good))
    return others, good, bad, mistake


@given(case=cases())
def test_a_mistake_in_a_manifest_is_refused_or_opens_nothing(case):
    others, good, bad, mistake = case
    note(mistake)
    read = manifests.parse("".join(f"---\n{json.dumps(one)}\n" for one in (*NAMESPACES, *PODS, *others, bad)), "f")

    if has_errors(read.diagnostics):
        assert good["metadata"]["name"] not in {loaded.object.metadata.name for loaded in read.objects}
        assert all(found.line for found in read.diagnostics if found.severity is Severity.ERROR)
        return
    before = observed((*NAMESPACES, *PODS, *others, good))
    assert accepted(assemble(read.objects).snapshot) <= accepted(before)


@given(case=cases())
def test_a_mistake_in_an_observed_policy_opens_nothing(case):
    others, good, bad, mistake = case
    note(mistake)
    rest = (*NAMESPACES, *PODS, *others)

    assert accepted(observed((*rest, bad))) <= accepted(observed((*rest, good)))


@given(case=cases())
def test_what_is_called_a_mistake_is_one(case):
    _others, good, bad, mistake = case
    note(mistake)

    assert parse(good).warnings == ()
    try:
        parsed = parse(bad)
    except InvalidObjectError:
        return
    # What a server would take as well: it is in the selector of a peer, and closes its rule.
    (policy,) = assemble([parsed.object]).snapshot.policies
    assert any(rule.failed_closed for direction in Direction for rule in policy.rules(direction))
