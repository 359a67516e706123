import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.api import Channel, Pod
from anp.sources.diagnostics import Severity
from anp.sources.manifests import describe, identity, load, load_file, merge, parse
from tests.unit.sources.manifest_strategies import distinct_documents, mutated_texts, name_of, text_of

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: shop\n"
LOCK = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: lock
spec:
  tier: Admin
  priority: 5
  subject:
    namespaces: {}
  egress:
  - action: Accept
    to:
    - namespaces: {}
    - networks:
      - 10.0.0.0/8
      - 10.0.0.0
"""


def told(manifests):
    return [str(found) for found in manifests.diagnostics]


@given(distinct_documents)
def test_sound_files_are_read_whole(objects):
    manifests = parse(text_of(objects), "f.yaml")

    assert [identity(loaded.object) for loaded in manifests.objects] == [name_of(document) for document in objects]
    assert not manifests.diagnostics
    assert [loaded.origin.line for loaded in manifests.objects] == [2 + 2 * n for n in range(len(objects))]


@given(mutated_texts() | st.text(max_size=80))
def test_no_text_makes_reading_raise(text):
    for found in parse(text, "f.yaml").diagnostics:
        assert str(found).isprintable()
        assert found.file == "f.yaml"


@given(st.binary(max_size=80) | mutated_texts().map(lambda text: text.encode("utf-16")))
def test_no_bytes_make_loading_raise(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(content)

    load(str(file))


def test_all_mistakes_are_told_at_once_where_they_are():
    text = f"{LOCK}---\n{POD}spec:\n  hostNetwork: 3\n---\nkind: [\n---\n{POD}"
    manifests = parse(text, "f.yaml")

    assert [describe(loaded.object) for loaded in manifests.objects] == ["Pod shop/a"]
    first, second, third = told(manifests)
    assert first.startswith("f.yaml:16:9: error: ClusterNetworkPolicy lock: spec.egress[0].to[1].networks[1]: ")
    assert second.startswith("f.yaml:24:3: error: Pod shop/a: spec.hostNetwork: ")
    assert third.startswith("f.yaml:27:1: error: this is not YAML: ")


def test_a_place_can_be_asked_for():
    text = LOCK.replace("      - 10.0.0.0\n", "")
    [loaded] = parse(f"---\n{text}", "f.yaml").objects

    assert str(loaded.locate(("spec", "egress", 0, "to", 1, "networks", 0))) == "f.yaml:16:9"
    assert str(loaded.locate(("spec", "egress", 0, "protocols"))) == "f.yaml:12:5"
    assert str(loaded.locate(())) == "f.yaml:2:1"


def test_the_place_is_no_part_of_the_object():
    [one] = parse(POD, "f.yaml").objects
    [other] = parse(f"\n\n{POD}", "g.yaml").objects

    assert one == other


def test_lists_are_taken_apart_and_every_entry_keeps_its_place():
    text = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- 3
- {apiVersion: v1, kind: Pod, metadata: {name: 7}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicyList
  items:
  - metadata: {name: b}
- kind: List
  apiVersion: v1
  items:
  - {apiVersion: v1, kind: Pods}
"""
    manifests = parse(text, "f.yaml")

    assert [(describe(one.object), one.origin.line) for one in manifests.objects] == [
        ("Pod default/a", 4),
        ("NetworkPolicy default/b", 7),
    ]
    assert [(found.line, found.field) for found in manifests.diagnostics] == [(5, ""), (6, "metadata.name"), (11, "")]


@pytest.mark.parametrize(
    "text", ["kind: List\napiVersion: v1\nitems: 3\n", "3", "[]", "hello", "{}", "kind: Pod", "kind: 3"]
)
def test_what_is_no_object_is_an_error(text):
    found = parse(text, "f.yaml")

    assert not found.objects
    assert {one.severity for one in found.diagnostics} == {Severity.ERROR}


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing\n", "kind: List\napiVersion: v1\nitems: []\n"])
def test_nothing_is_nothing(text):
    assert parse(text, "f.yaml") == merge([])


@pytest.mark.parametrize(
    ("api_version", "kind", "severity", "words"),
    [
        ("apps/v1", "Deployment", Severity.INFO, "ignored"),
        ("v1", "ConfigMap", Severity.INFO, "ignored"),
        ("v1", "PodTemplate", Severity.INFO, "ignored"),
        ("networking.k8s.io/v1", "Ingress", Severity.INFO, "ignored"),
        ("longhorn.io/v1beta2", "Node", Severity.INFO, "ignored"),
        ("cilium.io/v2", "CiliumNetworkPolicy", Severity.INFO, "ignored"),
        ("projectcalico.org/v3", "NetworkPolicy", Severity.WARNING, "not enforced"),
        ("networking.k8s.aws/v1alpha1", "ClusterNetworkPolicy", Severity.WARNING, "not enforced"),
        ("v1", "Pods", Severity.ERROR, "kind: Pod"),
        ("v1", "NetworkPolicy", Severity.ERROR, "networking.k8s.io/v1"),
        ("extensions/v1beta1", "NetworkPolicy", Severity.ERROR, "networking.k8s.io/v1"),
        ("networking.k8s.io/v1", "NetworkPolices", Severity.ERROR, "kind: NetworkPolicy"),
        ("networking.k8s.io/v1", "networkpolicy", Severity.ERROR, "kind: NetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha1", "ClusterNetworkPolicy", Severity.ERROR, "v1alpha2"),
        ("policy.networking.k8s.io/v1alpha2", "AdminNetworkPolicy", Severity.ERROR, "v1alpha1"),
        (
            "policy.networkng.k8s.io/v1alpha2",
            "ClusterNetworkPolicy",
            Severity.ERROR,
            "policy.networking.k8s.io/v1alpha2",
        ),
        ("policy.networking.k8s.io/v1alpha2", "Tenant", Severity.ERROR, "supported are"),
        ("apps/v1", "Pod", Severity.ERROR, "apiVersion: v1 and kind: Pod"),
    ],
)
def test_a_kind_that_is_not_ours_is_ignored_unless_it_looks_like_ours(api_version, kind, severity, words):
    [found] = parse(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n", "f.yaml").diagnostics

    assert found.severity is severity
    assert words in f"{found.message} {found.hint}"
    assert found.line == 2


def test_unknown_fields_of_a_policy_are_errors_with_a_guess():
    [found] = parse(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec:\n  podSelecter: {}\n", "f"
    ).diagnostics

    assert (found.severity, found.line, found.field) == (Severity.ERROR, 5, "spec.podSelecter")
    assert "did you mean `podSelector`" in found.message


def test_a_boolean_where_text_belongs_is_explained():
    [found] = parse("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: y}\n", "f").diagnostics

    assert found.field == "metadata.namespace"
    assert "YAML reads y" in found.hint


def test_the_channel_decides_what_is_known():
    text = LOCK.replace("networks:\n      - 10.0.0.0/8\n      - 10.0.0.0", "nodes: {}")

    assert parse(text, "f").objects
    assert not parse(text, "f", Channel.STANDARD).objects


def test_of_two_objects_with_one_name_the_first_counts(tmp_path):
    (tmp_path / "a.yaml").write_text(f"{POD}  labels: {{from: a}}\n")
    (tmp_path / "b.yaml").write_text(f"# b\n{POD}  labels: {{from: b}}\n")
    manifests = load(str(tmp_path))

    [pod] = manifests.objects
    assert isinstance(pod.object, Pod)
    assert pod.object.metadata.labels == {"from": "a"}
    [found] = manifests.diagnostics
    assert str(found).startswith(f"{tmp_path}/b.yaml:2:1: error: Pod shop/a: ")
    assert f"{tmp_path}/a.yaml:1:1" in found.message


def test_a_missing_file_is_an_error_with_its_name(tmp_path):
    path = str(tmp_path / "none.yaml")

    assert told(load(path)) == [f"{path}: error: cannot read it: No such file or directory"]
    assert told(load_file(path)) == told(load(path))


def test_standard_input_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "x").write_text(f"{POD}---\n3\n")
    with (tmp_path / "x").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        manifests = load("-")

    assert [describe(loaded.object) for loaded in manifests.objects] == ["Pod shop/a"]
    assert [found.file for found in manifests.diagnostics] == ["<stdin>"]
