"""A cluster is read whole or not at all: answers of an API server that is pretended."""

import pytest

from anp.controller.client import ConfigError
from anp.live.observed import Observed
from anp.live.reading import LiveError, kubeconfig_path, read, server_of
from anp.sources.diagnostics import Severity
from tests.unit.live.pretended import GROUP, TOKEN, Server, kubeconfig, serving


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def reading(server, tmp_path):
    """Read what the server has."""
    with serving(server) as url:
        yield lambda **options: read(kubeconfig(tmp_path, url), **options)


def namespaces(*names, follow=""):
    items = [{"metadata": {"name": name, "resourceVersion": f"v-{name}"}} for name in names]
    return {"kind": "NamespaceList", "metadata": {"continue": follow}, "items": items}


def test_pages_are_followed_to_the_end(server, reading):
    path = "/api/v1/namespaces?limit=500"
    server.answers[path] = namespaces("a", "b", follow="one more&")
    server.answers[f"{path}&continue=one+more%26"] = namespaces("c")

    found = reading()

    assert [each.object.metadata.name for each in found.objects] == ["a", "b", "c"]
    assert [str(each.locate(("spec", "x"))) for each in found.objects] == [
        f"Namespace {name} (resourceVersion v-{name})" for name in "abc"
    ]
    assert {method for method, _path in server.calls} == {"GET"}


def test_a_list_that_took_too_long_is_begun_again_and_nothing_is_there_twice(server, reading):
    path = "/api/v1/namespaces?limit=500"
    server.answers[path] = namespaces("a", "b", follow="more")
    server.answers[f"{path}&continue=more"] = [(410, {"message": "expired"}), namespaces("c")]

    assert [each.object.metadata.name for each in reading().objects] == ["a", "b", "c"]


def test_a_list_that_always_takes_too_long_is_an_error(server, reading):
    path = "/api/v1/namespaces?limit=500"
    server.answers[path] = namespaces("a", follow="more")
    server.answers[f"{path}&continue=more"] = (410, {"message": "expired"})

    with pytest.raises(LiveError, match=r"namespaces cannot be read.*expired"):
        reading()


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/api/v1/pods", (500, {"message": "etcd is ill"}), "pods cannot be read: .*500 etcd is ill"),
        ("/api/v1/pods", (404, {"message": "no such path"}), "pods cannot be read: .*404"),
        ("/api/v1/pods", b"<html>log in here</html>", "something that is no list of pods"),
        ("/api/v1/pods", {"kind": "PodList", "items": {}}, "something that is no list of pods"),
        ("/api/v1/pods", {"kind": "PodList", "items": ["a"]}, "something that is no list of pods"),
        ("/api/v1/pods", {"kind": "Status", "items": []}, "something that is no list of pods"),
        (GROUP, (401, {"message": "Unauthorized"}), "does not accept who calls; log in again"),
        (GROUP, (403, {"message": "forbidden"}), "does not say which kinds it serves"),
        (GROUP, b"<html>log in here</html>", "something that no API server says"),
        ("/api/v1/pods", (403, {"message": "forbidden"}), "does not let you list pods in the whole cluster"),
    ],
)
def test_whatever_is_not_the_whole_is_an_error_without_a_secret(server, reading, path, answer, said):
    server.answers[path] = answer

    with pytest.raises(LiveError, match=said) as failed:
        reading()

    assert "http://127.0.0.1:" in str(failed.value)
    assert TOKEN not in str(failed.value)


def test_who_does_not_answer_is_named(tmp_path):
    with serving(Server()) as url:
        pass

    with pytest.raises(LiveError, match=f"{url} does not answer: .*is this the right --kubeconfig") as failed:
        read(kubeconfig(tmp_path, url))

    assert TOKEN not in str(failed.value)


def group(*versions):
    return {"kind": "APIGroup", "versions": [{"version": version} for version in versions]}


def resources(**kinds):
    named = [{"name": plural, "kind": kind} for plural, kind in kinds.items()]
    return {
        "kind": "APIResourceList",
        "resources": [*named, *({**each, "name": f"{each['name']}/status"} for each in named)],
    }


def test_each_kind_is_read_in_the_version_that_is_known(server, reading):
    server.answers |= {
        GROUP: group("v1beta1", "v1alpha2"),
        f"{GROUP}/v1beta1": resources(clusternetworkpolicies="ClusterNetworkPolicy", mysteries="Mystery"),
        f"{GROUP}/v1alpha2": resources(clusternetworkpolicies="ClusterNetworkPolicy"),
        f"{GROUP}/v1alpha2/clusternetworkpolicies": {"kind": "ClusterNetworkPolicyList", "items": [POLICY]},
    }

    found = reading()

    assert [each.object.metadata.name for each in found.objects] == ["one"]
    assert [(each.severity, each.message) for each in found.diagnostics] == [
        (
            Severity.WARNING,
            "the cluster has Mystery of policy.networking.k8s.io, which is not read and not enforced",
        )
    ]


def test_a_kind_that_is_there_only_in_other_versions_is_an_error(server, reading):
    server.answers |= {GROUP: group("v1"), f"{GROUP}/v1": resources(adminnetworkpolicies="AdminNetworkPolicy")}

    with pytest.raises(LiveError, match=r"adminnetworkpolicies of policy\.networking\.k8s\.io only in v1,"):
        reading()


POLICY = {
    "metadata": {
        "name": "one",
        "resourceVersion": "7",
        "annotations": {
            "anp-lint/ignore": "ANP101 meant",
            "lint.anp.internal/ignore": "ANP102 meant",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "owner": "x" * 1000,
        },
    },
    "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": []},
}


def test_of_annotations_only_those_that_lint_reads_are_kept_and_only_of_policies(server, reading):
    server.answers |= {
        GROUP: group("v1alpha2"),
        f"{GROUP}/v1alpha2": resources(clusternetworkpolicies="ClusterNetworkPolicy"),
        f"{GROUP}/v1alpha2/clusternetworkpolicies": {"kind": "ClusterNetworkPolicyList", "items": [POLICY]},
        "/api/v1/namespaces": {"kind": "NamespaceList", "items": [{"metadata": POLICY["metadata"]}]},
    }

    found = {each.object.kind: each for each in reading().objects}

    assert all(isinstance(each, Observed) for each in found.values())
    assert found["Namespace"].annotations == {}
    assert set(found["ClusterNetworkPolicy"].annotations) == set(POLICY["metadata"]["annotations"]) - {"owner"}


def test_what_cannot_be_read_of_an_object_is_told_and_one_without_a_spec_is_an_error(server, reading):
    items = [
        {
            "metadata": {"name": "new", "namespace": "x", "resourceVersion": "8"},
            "spec": {"podSelector": {}, "mystery": 1},
        },
        {"metadata": {"name": "odd", "namespace": "x", "resourceVersion": "9"}, "spec": 7},
    ]
    server.answers["/apis/networking.k8s.io/v1/networkpolicies"] = {"kind": "NetworkPolicyList", "items": items}

    found = reading()

    assert [each.object.metadata.name for each in found.objects] == ["new"]
    assert [(each.file, each.severity) for each in found.diagnostics] == [
        ("NetworkPolicy x/new (resourceVersion 8)", Severity.WARNING),
        ("NetworkPolicy x/odd (resourceVersion 9)", Severity.ERROR),
    ]


def test_somebody_who_waits_is_told_of_each_kind(server, reading):
    told = []

    reading(tell=told.append)

    assert [text.split()[1] for text in told] == ["namespaces", "nodes", "pods", "networkpolicies"]


# Which cluster.


@pytest.fixture
def nothing_set(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_what_is_named_wins_then_the_environment_then_what_is_usual_then_the_pod(nothing_set, monkeypatch):
    with pytest.raises(ConfigError, match="there is no kubeconfig: none is named"):
        kubeconfig_path("")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert kubeconfig_path("") == ""
    with pytest.raises(ConfigError, match="no contexts"):
        kubeconfig_path("", "mine")
    usual = nothing_set / ".kube" / "config"
    usual.parent.mkdir()
    usual.write_text("", encoding="utf-8")
    assert kubeconfig_path("") == str(usual)
    monkeypatch.setenv("KUBECONFIG", "a:b")
    assert kubeconfig_path("", "mine") == "a:b"
    assert kubeconfig_path("named") == "named"


def test_several_kubeconfigs_are_one(server, tmp_path, monkeypatch):
    with serving(server) as url:
        monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'not-there'}:{kubeconfig(tmp_path, url)}")

        assert read(context="k").objects == ()
        with pytest.raises(ConfigError, match="other"):
            read(context="other")


def test_a_server_is_named_without_its_user():
    assert server_of("https://me:secret@example.com:6443/a") == "https://example.com:6443"
    assert server_of("localhost") == "localhost"
