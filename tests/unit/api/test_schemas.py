"""What is admitted and what is refused, and where a refusal points (1.1 to 1.6)."""

import pytest

from anp.api import Admission, Channel, InvalidObjectError, UnsupportedKindError, items, parse
from tests.unit.api.vectors import DOMAINS, NODES, OURS, VECTORS, Vector, anp, cnp, egress, ingress, netpol


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_an_object_is_refused_for_all_of_its_mistakes_and_no_others(vector: Vector):
    if not vector.places:
        parse(vector.document, vector.channel)
        return

    with pytest.raises(InvalidObjectError) as caught:
        parse(vector.document, vector.channel)

    assert sorted(problem.place for problem in caught.value.problems) == sorted(vector.places)


# Without these no cluster holds an object.
NEEDED = {"spec", "metadata.name"}


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if not NEEDED & set(vector.places)], ids=str)
def test_an_observed_object_is_never_refused_but_warned_of(vector: Vector):
    parsed = parse(vector.document, vector.channel, Admission.OBSERVED)

    found = {warning.place for warning in parsed.warnings}
    assert set(vector.places) <= found or vector.by == OURS


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (cnp(tier="admin"), "spec.tier", ["'Admin'", "did you mean"]),
        (cnp(egress=[egress("deny")]), "spec.egress[0].action", ["'Deny'", "did you mean"]),
        (cnp(priority="10"), "spec.priority", ["whole number", "quotes"]),
        (cnp(priority=1001), "spec.priority", ["at most 1000"]),
        (cnp(ingress=[ingress(peers=())]), "spec.ingress[0].from", ["namespaces: {}"]),
        (cnp(ingress=[ingress(protocols=[])]), "spec.ingress[0].protocols", ["leave the field out"]),
        (cnp(ingress=[ingress()] * 26), "spec.ingress", ["26", "25"]),
        (cnp(subject=5), "spec.subject", ["mapping", "5"]),
        (cnp(ingress="all"), "spec.ingress", ["list", "'all'"]),
        (cnp(egress=[egress(peers=({"networks": ["10.0.0.1"]},))]), "spec.egress[0].to[0].networks[0]", ["/32"]),
        (netpol(ingress=[{"ports": [{"port": "80"}]}]), "spec.ingress[0].ports[0].port", ["without quotes"]),
        (netpol(podSelector={"matchLabels": {"a": 1}}), "spec.podSelector.matchLabels.a", ["quotes"]),
    ],
)
def test_a_problem_says_what_is_allowed_and_the_way_out(document, place, words):
    with pytest.raises(InvalidObjectError) as caught:
        parse(document)

    (problem,) = caught.value.problems
    assert problem.place == place
    for word in words:
        assert word in problem.message


@pytest.mark.parametrize(
    ("kind", "change", "place"),
    [
        ("Namespace", {"metadata": {"name": "a.b"}}, "metadata.name"),
        ("Pod", {"metadata": {"name": "a", "namespace": "A"}}, "metadata.namespace"),
        ("Pod", {"metadata": {"name": "a", "labels": {"a": "-"}}}, "metadata.labels.a"),
        ("Pod", {"metadata": {"name": "a", "creationTimestamp": 5}}, "metadata.creationTimestamp"),
        ("Pod", {"metadata": {"name": "a", "creationTimestamp": "today"}}, "metadata.creationTimestamp"),
        ("Pod", {"spec": {"hostNetwork": "yes"}}, "spec.hostNetwork"),
        (
            "Pod",
            {"spec": {"containers": [{"ports": [{"containerPort": 0}]}]}},
            "spec.containers[0].ports[0].containerPort",
        ),
        ("Pod", {"spec": {"containers": [{"ports": [{}]}]}}, "spec.containers[0].ports[0].containerPort"),
        ("Pod", {"status": {"podIPs": [{"ip": "10.0.0.01"}]}}, "status.podIPs[0].ip"),
        ("Node", {"spec": {"podCIDR": "10.0.0.0"}}, "spec.podCIDR"),
        ("Node", {"status": {"addresses": [{"type": "InternalIP"}]}}, "status.addresses[0].address"),
    ],
)
def test_objects_that_policies_select_are_judged_too(kind, change, place):
    with pytest.raises(InvalidObjectError) as caught:
        parse({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}} | change)

    assert [problem.place for problem in caught.value.problems] == [place]


@pytest.mark.parametrize(
    ("document", "place", "meant"),
    [
        (
            cnp(subject={"pods": {"podSelector": {"matchLabls": {"a": "b"}}}}),
            "spec.subject.pods.podSelector",
            "matchLabels",
        ),
        (
            cnp(ingress=[ingress("Accept", ({"namespaces": {"matchExpression": []}},))]),
            "spec.ingress[0].from[0].namespaces",
            "matchExpressions",
        ),
        (cnp(ingress=[ingress("Accept", protocol=[])]), "spec.ingress[0]", "protocols"),
        (netpol(ingress=[{"form": [{"podSelector": {}}]}]), "spec.ingress[0]", "from"),
        (
            netpol(ingress=[{"from": [{"podSelector": {}, "namespaceselector": {}}]}]),
            "spec.ingress[0].from[0]",
            "namespaceSelector",
        ),
    ],
)
def test_a_policy_with_an_unknown_field_is_refused_as_it_would_be_about_more_than_was_meant(document, place, meant):
    with pytest.raises(InvalidObjectError) as caught:
        parse(document)

    (problem,) = caught.value.problems
    assert problem.place.startswith(f"{place}.")
    assert f"did you mean `{meant}`?" in problem.message
    assert caught.value.warnings == ()


def test_an_unknown_field_of_a_status_is_dropped_with_a_warning():
    document = cnp() | {"status": {"conditions": [], "phase": "Ready"}}

    assert [warning.place for warning in parse(document).warnings] == ["status.phase"]


def test_a_refusal_also_tells_of_the_fields_that_were_dropped():
    with pytest.raises(InvalidObjectError) as caught:
        parse(cnp(subject={"pods": {"podSelecter": {}}}))

    assert [problem.place for problem in caught.value.problems] == ["spec.subject.pods.podSelector"]
    assert [warning.place for warning in caught.value.warnings] == ["spec.subject.pods.podSelecter"]


@pytest.mark.parametrize("peer", [NODES, DOMAINS])
def test_experimental_fields_are_unknown_to_the_standard_channel(peer):
    document = anp(egress=[egress("Allow", (peer,))])

    parse(document, Channel.EXPERIMENTAL)
    with pytest.raises(InvalidObjectError) as caught:
        parse(document, Channel.STANDARD)

    (warning,) = caught.value.warnings
    assert "experimental" in warning.message


def test_null_is_absence():
    assert parse(cnp(ingress=None, egress=[egress(name=None, protocols=None)])) == parse(cnp(egress=[egress()]))


def test_fields_of_metadata_that_matter_to_others_are_no_surprise():
    document = cnp()
    document["metadata"] |= {"annotations": {"a": "b"}, "managedFields": [], "ownerReferences": [], "finalizers": []}

    assert parse(document).warnings == ()


@pytest.mark.parametrize(("api_version", "kind"), [("v1", "Secret"), ("networking.k8s.io/v1beta1", "NetworkPolicy")])
def test_other_kinds_are_named_with_those_that_are_supported(api_version, kind):
    with pytest.raises(UnsupportedKindError, match="ClusterNetworkPolicy") as caught:
        parse({"apiVersion": api_version, "kind": kind})

    assert (caught.value.api_version, caught.value.kind) == (api_version, kind)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"kind": "Pod"}, {"apiVersion": 1, "kind": ["Pod"]}])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(InvalidObjectError):
        parse(document)


def test_lists_are_expanded_however_deep():
    inner = {"apiVersion": "v1", "kind": "List", "items": [cnp("b")]}
    document = {"apiVersion": "v1", "kind": "List", "items": [cnp("a"), inner]}

    assert [item["metadata"]["name"] for item in items(document)] == ["a", "b"]
    assert items(cnp("a")) == (cnp("a"),)
    assert items({"apiVersion": "v1", "kind": "List", "items": None}) == ()


def test_the_entries_of_a_typed_list_are_of_its_kind():
    entry = {"metadata": {"name": "a"}, "spec": {}}
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [entry]}

    (item,) = items(document)

    assert parse(item).object.metadata.name == "a"


@pytest.mark.parametrize(("entries", "place"), [(5, "items"), ([5], "items[0]"), ([{}, None], "items[1]")])
def test_a_malformed_list_is_refused(entries, place):
    with pytest.raises(InvalidObjectError) as caught:
        items({"apiVersion": "v1", "kind": "List", "items": entries})

    assert [problem.place for problem in caught.value.problems] == [place]


def test_a_manifest_without_a_namespace_is_in_default():
    document = netpol()
    del document["metadata"]["namespace"]

    assert parse(document).object.metadata.namespace == "default"
    assert parse(document, admission=Admission.OBSERVED).object.metadata.namespace == "default"
