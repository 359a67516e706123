"""Policies of v1alpha1 become policies of v1alpha2 that mean the same: proven, cluster by cluster, for every flow."""

import json
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise, product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anp import api
from anp.firewall.migrate import migrate, parse, read
from anp.firewall.migrate.order import Place, placed
from anp.sources import manifests
from anp.sources.diagnostics import has_errors
from anp.state.cluster import cluster_of
from compiler.compilation import compile_cluster
from compiler.diagram.comparison import differences, same_meaning
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import ContainerPort, Pod, Protocol, Snapshot, Tier
from tests.histories.documents import (
    NAMESPACE_SELECTORS,
    NETWORKS,
    POLICY,
    SELECTORS,
    cluster_policies,
)
from tests.strategies import snapshots

FEWER = settings(max_examples=settings().max_examples // 4 + 1)
"""For what takes long for each case."""

DATA = Path(__file__).parents[2] / "testdata"

# Policies of all sizes: small pools, drawn from often, so that a rule among sixty still decides something.
PEERS = (
    *({"namespaces": selector} for selector in NAMESPACE_SELECTORS),
    *({"pods": {"namespaceSelector": {}, "podSelector": selector}} for selector in SELECTORS),
)
EGRESS_PEERS = (
    *PEERS,
    *({"networks": list(networks)} for networks in NETWORKS),
    {"nodes": {"matchLabels": {"a": "0"}}},
)
PORTS = (
    *({"portNumber": {"protocol": protocol, "port": port}} for protocol in ("TCP", "UDP") for port in (80, 81, 53)),
    {"portNumber": {"protocol": "ICMP", "port": 80}},
    {"portNumber": {"port": 80}},
    {"portRange": {"protocol": "TCP", "start": 80, "end": 81}},
    {"portRange": {"protocol": "UDP", "start": 80, "end": 80}},
    {"portRange": {"start": 1, "end": 65535}},
    {"portRange": {"protocol": "SCTP", "start": 82, "end": 80}},
)
NAMED_PORTS = ({"namedPort": "web"}, {"namedPort": "dns"})
SIZES = st.sampled_from((1, 2, 3, 24, 25, 26, 27, 51, 100))


def _some(draw, pool, size):
    """Entries of a pool, as many as wanted, from a random number."""
    chosen = draw(st.randoms(use_true_random=False))
    return [chosen.choice(pool) for _ in range(size)]


@st.composite
def rules(draw, direction, actions):
    side, peers = ("from", PEERS) if direction == "ingress" else ("to", EGRESS_PEERS)
    found = {"action": draw(st.sampled_from(actions)), side: _some(draw, peers, draw(SIZES))}
    match draw(st.sampled_from(("none", "numbers", "names"))):
        case "numbers":
            found["ports"] = _some(draw, PORTS, draw(SIZES))
        case "names" if all("pods" in peer or "namespaces" in peer for peer in found[side]):
            found["ports"] = _some(draw, (*PORTS, *NAMED_PORTS), draw(SIZES))
    if draw(st.booleans()):
        found["name"] = "n" * draw(st.sampled_from((1, 100)))
    return found


@st.composite
def large(draw, kind):
    """A policy in the limits of v1alpha1, which are far beyond those of v1alpha2."""
    actions = ("Allow", "Deny", *(() if kind == "BaselineAdminNetworkPolicy" else ("Pass",)))
    spec = {"subject": draw(st.sampled_from(PEERS))}
    if kind == "AdminNetworkPolicy":
        spec["priority"] = draw(st.sampled_from((0, 5, 6, 7, 1000)))
    for direction in ("ingress", "egress"):
        pool = [draw(rules(direction, actions)) for _ in range(draw(st.integers(1, 4)))]
        spec[direction] = _some(draw, pool, draw(st.sampled_from((0, 1, 2, 3, 26))))
    name = "default" if kind == "BaselineAdminNetworkPolicy" else draw(st.sampled_from(("a", "b", "a-2", "default")))
    return {"apiVersion": f"{POLICY}/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


old = st.one_of(
    large("AdminNetworkPolicy"),
    large("AdminNetworkPolicy"),
    large("BaselineAdminNetworkPolicy"),
    *(cluster_policies(kind) for kind in ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy")),
)
several = st.lists(
    st.one_of(old, old, cluster_policies("ClusterNetworkPolicy")),
    min_size=1,
    max_size=4,
    unique_by=lambda document: (document["kind"], document["metadata"]["name"]),
)


def parsed(documents):
    """The policies among documents, but those with a field of a newer API, which no server of this one takes."""
    texts = [text for document in documents if '"tenants"' not in (text := json.dumps(document))]
    found = parse("\n---\n".join(texts), "policies.yaml")
    assert not has_errors(found.diagnostics), found.diagnostics
    return found.policies


def policies_of(documents):
    return [api.to_policy(api.parse(document).object).policy for document in documents]


def compiled(snapshot: Snapshot, policies):
    """A cluster with these policies of administrators, and its own NetworkPolicies."""
    own = [policy for policy in snapshot.policies if policy.tier is Tier.NETWORK_POLICY]
    return compile_cluster(
        Snapshot.of(
            namespaces=snapshot.namespaces,
            pods=snapshot.pods,
            nodes=snapshot.nodes,
            policies=[*own, *policies],
            learned=snapshot.learned,
        )
    )


def rule(action, *ports, peers=(PEERS[0],)):
    return {"action": action, "from": list(peers), **({"ports": list(ports)} if ports else {})}


def policy(name, priority, *ingress):
    """An AdminNetworkPolicy for all pods; without a priority, the baseline policy."""
    kind = "AdminNetworkPolicy" if priority is not None else "BaselineAdminNetworkPolicy"
    spec = {"subject": PEERS[0], "ingress": list(ingress), **({} if priority is None else {"priority": priority})}
    return {"apiVersion": f"{POLICY}/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def port(number, protocol="TCP"):
    return {"portNumber": {"protocol": protocol, "port": number}}


CLOSED = policy("default", None, rule("Deny"))
TOLD_APART = (
    [policy("a", 5, rule("Pass")), CLOSED],
    [policy("a", 5, rule("Allow")), policy("b", 6, rule("Deny"))],
    [policy("b", 5, rule("Allow")), policy("a", 6, rule("Deny"))],
    [policy("a", 5, rule("Allow", port(80))), policy("b", 5, rule("Deny"))],
    [policy("b", 5, *[rule("Deny", port(80))] * 26), policy("a", 5, rule("Allow"))],
    [policy("a", 5, *[rule("Pass", port(80))] * 26, rule("Deny", port(81))), policy("b", 5, rule("Allow")), CLOSED],
    [policy("a", 5, *[rule("Pass", port(80))] * 26, rule("Deny")), policy("b", 6, rule("Allow")), CLOSED],
    [policy("a", 5, rule("Allow", *map(port, range(55, 85)))), CLOSED],
    [policy("a", 5, rule("Allow", port(80, "ICMP"))), CLOSED],
    [policy("a", 5, rule("Allow", port(80, "ICMP"), port(53, "UDP"))), CLOSED],
    [policy("a", 5, rule("Allow", {"portRange": {"start": 80, "end": 80}})), CLOSED],
    [policy("a", 5, rule("Allow", {"portRange": {"start": 81, "end": 80}}, port(82, "SCTP"))), CLOSED],
    [policy("a", 5, rule("Allow", {"portRange": {"start": 80, "end": 81}})), CLOSED],
    [policy("a", 5, rule("Allow", {"namedPort": "web"})), CLOSED],
    [policy("a", 5, rule("Allow", peers=[*[PEERS[1]] * 25, PEERS[2]])), CLOSED],
    [policy("default", 5, rule("Allow", port(80))), CLOSED],
    [policy("a", 1000, rule("Allow", port(80))), policy("b", 1000, *[rule("Deny", port(81))] * 26, rule("Allow"))],
)
PAIR = Snapshot.of(
    namespaces={name: Labels({NAMESPACE_NAME_LABEL: name, "a": name}) for name in ("0", "1")},
    pods=[
        Pod(name, "p", addresses=(ip_address(f"10.0.0.{name}"),), ports=(ContainerPort("web", Protocol.TCP, 80),))
        for name in ("0", "1")
    ],
)


@pytest.mark.parametrize("documents", TOLD_APART)
def test_small_policies_mean_the_same(documents):
    """What random ones seldom are: some policy decides something here, and would be missed."""
    originals = parsed(documents)
    before = compiled(PAIR, [api.to_policy(original.policy).policy for original in originals])
    after = compiled(PAIR, policies_of(each.document for each in migrate(originals).policies))
    assert same_meaning(before, after)
    without = (
        [api.to_policy(original.policy).policy for original in originals if original is not gone] for gone in originals
    )
    assert any(not same_meaning(before, compiled(PAIR, left)) for left in without)


@given(several, snapshots())
@FEWER
def test_migrated_policies_mean_the_same(documents, snapshot):
    originals = parsed(documents)
    migration = migrate(originals)
    if has_errors(migration.diagnostics):
        assert migration.policies == ()
        return
    before = compiled(snapshot, [api.to_policy(original.policy).policy for original in originals])
    after = compiled(snapshot, policies_of(migrated.document for migrated in migration.policies))
    assert same_meaning(before, after), differences(before, after)[:3]


@given(several)
@FEWER
def test_migrated_policies_are_in_order_and_in_the_limits(documents):
    """By priority alone, as equal ones have no order that every implementation knows, but for those that were equal."""
    migration = migrate(parsed(documents))
    names = [each.document["metadata"]["name"] for each in migration.policies]
    assert len(set(names)) == len(names)
    for each in migration.policies:
        taken = api.parse(each.document)
        assert taken.warnings == ()
        assert isinstance(taken.object, api.ClusterNetworkPolicy)
        if not isinstance(each.original.policy, api.ClusterNetworkPolicy):
            assert each.document["metadata"]["annotations"]["translate.anp.internal/from"] == each.original.name
    for tier in ("Admin", "Baseline"):
        found = [each for each in migration.policies if each.document["spec"]["tier"] == tier]
        for before, after in pairwise(found):
            first, second = (each.document["spec"]["priority"] for each in (before, after))
            was = [api.to_policy(each.original.policy).policy.priority for each in (before, after)]
            assert first < second or (first == second and was[0] == was[1])
            assert first < second or before.original is not after.original


def documents_of(path):
    """The objects of a scenario, with those that it includes, or of plain manifests."""
    for document in yaml.safe_load_all(path.read_text()):
        if "scenario" in document or "objects" in document:
            for name in document.get("include", ()):
                yield from documents_of(path.parent / name)
            yield from document.get("objects", ())
        else:
            yield document


OURS = [
    ("demo", sorted((DATA / "demo").glob("*.yaml"))),
    *((path.stem, [path]) for path in sorted((DATA / "scenarios" / "admin-network-policy").glob("*.yaml"))),
    *((path.stem, [path]) for path in sorted((DATA / "scenarios" / "corners").glob("*generations.yaml"))),
]


@pytest.mark.parametrize(("name", "paths"), OURS, ids=[name for name, _ in OURS])
def test_our_own_policies_mean_the_same(name, paths):
    documents = [document for path in paths for document in documents_of(path)]
    text = "---\n".join(f"{json.dumps(document)}\n" for document in documents)
    cluster = cluster_of(manifests.parse(text, name), invent=True)
    migration = migrate(parse(text, name).policies)
    assert migration.policies
    assert not has_errors(migration.diagnostics)
    before = compile_cluster(cluster.snapshot)
    after = compiled(cluster.snapshot, policies_of(each.document for each in migration.policies))
    assert same_meaning(before, after)


# Large policies, told one by one.


def anp(name, priority, ingress=(), egress=()):
    head = {"apiVersion": f"{POLICY}/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": {"name": name}}
    return {**head, "spec": {"priority": priority, "subject": PEERS[0], "ingress": [*ingress], "egress": [*egress]}}


def allow(number=1, **more):
    return [{"action": "Allow", "from": [PEERS[0]], **more}] * number


def migrated(*documents, **options):
    migration = migrate(parsed(documents), **options)
    told = [str(found) for found in migration.diagnostics]
    places = [(each.document["metadata"]["name"], each.document["spec"]["priority"]) for each in migration.policies]
    return places, told


def test_only_who_is_in_the_way_moves():
    policies = anp("a", 10, allow(60)), anp("b", 11, allow()), anp("c", 12, allow()), anp("d", 20, allow())
    places, told = migrated(*policies)
    assert places == [("a", 10), ("a-2", 11), ("a-3", 12), ("b", 13), ("c", 14), ("d", 20)]
    assert sum("its priority becomes" in line for line in told) == 2


def test_at_the_last_priority_others_make_room():
    places, _ = migrated(anp("a", 998, allow()), anp("b", 1000, allow(60)))
    assert places == [("a", 997), ("b", 998), ("b-2", 999), ("b-3", 1000)]


def test_more_than_there_is_room_for_is_an_error():
    places, told = migrated(anp("a", 5, allow(60)), last_priority=1)
    assert places == []
    assert "FW402" in told[-1] or any("FW402" in line for line in told)


def test_equals_stay_equal_unless_they_are_divided():
    assert migrated(anp("a", 5, allow()), anp("b", 5, allow()))[0] == [("a", 5), ("b", 5)]
    assert migrated(anp("a", 5, allow(26)), anp("b", 5, allow()))[0] == [("a", 5), ("a-2", 6), ("b", 7)]


def test_new_policies_stay_as_they_are_but_may_move():
    new = {"apiVersion": f"{POLICY}/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "a"}}
    new["spec"] = {"tier": "Admin", "priority": 6, "subject": PEERS[0], "ingress": [{**rule("Deny"), "name": "x"}]}
    migration = migrate(parsed([anp("a", 5, allow(26)), new]))
    *_, moved = (each.document for each in migration.policies)
    assert moved == {**new, "spec": {**new["spec"], "priority": 7}}
    assert [each.document["metadata"]["name"] for each in migration.policies] == ["a-admin", "a-admin-2", "a"]


def test_a_part_takes_nobodys_name():
    places, _ = migrated(anp("a", 5, allow(26)), anp("a-2", 9, allow()))
    assert places == [("a", 5), ("a-admin-2", 6), ("a-2", 9)]


def test_a_rule_is_divided_by_peers_and_by_ports():
    ports = [{"portNumber": {"port": number}} for number in range(1, 61)]
    rule = {"action": "Deny", "from": [PEERS[number % len(PEERS)] for number in range(30)], "ports": ports, "name": "r"}
    migration = migrate(parsed([anp("a", 5, [rule])]))
    rules = migration.policies[0].document["spec"]["ingress"]
    assert [(len(rule["from"]), len(rule["protocols"])) for rule in rules] == [*product((25, 5), (25, 25, 10))]
    assert [rule["name"] for rule in rules] == ["r", *(f"r ({number})" for number in range(2, 7))]


def test_what_matches_nothing_is_left_out_and_told():
    rule = {"action": "Deny", "from": [PEERS[0]], "ports": [{"portNumber": {"protocol": "ICMP", "port": 1}}]}
    migration = migrate(parsed([anp("a", 5, [rule])]))
    assert "ingress" not in migration.policies[0].document["spec"]
    lines = [(found.line > 0, found.field, found.message[:5]) for found in migration.diagnostics]
    assert [line[0] for line in lines] == [True, True]
    assert {found.message for found in migration.diagnostics} == {
        "FW002: the protocol 'ICMP' matches nothing, so it is left out",
        "FW002: the rule matches nothing, so it is left out",
    }


UNKNOWN = {"namespaces": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}
NOTHING = [{"portNumber": {"protocol": "ICMP", "port": 1}}]


@pytest.mark.parametrize("rule", [{"from": [UNKNOWN, *PEERS * 3]}, {"from": [UNKNOWN], "ports": NOTHING}])
def test_a_rule_that_fails_closed_is_not_divided_nor_left_out(rule):
    """Alone, the parts that are understood would mean something; without the rule, so would the one after it."""
    migration = migrate(parsed([anp("a", 5, [{"action": "Deny", **rule}, *allow()])]))
    assert migration.policies == ()
    assert any("FW150" in found.message for found in migration.diagnostics)


def test_a_rule_that_fails_closed_still_does():
    migration = migrate(parsed([anp("a", 5, [{"action": "Deny", "from": [UNKNOWN]}])]))
    (policy,) = policies_of(each.document for each in migration.policies)
    assert policy.ingress[0].failed_closed


def test_what_a_server_has_and_nobody_can_read_is_refused():
    document = anp("a", 5, allow())
    document["spec"]["tenants"] = {}
    observed = api.parse(document, admission=api.Admission.OBSERVED).object
    original = parsed([anp("a", 5, allow())])[0]
    migration = migrate([replace(original, policy=observed)])
    assert migration.policies == ()
    assert "tenants" in migration.diagnostics[0].message


def test_labels_and_annotations_stay_and_a_trace_is_left():
    document = anp("a", 5, allow(26))
    document["metadata"] |= {
        "labels": {"team": "x"},
        "annotations": {"who": "me", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    second = migrate(parsed([document])).policies[1].document["metadata"]
    assert second["labels"] == {"team": "x"}
    trace = {"from": "AdminNetworkPolicy a", "priority": "5", "part": "2 of 2"}
    assert second["annotations"] == {
        "who": "me",
        **{f"translate.anp.internal/{key}": value for key, value in trace.items()},
    }


def test_annotations_of_files_and_lists_stay(tmp_path):
    document = anp("a", 5, allow())
    document["metadata"]["annotations"] = {"who": "me"}
    listed = {"apiVersion": "v1", "kind": "List", "items": [document]}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(listed))
    assert read(str(tmp_path)).policies[0].annotations == {"who": "me"}


# Priorities.


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=35))
def test_places_are_in_order_and_move_as_little_as_possible(drawn):
    """Against the plain meaning: the least total order that fits, found by moving one step at a time."""
    wanted = sorted(number for number, _ in drawn)
    ties = [
        Place(number, tied=index > 0 and wanted[index - 1] == number and drawn[index][1])
        for index, number in enumerate(wanted)
    ]
    found = placed(ties, 30)
    needed = sum(not place.tied for place in ties)
    if found is None:
        assert needed > 31
        return
    assert needed <= 31
    assert all(0 <= number <= 30 for number in found)
    for index, place in enumerate(ties[1:], start=1):
        assert found[index - 1] < found[index] or (place.tied and found[index - 1] == found[index])
    if all(place.tied or index == 0 or ties[index - 1].wanted < place.wanted for index, place in enumerate(ties)):
        assert list(found) == wanted
