"""Commands with --live on a real API server: the same answers as from manifests, by reading alone."""

import json
import subprocess

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anp.api.admission import Channel
from anp.api.crds import crds
from anp.lab.namespace import Namespace
from anp.live import reading
from tests.cli.calling import call
from tests.controlplane.process import wait_for
from tests.controlplane.rest import RefusedError
from tests.histories.documents import LABELS, addresses_at, namespace, node, pod, policies

pytestmark = pytest.mark.controlplane

RBAC = "rbac.authorization.k8s.io"
GROUP = "policy.networking.k8s.io"
KINDS = {
    "namespaces": "",
    "nodes": "",
    "pods": "",
    "networkpolicies": "networking.k8s.io",
    "adminnetworkpolicies": GROUP,
    "baselineadminnetworkpolicies": GROUP,
    "clusternetworkpolicies": GROUP,
}
PODS = [("Pod", where, name) for where in "xy" for name in ("one", "two")]
OBJECTS = [
    *(namespace(name, {"a": name}) for name in "xyz"),
    node("n0", {"a": "0"}, ["10.0.1.1", "fd01::1"]),
    node("n1", {"b": "0"}, ["10.0.1.2"]),
    *(
        pod(name, labels, f"n{place % 2}", addresses_at(place), [("web", "TCP", 80)], place)
        for place, (name, labels) in enumerate(zip(PODS, LABELS[1:], strict=False), 1)
    ),
]
CLOSED = {
    "apiVersion": f"{GROUP}/v1alpha2",
    "kind": "ClusterNetworkPolicy",
    "metadata": {"name": "closed", "annotations": {"other": "words"}},
    "spec": {
        "tier": "Admin",
        "priority": 7,
        "subject": {"namespaces": {"matchLabels": {"a": "x"}}},
        "ingress": [
            {"action": "Deny", "from": [{"namespaces": {"matchLabels": {"a": "y"}}}]},
            {"action": "Accept", "from": [{"namespaces": {"matchLabels": {"a": "y"}}}]},
        ],
    },
}
OPEN = {
    **CLOSED,
    "spec": {**CLOSED["spec"], "ingress": [{"action": "Accept", "from": [{"namespaces": {}}]}]},
}


def written(documents):
    """Objects as the API takes them from people: containers need images, and status is somebody else's."""
    for document in documents:
        sent = {key: value for key, value in document.items() if key != "status"}
        if sent["kind"] == "Pod":
            containers = [{**each, "image": "none"} for each in sent["spec"]["containers"]]
            sent["spec"] = {**sent["spec"], "containers": containers}
            sent["metadata"] = {k: v for k, v in sent["metadata"].items() if k != "creationTimestamp"}
        yield sent


def role(name, rules):
    """What a user of that name may do in the whole cluster."""
    subject = {"apiGroup": RBAC, "kind": "User", "name": name}
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    return (
        {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": ref,
            "subjects": [subject],
        },
    )


def listing(*without):
    """The right to list, and no other."""
    return [
        {"apiGroups": [group], "resources": [plural], "verbs": ["list"]}
        for plural, group in KINDS.items()
        if plural not in without
    ]


@pytest.fixture(scope="module")
def plane(make_shared_control_plane):
    """A control plane with a small cluster, and users who may read it, all of it or not."""
    plane = make_shared_control_plane()
    users = {"reader": listing(), "blind": listing("nodes", "clusternetworkpolicies")}
    plane.apply([*crds(Channel.EXPERIMENTAL), *(each for name, rules in users.items() for each in role(name, rules))])
    plane.apply(written(OBJECTS))
    rest = plane.rest()
    for document in OBJECTS:
        if status := document.get("status"):
            rest.merge(f"{rest.path(document)}/status", {"status": status})
    for name, path in (("reader", "nodes"), ("blind", "pods")):
        theirs = plane.rest(name, ["people"])
        wait_for(lambda theirs=theirs, path=path: allowed(theirs, f"/api/v1/{path}"), "the roles to be in force")
        theirs.close()
    yield plane
    rest.close()


def allowed(rest, path):
    try:
        return rest.exists(path)
    except RefusedError as error:
        if error.code == 403:
            return False
        raise


@pytest.fixture
def admin(plane):
    rest = plane.rest()
    yield rest
    for plural in ("adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"):
        for path in served(plural):
            rest.delete(path)
    for where in "xyz":
        rest.delete(f"/apis/networking.k8s.io/v1/namespaces/{where}/networkpolicies")
    rest.close()


def served(plural):
    return [f"/apis/{GROUP}/{'v1alpha2' if plural.startswith('cluster') else 'v1alpha1'}/{plural}"]


@pytest.fixture
def live(plane):
    """Call a command as somebody, about the cluster."""

    def live(command, *arguments, user="reader"):
        kubeconfig = plane.kubeconfig(user, () if user == "admin" else ["people"])
        return call(command, "--live", "--kubeconfig", str(kubeconfig), *arguments)

    return live


def saved(folder, *documents):
    path = folder / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}), encoding="utf-8")
    return str(path)


EXPECTED = """\
scenario: two
about: Nobody of y comes to x, and those of x do
include: [not-there.yaml]
families: [4]
steps:
- step: as it runs
  expect:
  - traffic: tcp/80
    picture: |2
             x/two
      y/one  X
      x/one  .
"""
FLOW = ("--from", "y/one", "--to", "x/two", "--port", "80")


def test_who_may_only_list_gets_every_answer(live, admin, tmp_path):
    admin.apply(CLOSED)

    explained = live("explain", *FLOW)
    linted = live("lint", "--severity", "info", "-o", "json")
    compiled = live("compile", "--node", "n0")
    reached = live("reach", "--list")
    differs = live("diff", saved(tmp_path, OPEN))

    assert (explained.code, explained.err) == (1, "")
    version = admin.get(admin.path(CLOSED))["metadata"]["resourceVersion"]
    place = f"(ClusterNetworkPolicy closed (resourceVersion {version}))"
    assert f"decided by ClusterNetworkPolicy closed ingress[0] {place}" in explained.out
    assert f"without it: accepted by ClusterNetworkPolicy closed ingress[1] {place}" in explained.out
    assert compiled.code == reached.code == 0
    assert "10.0.0.2" in compiled.out
    assert "y → x" not in reached.out
    assert differs.code == 1
    assert "+ gained" in differs.out
    found = json.loads(linted.out)
    assert {each["code"] for each in found["findings"]} >= {"ANP101"}
    assert {each["file"] for each in found["findings"]} >= {place[1:-1]}


@pytest.fixture
def network():
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.mark.kernel
def test_the_rules_that_a_node_really_has_are_proven_of_the_cluster(live, admin, network, tmp_path):
    admin.apply(CLOSED)
    applied = call("apply", "-f", saved(tmp_path, *OBJECTS, CLOSED), "--node", "n0", network=network)
    assert applied.code == 0, applied.err
    rules = tmp_path / "rules.json"
    command = ["nft", "-j", "list", "ruleset"]
    done = network.call(lambda: subprocess.run(command, capture_output=True, check=True, text=True, timeout=60))
    rules.write_text(done.stdout, encoding="utf-8")

    proven = live("prove", "--node", "n0", "--ruleset", str(rules))
    assert (proven.code, proven.err) == (0, "")
    assert proven.out.startswith(
        "equal: the rules of n0 do what the policies mean, for every packet that a host takes ("
    )

    # Nothing is written to the node yet: what the cluster says by now is something else.
    admin.apply(OPEN)
    version = admin.get(admin.path(OPEN))["metadata"]["resourceVersion"]
    differs = live("prove", "--node", "n0", "--ruleset", str(rules))
    assert (differs.code, differs.err) == (1, "")
    assert f"(ClusterNetworkPolicy closed (resourceVersion {version}))" in differs.out
    document = json.loads(live("prove", "--node", "n0", "--ruleset", str(rules), "-o", "json").out)
    assert {each["kernel"] for each in document["differences"]} == {"drops"}
    assert live("prove", "--node", "n9", "--ruleset", str(rules)).code == 2


def test_the_graph_is_of_the_policies_that_are_there(live, admin, tmp_path):
    admin.apply(CLOSED)

    there = live("graph", "--detail", "rules", "-o", "json")
    drawn = live("graph", "--detail", "programs", "--format", "dot")

    assert (there.code, there.err, drawn.code, drawn.err) == (0, "", 0, "")
    here = call("graph", "-f", saved(tmp_path, *OBJECTS, CLOSED), "--detail", "rules", "-o", "json")
    assert json.loads(there.out) == json.loads(here.out)
    (policy,) = (policy for tier in json.loads(there.out)["tiers"] for policy in tier["policies"])
    assert [rule["standing"] for rule in policy["rules"]] == ["live", "dead"]
    assert drawn.out.startswith("digraph policies {")


def test_expectations_are_asked_of_the_cluster(live, admin, tmp_path):
    admin.apply(CLOSED)
    file = tmp_path / "expected.yaml"
    file.write_text(EXPECTED, encoding="utf-8")

    closed = live("test", str(file))
    as_if = live("test", str(file), "--file", saved(tmp_path, OPEN))
    admin.apply(OPEN)
    opened = live("test", str(file), "-o", "json")

    assert (closed.code, closed.err) == (0, ""), closed.out
    assert as_if.code == opened.code == 1
    assert "ClusterNetworkPolicy closed ingress[0]" in as_if.out
    assert {each["from"] for each in json.loads(opened.out)["tests"][0]["failures"]} == {"y/one"}
    missing = tmp_path / "missing.yaml"
    missing.write_text(EXPECTED.replace("x/two", "x/three"), encoding="utf-8")
    assert "the cluster has no pod or workload x/three" in live("test", str(missing)).err


def test_it_only_asks_and_leaves_nothing(live, admin):
    admin.apply(CLOSED)
    before = {plural: admin.get(path_of(plural)) for plural in KINDS}

    assert live("explain", *FLOW).code == 1

    after = {plural: admin.get(path_of(plural)) for plural in KINDS}
    assert [each["items"] for each in after.values()] == [each["items"] for each in before.values()]


def path_of(plural):
    group = KINDS[plural]
    version = "v1alpha2" if plural.startswith("cluster") else "v1alpha1"
    return f"/api/v1/{plural}" if not group else f"/apis/{group}/{version if group == GROUP else 'v1'}/{plural}"


@pytest.mark.parametrize("name", ["anp-lint/ignore", "lint.anp.internal/ignore"])
def test_an_annotation_suppresses_findings_about_an_object_that_has_no_file(live, admin, name):
    told = {"annotations": {name: "ANP101 the day will come; ANP999 nothing"}}
    admin.apply({**CLOSED, "metadata": {**CLOSED["metadata"], **told}})
    shadowed = {**CLOSED, "metadata": {"name": "shadowed"}, "spec": {**CLOSED["spec"], "priority": 8}}
    admin.apply(shadowed)

    report = json.loads(live("lint", "--select", "ANP101", "--select", "ANP6", "-o", "json").out)

    by_code = {(each["code"], each["object"]) for each in report["findings"]}
    assert ("ANP101", "ClusterNetworkPolicy shadowed") in by_code
    assert ("ANP603", "comment") in by_code
    assert ("ANP101", "ClusterNetworkPolicy closed") not in by_code
    assert {(each["object"], each["reason"]) for each in report["suppressed"]} == {
        ("ClusterNetworkPolicy closed", "the day will come")
    }


def test_a_field_that_the_server_dropped_is_found_by_what_was_applied(live, admin):
    meant = {**CLOSED, "spec": {**CLOSED["spec"], "subject": {"namespaces": {}, "pod": {}}}}
    told = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(meant)}}
    admin.apply({**CLOSED, "metadata": {"name": "closed", **told}})

    found = json.loads(live("lint", "--select", "ANP206", "-o", "json").out)["findings"]

    assert [each["object"] for each in found] == ["ClusterNetworkPolicy closed"]
    assert "spec.subject.pod" in found[0]["message"]


def test_what_if_this_were_applied(live, admin, tmp_path):
    admin.apply(CLOSED)
    other = {**CLOSED, "metadata": {"name": "another"}, "spec": {**CLOSED["spec"], "priority": 9}}
    admin.apply(other)
    opening = saved(tmp_path, OPEN)

    assert live("explain", *FLOW, "-f", opening).code == 0
    gained, pruned = live("diff", opening), live("diff", "--prune", opening)
    same, alone = live("diff", saved(tmp_path, CLOSED)), live("diff", "--prune", saved(tmp_path, CLOSED))

    assert gained.code == pruned.code == 1
    assert "+ gained" in gained.out
    assert f"after: accepted by ClusterNetworkPolicy closed ingress[0] ({opening}:" in gained.out
    assert (same.code, alone.code) == (0, 0)
    nothing = live("diff", "--prune", saved(tmp_path))
    assert nothing.code == 1
    assert "after: accepted by the default" in nothing.out
    assert live("diff", saved(tmp_path)).code == 0


def test_rights_that_lack_are_told_all_at_once_and_nothing_is_guessed(live, plane):
    answer = live("explain", *FLOW, user="blind")

    assert (answer.code, answer.out) == (3, "")
    assert f"{plane.url} does not let you list nodes, clusternetworkpolicies.{GROUP} in the whole cluster" in answer.err
    assert "ask for a ClusterRole with the verb list on them" in answer.err


def test_services_are_read_only_for_who_asks_about_one(live, admin):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "x"},
        "spec": {"selector": {"a": "1"}, "ports": [{"port": 8080, "targetPort": "web"}]},
    }
    admin.apply(service)
    asked = ("--from", "y/one", "--to", "service x/web")

    refused = live("explain", *asked)
    answered = live("explain", *asked, user="admin")

    assert refused.code == 3
    assert "does not let you list services" in refused.err
    assert answered.code == 0, answered.err
    assert "leads to:\n  x/two tcp/80 (10.0.0.2)" in answered.out


def test_who_is_not_known_is_told_so_and_no_token_is_shown(plane, tmp_path):
    text = plane.kubeconfig("reader", ["people"]).read_text(encoding="utf-8")
    user = {"token": "not-a-token-to-be-shown"}
    content = yaml.safe_load(text)
    content["users"][0]["user"] = user
    path = tmp_path / "stranger.kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")

    answer = call("explain", "--live", "--kubeconfig", str(path), *FLOW)

    assert (answer.code, answer.out) == (3, "")
    assert f"{plane.url} does not accept who calls; log in again" in answer.err
    assert "not-a-token" not in answer.err


def test_lists_come_in_pages_and_are_whole(live, admin, monkeypatch):
    admin.apply(CLOSED)
    whole = live("reach", "-o", "json")
    monkeypatch.setattr(reading, "PAGE", 1)

    assert live("reach", "-o", "json") == whole
    assert whole.code == 0


def test_a_kind_that_is_served_only_in_a_version_of_tomorrow_is_an_error(live, admin, plane):
    definition = admin.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/clusternetworkpolicies.{GROUP}")
    version = next(each for each in definition["spec"]["versions"] if each["name"] == "v1alpha2")
    kept = {key: definition["metadata"][key] for key in ("name", "annotations")}
    newer = {key: definition[key] for key in ("apiVersion", "kind")} | {"metadata": kept}
    newer["spec"] = {**definition["spec"], "versions": [{**version, "name": "v1beta1"}]}
    try:
        remove(admin, definition, "v1alpha2")
        without = live("explain", *FLOW)
        plane.apply([newer])

        answer = live("explain", *FLOW)
    finally:
        remove(admin, definition, "v1beta1")
        plane.apply(crds(Channel.EXPERIMENTAL))

    assert without.code == 0
    assert (answer.code, answer.out) == (3, "")
    assert f"has clusternetworkpolicies of {GROUP} only in v1beta1" in answer.err


def remove(admin, definition, version):
    """Remove a definition, and wait until nothing says any more that the kind is served."""
    if admin.exists(admin.path(definition)):
        admin.delete(admin.path(definition))

    def gone():
        try:
            served = admin.get(f"/apis/{GROUP}/{version}")["resources"]
        except RefusedError as error:
            if error.code == 404:
                return True
            raise
        return "clusternetworkpolicies" not in {each["name"] for each in served}

    wait_for(gone, "the kind to go")


drawn = st.lists(policies, min_size=2, max_size=6)


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=drawn, labels=st.lists(st.sampled_from(LABELS), min_size=len(PODS), max_size=len(PODS)))
def test_the_answers_are_those_of_the_same_manifests(plane, live, tmp_path_factory, drawn, labels):
    rest = plane.rest()
    pods = [document for document in OBJECTS if document["kind"] == "Pod"]
    labelled = [
        {**one, "metadata": {**one["metadata"], "labels": dict(own)}} for one, own in zip(pods, labels, strict=True)
    ]
    taken = {}
    rest.apply(*written(labelled))
    for document in drawn:
        try:
            rest.create(document, fieldValidation="Strict")
        except RefusedError as error:
            # What the server does not take is in no cluster, and neither is a second one of a name.
            if error.code not in {400, 409, 422}:
                raise
        else:
            taken[rest.path(document)] = document
    chosen = list(taken.values())
    others = [document for document in OBJECTS if document["kind"] != "Pod"]
    path = saved(tmp_path_factory.mktemp("drawn"), *others, *labelled, *chosen)
    try:
        for question in (
            ("reach", "--by", "pod", "-o", "json"),
            *(
                ("explain", "--from", a, "--to", b, "--port", "80", "-o", "json")
                for a in ("x/one", "10.0.1.2")
                for b in ("y/two", "x/two")
            ),
        ):
            there, here = live(*question), call(question[0], "-f", path, *question[1:])
            assert there.code == here.code, f"{there}\n{here}"
            assert placeless(there.out) == placeless(here.out)
    finally:
        for document in chosen:
            rest.delete(rest.path(document))
        rest.apply(*written(pods))
        rest.close()


def placeless(text):
    """A document without the places where things are written."""

    def strip(value):
        match value:
            case dict():
                return {key: strip(below) for key, below in value.items() if key not in {"file", "line", "column"}}
            case list():
                return [strip(each) for each in value]
            case _:
                return value

    return strip(json.loads(text))
