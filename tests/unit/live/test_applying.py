"""What a cluster would be with manifests applied to it."""

from dataclasses import replace

import pytest

from anp import api
from anp.analysis.lint.linter import Wanted, lint
from anp.live.applying import applied, cluster_of_live
from anp.live.observed import observe
from anp.sources.diagnostics import Severity
from anp.sources.manifests import Manifests, parse
from tests.histories.documents import addresses_at, namespace, node, pod

PODS = [
    pod(("Pod", "x", name), {"a": "0"}, "n1", addresses_at(place), (), place) for place, name in enumerate("abc", 1)
]


def policy(name, where="x"):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": where, "resourceVersion": "5"},
        "spec": {"podSelector": {}},
    }


def live(*documents):
    resources = {model.resource.kind: model.resource for model in api.SUPPORTED.values()}
    found = [observe(resources[document["kind"]], document) for document in documents]
    objects = tuple(one for one, _said in found if one)
    return Manifests(objects, tuple(sorted(each for _one, said in found for each in said)))


CLUSTER = live(namespace("x", {}), node("n1", {}, ["10.0.1.1"]), *PODS, policy("one"), policy("two"))


def names(manifests, kind):
    return sorted(each.object.metadata.name for each in manifests.objects if each.object.kind == kind)


NEW = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: x}
spec: {podSelector: {matchLabels: {a: '1'}}}
"""


@pytest.mark.parametrize(
    ("name", "prune", "left"),
    [
        ("one", False, ["one", "two"]),
        ("three", False, ["one", "three", "two"]),
        ("one", True, ["one"]),
        ("three", True, ["three"]),
    ],
)
def test_objects_of_files_replace_those_of_their_name_or_come_beside_them(name, prune, left):
    mixed = applied(CLUSTER, parse(NEW % name, "new.yaml"), prune=prune)

    assert names(mixed, "NetworkPolicy") == left
    assert names(mixed, "Pod") == ["a", "b", "c"]
    written = next(each for each in mixed.objects if each.object.metadata.name == name)
    assert written.origin.file == "new.yaml"
    assert written.object.spec.pod_selector.match_labels == {"a": "1"}


def test_what_was_said_of_an_object_goes_with_it():
    old = policy("one")
    old["spec"] = {"podSelector": {}, "mystery": 1}
    cluster = live(namespace("x", {}), old)
    assert len(cluster.diagnostics) == 1

    assert not applied(cluster, parse(NEW % "one", "new.yaml")).diagnostics
    assert applied(cluster, parse(NEW % "two", "new.yaml")).diagnostics == cluster.diagnostics


def test_an_object_of_a_file_keeps_what_the_cluster_has_given_it():
    text = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {a: '1'}}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {b: '1'}}
"""

    cluster = cluster_of_live(applied(CLUSTER, parse(text, "new.yaml")))
    snapshot = cluster.snapshot

    assert cluster.sound
    changed = next(each for each in snapshot.pods if each.name == "a")
    before = next(each for each in cluster_of_live(CLUSTER).snapshot.pods if each.name == "a")
    assert dict(changed.labels) == {"a": "1"}
    assert replace(changed, labels=before.labels) == before
    assert [(dict(each.labels), len(each.addresses)) for each in snapshot.nodes] == [({"b": "1"}, 1)]


def test_only_what_files_add_gets_addresses_and_never_one_that_is_taken():
    starting = pod(("Pod", "x", "starting"), {}, "n1", (), (), 9)
    text = """
apiVersion: v1
kind: Pod
metadata: {name: new, namespace: x}
spec: {containers: [{name: a, image: a}]}
"""

    mixed = applied(live(namespace("x", {}), node("n1", {}, []), *PODS, starting), parse(text, "new.yaml"))
    snapshot = cluster_of_live(mixed).snapshot

    pods = {each.name: each for each in snapshot.pods}
    assert pods["starting"].addresses == ()
    assert pods["new"].addresses
    assert pods["new"].node == "n1"
    assert not set(pods["new"].addresses) & {address for name in "abc" for address in pods[name].addresses}
    assert [each.addresses for each in snapshot.nodes] == [()]


def test_two_pods_with_one_address_are_a_warning_in_a_cluster_and_an_error_in_files():
    twin = pod(("Pod", "x", "twin"), {}, "n1", addresses_at(1), (), 9)
    cluster = cluster_of_live(live(namespace("x", {}), node("n1", {}, ["10.0.1.1"]), *PODS, twin))

    assert cluster.sound
    assert {each.severity for each in cluster.diagnostics} == {Severity.WARNING}
    assert any("belongs to pod x/twin too" in each.message for each in cluster.diagnostics)

    text = """
apiVersion: v1
kind: Pod
metadata: {name: z, namespace: x}
spec: {nodeName: n1, containers: [{name: a, image: a}]}
status: {podIP: 10.0.1.1, podIPs: [{ip: 10.0.1.1}]}
"""
    assert not cluster_of_live(applied(CLUSTER, parse(text, "new.yaml"))).sound


def test_an_object_that_cannot_be_read_leaves_the_cluster_unsound():
    odd = policy("odd")
    odd["spec"] = 7

    assert not cluster_of_live(live(namespace("x", {}), odd)).sound


def test_networks_that_cover_pods_are_found_in_a_cluster_too():
    covering = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "covering"},
        "spec": {
            "tier": "Admin",
            "priority": 1,
            "subject": {"namespaces": {}},
            "egress": [{"action": "Deny", "to": [{"networks": [f"{addresses_at(1)[0]}/32"]}]}],
        },
    }
    found = live(namespace("x", {}), node("n1", {}, ["192.0.2.1"]), *PODS, covering)
    assert "ANP303" in {finding.code for finding in lint(cluster_of_live(found), {}, Wanted()).findings}
