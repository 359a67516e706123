"""Options of --live: what goes together, where they come from, and how it ends without a cluster."""

import json
import re

import pytest

from tests.cli.calling import SMALL, call
from tests.unit.live.pretended import TOKEN, Server, kubeconfig, serving

FLOW = ("--from", "203.0.113.7", "--to", "203.0.113.8", "--port", "80")
POLICY = {
    "metadata": {"name": "closed", "namespace": "x", "resourceVersion": "7"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}
POD = {
    "metadata": {"name": "a", "namespace": "x", "labels": {"app": "a"}, "resourceVersion": "8"},
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
}
ENTERS = ("--from", "203.0.113.7", "--to", "x/a", "--port", "80")
OPENING = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: opening, namespace: x}
spec:
  podSelector: {}
  ingress:
  - {}
"""


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def cluster(server, tmp_path):
    """A kubeconfig for a cluster with a pod that nobody may enter."""
    server.answers["/api/v1/namespaces"]["items"] = [{"metadata": {"name": "x"}}]
    server.answers["/api/v1/nodes"]["items"] = [{"metadata": {"name": "n1"}, "spec": {}, "status": {}}]
    server.answers["/api/v1/pods"]["items"] = [POD]
    server.answers["/apis/networking.k8s.io/v1/networkpolicies"]["items"] = [POLICY]
    with serving(server) as url:
        yield kubeconfig(tmp_path, url)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", *FLOW), "name manifests with --file, or a running cluster with --live"),
        (("explain", "-f", SMALL, *FLOW, "--kubeconfig", "x"), "it is about a running cluster; add --live"),
        (("reach", "-f", SMALL, "--context", "x"), "it is about a running cluster; add --live"),
        (("diff", "--live"), "name one path, that of what would be applied"),
        (("diff", "--live", SMALL, SMALL), "name one path, that of what would be applied"),
        (("diff", "--live", "--git", "HEAD", SMALL), "--git and --live both say what is old"),
        (("diff", "--prune", SMALL, SMALL), "--prune is about a running cluster; add --live"),
        (("explain", "--live", "--kubeconfig", "nowhere", *FLOW), "the kubeconfig nowhere cannot be used"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_asked(arguments, said):
    answer = call(*arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_without_a_kubeconfig_it_says_where_one_was_looked_for(tmp_path):
    answer = call("reach", "--live", env={"HOME": str(tmp_path), "KUBECONFIG": "", "KUBERNETES_SERVICE_HOST": ""})

    assert (answer.code, answer.out) == (2, "")
    assert "there is no kubeconfig: none is named, $KUBECONFIG is not set" in answer.err


def test_a_server_that_is_not_there_ends_it_as_what_this_machine_cannot_do(tmp_path):
    with serving(Server()) as url:
        path = kubeconfig(tmp_path, url)

    answer = call("reach", "--live", "--kubeconfig", path)

    assert (answer.code, answer.out) == (3, "")
    assert f"{url} does not answer" in answer.err
    assert TOKEN not in answer.err


def test_the_options_can_come_from_the_environment_and_from_the_config_file(cluster, tmp_path):
    config = tmp_path / "anp.yaml"
    config.write_text(json.dumps({"live": True, "kubeconfig": cluster, "context": "k"}), encoding="utf-8")
    typed = call("explain", "--live", "--kubeconfig", cluster, "--context", "k", *ENTERS)

    assert typed.code == 1, typed.err
    assert "NetworkPolicy x/closed" in typed.out
    assert call("--config", str(config), "explain", *ENTERS) == typed
    assert call("explain", *ENTERS, env={"ANP_LIVE": "1", "ANP_KUBECONFIG": cluster, "ANP_CONTEXT": "k"}) == typed
    assert call("explain", "--live", *ENTERS, env={"KUBECONFIG": cluster}) == typed


def test_what_the_environment_says_of_a_cluster_is_no_harm_to_questions_about_manifests(cluster):
    plain = call("reach", "-f", SMALL)

    assert plain.code == 0
    assert call("reach", "-f", SMALL, env={"ANP_KUBECONFIG": cluster, "ANP_CONTEXT": "k"}) == plain


def test_manifests_on_standard_input_can_be_mixed_in_and_have_their_lines(cluster):
    live = ("--live", "--kubeconfig", cluster)

    opened = call("explain", *live, "-f", "-", *ENTERS, stdin=OPENING)
    linted = call("lint", *live, "-f", "-", "--select", "ANP", "--severity", "info", stdin=OPENING)
    differs = call("diff", *live, "-", "-o", "json", stdin=OPENING)

    assert opened.code == 0, opened.err
    assert "decided by NetworkPolicy x/opening ingress[0] (<stdin>:8:5)" in opened.out
    assert linted.code in {0, 1}
    assert differs.code == 1
    assert "<stdin>" in differs.out
    assert call("explain", *live, *ENTERS).code == 1


def test_a_comment_in_a_file_is_heard_beside_a_running_cluster(cluster):
    live = ("--live", "--kubeconfig", cluster, "--severity", "info", "--select", "ANP2")
    typo = OPENING.replace("podSelector: {}", "podSelector: {matchLabels: {app: b}}")

    told = call("lint", *live, "-f", "-", stdin=typo)
    code = re.search(r"(ANP\d+): NetworkPolicy x/opening", told.out)[1]
    hushed = call("lint", *live, "-f", "-", stdin=f"# anp-lint: ignore {code} it comes in May{typo}")

    assert "1 suppressed" in hushed.out


def test_what_there_is_to_say_about_a_cluster_is_said_once(cluster, server):
    server.answers["/api/v1/namespaces"]["items"] = []

    answer = call("diff", "--live", "--kubeconfig", cluster, "-", stdin=OPENING)

    assert len(answer.told) == 1, answer.err
    assert answer.told[0].startswith("Pod x/a (resourceVersion 8): warning: Pod x/a: metadata.namespace: ")


def test_errors_in_manifests_end_it_and_say_that_it_was_about_both(cluster):
    answer = call("reach", "--live", "--kubeconfig", cluster, "-f", "-", stdin="kind: [")

    assert (answer.code, answer.out) == (2, "")
    assert "1 error in the cluster and the manifests; nothing was done" in answer.err
