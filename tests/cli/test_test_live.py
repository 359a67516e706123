"""What `anp test` answers about expectations that are asked of a running cluster."""

import pytest

from tests.cli.calling import call
from tests.unit.live.pretended import Server, kubeconfig, serving

EXPECTED = """\
scenario: shop
about: Only checkout comes to the till
include: [nowhere.yaml]
objects: [{apiVersion: v1, kind: Namespace, metadata: {name: nobody-reads-this}}]
aliases: {till: shop/till, checkout: shop/checkout, web: shop/web, n1: node n1, n9: node n9}
steps:
- step: as it is
  expect:
  - traffic: tcp/5432
    picture: |2
                till
      checkout  .
      web       X
      n1        -
"""
CHANGED = """\
- step: without policies
  changes:
  - delete: NetworkPolicy shop/till
  expect:
  - traffic: tcp/5432
    picture: |2
           till
      web  .
"""
OPENING = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: opening, namespace: shop}
spec:
  podSelector: {matchLabels: {app: till}}
  ingress:
  - {}
"""
TILL = {
    "metadata": {"name": "till", "namespace": "shop", "resourceVersion": "7"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "till"}},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "buyer"}}}]}],
    },
}


def pod(name, address, **labels):
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]} if address else {"phase": "Pending"}
    metadata = {"name": name, "namespace": "shop", "labels": labels, "resourceVersion": "8"}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}


PODS = [
    pod("till", "10.0.0.1", app="till"),
    pod("checkout-7d9f5-abcde", "10.0.0.2", app="checkout", role="buyer"),
    pod("checkout-7d9f5-fghij", "10.0.0.3", app="checkout", role="buyer"),
    pod("web-0", "10.0.0.4", app="web"),
]


@pytest.fixture
def server():
    server = Server()
    server.answers["/api/v1/namespaces"]["items"] = [{"metadata": {"name": "shop"}}]
    server.answers["/api/v1/nodes"]["items"] = [{"metadata": {"name": "n1"}, "spec": {}, "status": {}}]
    server.answers["/api/v1/pods"]["items"] = list(PODS)
    server.answers["/apis/networking.k8s.io/v1/networkpolicies"]["items"] = [TILL]
    return server


@pytest.fixture
def ask(server, tmp_path):
    """Ask the cluster what a file expects."""
    with serving(server) as url:
        config = kubeconfig(tmp_path, url)

        def ask(text, *arguments):
            file = tmp_path / "shop.yaml"
            file.write_text(text, encoding="utf-8")
            return call("test", str(file), "--live", "--kubeconfig", str(config), *arguments)

        yield ask


def test_the_cluster_is_asked_and_no_manifest_of_the_file_is_read(ask, server):
    answer = ask(EXPECTED)

    assert (answer.code, answer.err) == (0, ""), answer.out
    assert "2 of 2 probes passed" in answer.out  # checkout's pods are alike, and no pod has IPv6
    assert {method for method, _path in server.calls} == {"GET"}
    assert not [path for _method, path in server.calls if "/services" in path]


def test_every_pod_of_a_workload_is_asked_that_is_not_like_another(ask, server):
    server.answers["/api/v1/pods"]["items"].append(pod("checkout-8e0a6-klmno", "10.0.0.5", app="checkout"))

    answer = ask(EXPECTED)

    assert answer.code == 1
    assert "shop/checkout-8e0a6-klmno → shop/till tcp/5432" in answer.out
    assert "decided:  ingress isolation by NetworkPolicy shop/till" in answer.out
    assert "2 of 3 probes passed" in answer.out


def test_pods_of_one_workload_are_asked_about_each_other(ask):
    answer = ask(
        EXPECTED.replace("till\n      checkout  .\n      web       X", "checkout\n      checkout  X\n      web       .")
    )

    assert answer.code == 1
    assert "shop/checkout-7d9f5-abcde → shop/checkout-7d9f5-fghij tcp/5432" in answer.out


def test_manifests_can_be_as_if_they_were_applied(ask, tmp_path):
    opening = tmp_path / "opening.yml"
    opening.write_text(OPENING, encoding="utf-8")

    answer = ask(EXPECTED, "--file", str(opening))

    assert answer.code == 1
    assert "NetworkPolicy shop/opening ingress[0]" in answer.out


def test_all_that_the_cluster_does_not_have_is_named(ask, server):
    server.answers["/api/v1/pods"]["items"][-1] = pod("web-0", "", app="web")
    picture = EXPECTED.replace("n1        -", "shop/nobody X\n      n9   X")

    answer = ask(picture)

    assert (answer.code, answer.out) == (2, "")
    assert "the cluster has no address yet for shop/web, no node n9, no pod or workload shop/nobody" in answer.err


def test_services_are_read_where_they_are_asked_for(ask, server):
    server.answers["/api/v1/services"] = {"kind": "ServiceList", "metadata": {}, "items": []}

    answer = ask(EXPECTED.replace("till: shop/till", "till: service shop/front"))

    assert answer.code == 2
    assert "the cluster has no service shop/front" in answer.err


def test_steps_about_changes_are_left_out_and_that_is_told(ask):
    answer = ask(EXPECTED + CHANGED)

    assert answer.code == 0
    assert "1 step is about changes, and not asked of a running cluster" in answer.err
    assert "2 of 2 probes passed" in answer.out

    nothing = ask(EXPECTED.partition("- step")[0] + CHANGED)
    assert (nothing.code, nothing.out) == (2, "")
    assert "nothing is expected in these files" in nothing.err


def test_families_that_no_pod_has_are_not_asked(ask):
    assert "families that are asked" in ask(EXPECTED + "families: [6]\n").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--live", "--lab"), "--lab builds a cluster of manifests, and --live asks one that runs"),
        (("--file", "policies"), "it is about a running cluster; add --live"),
        (("--kubeconfig", "x"), "it is about a running cluster; add --live"),
        (("--live", "--kubeconfig", "nowhere"), "the kubeconfig nowhere cannot be used"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path, arguments, said):
    file = tmp_path / "shop.yaml"
    file.write_text(EXPECTED, encoding="utf-8")

    answer = call("test", str(file), *arguments)

    assert (answer.code, answer.out) == (2, "")
    # Messages about options are in a box.
    assert said in " ".join(answer.err.replace("│", " ").split())


def test_a_cluster_that_does_not_answer_is_another_matter(ask, server):
    server.answers["/api/v1/pods"] = (500, {"message": "out of order"})

    assert ask(EXPECTED).code == 3
