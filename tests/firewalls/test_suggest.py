"""Drafts of mappings: they load, they say where each entry comes from, and they are the same whenever asked."""

import json
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anp.firewall.inventory.drafting import Draft, scalar, write
from anp.firewall.inventory.hosts import parse_hosts, read_hosts
from anp.firewall.inventory.loading import parse
from anp.firewall.inventory.model import Confidence
from anp.firewall.inventory.services import read_services, services_of
from anp.firewall.inventory.similarity import likeness, words
from anp.firewall.inventory.suggest import Evidence, suggest
from anp.firewall.inventory.workloads import lasting, workloads_of
from anp.firewall.model import EVERY_ADDRESS, Firewall, RuleList
from anp.firewall.services import TCP
from anp.sources import manifests
from anp.sources.documents import read_documents
from anp.state.cluster import cluster_of
from anp.state.disjoint import overlapping
from anp.state.selection import PodIndex
from compiler.addresses import AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Pod, Snapshot
from tests.firewalls.worlds import deny, firewall_of, permit
from tests.strategies import snapshots

ANY = EVERY_ADDRESS


def firewall(groups=None, interfaces=None, *rules):
    made = firewall_of(RuleList("list", (*rules, deny(ANY, ANY))))
    named = {name: AddressSet.of(*texts) for name, texts in (groups or {}).items()}
    behind = {name: AddressSet.of(*texts) for name, texts in (interfaces or {}).items()}
    rules_of_groups = [permit(ANY, addresses) for addresses in named.values()]
    if rules_of_groups and not rules:
        made = firewall_of(RuleList("list", (*rules_of_groups, deny(ANY, ANY))))
    return Firewall(made.source, made.format, made.digest, made.statements, made.lists, groups=named, interfaces=behind)


CLUSTER = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1, namespace: shop, labels: {app: web, pod-template-hash: "1"}}
  spec: {containers: [{name: c, image: i, ports: [{name: https, containerPort: 8443}]}]}
  status: {podIP: 10.20.1.5}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-2, namespace: shop, labels: {app: web, pod-template-hash: "2"}}
  spec: {containers: [{name: c, image: i, ports: [{name: https, containerPort: 8443}]}]}
  status: {podIP: 10.244.1.5}
- apiVersion: v1
  kind: Pod
  metadata: {name: api-1, namespace: shop, labels: {app: api}}
  spec: {containers: [{name: c, image: i}]}
  status: {podIP: 10.244.1.6}
- apiVersion: v1
  kind: Pod
  metadata: {name: pg-0, namespace: data, labels: {app: postgres}}
  spec: {containers: [{name: c, image: i}]}
  status: {podIP: 10.244.2.6}
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec:
    type: LoadBalancer
    selector: {app: web}
    clusterIP: 10.96.0.7
    externalIPs: [203.0.113.81]
    ports: [{port: 443, targetPort: https}, {port: 80, targetPort: 8080}, {port: 8080}]
  status: {loadBalancer: {ingress: [{ip: 203.0.113.80}, {hostname: lb.example.com}]}}
"""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "cluster.yaml"
    path.write_text(CLUSTER)
    cluster = cluster_of(manifests.load(str(path)), invent=False)
    return Evidence(cluster.snapshot, read_services(str(path)))


def drafted(asked, known=None):
    """A draft, as its entities by name: addresses, confidence, and the inventory that it loads as."""
    text = write(suggest(asked, known or Evidence()))
    inventory, diagnostics = parse(text, "map.yaml")
    assert inventory is not None, (text, diagnostics)
    return {entity.name: (str(entity.addresses), entity.confidence) for entity in inventory.entities}, inventory, text


# Where entries come from.


def test_pods_speak_for_the_network_that_only_they_are_in(evidence):
    entities, inventory, text = drafted(firewall({"A": ["10.20.1.0/24"]}), evidence)
    assert entities == {"web": ("10.20.1.0/24", Confidence.OBSERVED)}
    assert inventory.entities[0].selector["podSelector"] == {"matchLabels": {"app": "web"}}
    assert "A has its pods, as 10.20.1.5" in text


def test_a_network_of_several_workloads_is_theirs_address_by_address(evidence):
    entities, *_ = drafted(firewall({"A": ["10.244.1.0/24"]}), evidence)
    assert entities == {
        "web": ("10.244.1.5/32", Confidence.OBSERVED),
        "api": ("10.244.1.6/32", Confidence.OBSERVED),
    }


@pytest.mark.parametrize("address", ["203.0.113.80", "203.0.113.81", "10.96.0.7"])
def test_addresses_of_services_are_the_pods_behind_them(evidence, address):
    entities, inventory, _ = drafted(firewall({"VIP": [address]}), evidence)
    assert entities == {"web": (f"{address}/32", Confidence.OBSERVED)}
    assert [(each.protocol, each.port, each.container_port) for each in inventory.rewrites] == [
        (TCP, 80, 8080),
        (TCP, 443, 8443),
    ]


def test_hosts_of_a_list_are_found_by_their_labels_then_by_their_names(evidence):
    hosts = parse_hosts("ip;hostname;labels\n10.9.0.1;x77;app=api\n10.9.0.2;postgres-01.corp;\n10.9.0.3;web2;\n", "h")
    asked = firewall({"N": ["10.9.0.1"], "M": ["10.9.0.2"], "O": ["10.9.0.3"]})
    entities, *_ = drafted(asked, Evidence(evidence.snapshot, (), hosts.hosts))
    assert entities == {
        "api": ("10.9.0.1/32", Confidence.MATCHED_NAME),
        "postgres": ("10.9.0.2/32", Confidence.MATCHED_NAME),
        "web": ("10.9.0.3/32", Confidence.MATCHED_NAME),
    }


def test_names_of_the_firewall_are_matched_last(evidence):
    entities, *_ = drafted(firewall({"WEB_FARM": ["10.30.0.0/24"], "POSTGRES_DB": ["10.31.0.1"]}), evidence)
    assert entities["web"] == ("10.30.0.0/24", Confidence.MATCHED_NAME)
    assert entities["postgres"][1] is Confidence.GUESS


def test_what_nothing_explains_stays_the_firewalls_name(evidence):
    draft = suggest(firewall({"MGMT": ["10.99.0.0/16"], "WEB": ["10.20.1.0/24"]}), evidence)
    assert draft.external == {"MGMT": AddressSet.of("10.99.0.0/16")}


def test_without_any_cluster_there_are_guesses_to_begin_with():
    entities, inventory, text = drafted(firewall({"WEB_FARM": ["10.20.1.0/24"], "PARTNER": ["8.8.8.0/24"]}))
    assert entities == {"web-farm": ("10.20.1.0/24", Confidence.GUESS)}
    assert [segment.name for segment in inventory.segments] == ["web-farm"]
    assert "confidence: guess" in text


def test_nodes_are_no_workload():
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    node["status"] = {"addresses": [{"type": "InternalIP", "address": "10.20.1.9"}]}
    cluster = cluster_of(manifests.parse(CLUSTER + "---\n" + json.dumps(node), "c"), invent=False)
    draft = suggest(firewall({"WEB": ["10.20.1.0/24"], "N": ["10.20.1.9"]}), Evidence(cluster.snapshot))
    assert draft.node_addresses == AddressSet.of("10.20.1.9")


def test_interfaces_are_segments_and_the_widest_leads_outside(evidence):
    asked = firewall({"WEB": ["10.20.1.0/24"]}, {"inside": ["10.20.0.0/16"], "out": ["0.0.0.0/0"]})
    _, inventory, _ = drafted(asked, evidence)
    assert [(each.name, each.interfaces) for each in inventory.segments] == [("inside", ("inside",))]
    assert inventory.outside_interfaces == ("out",)
    assert inventory.entities[0].segment == "inside"


def test_an_entity_is_in_one_segment_and_the_rest_is_told(evidence):
    asked = firewall({"WEB": ["10.20.1.0/24"], "VIP": ["203.0.113.80"]}, {"inside": ["10.20.0.0/16"]})
    entities, _, text = drafted(asked, evidence)
    assert entities["web"][0] == "10.20.1.0/24"
    assert "# 203.0.113.80 of web is in another segment" in text


def test_what_one_source_explains_is_not_asked_of_the_next(evidence):
    hosts = parse_hosts("ip,name\n203.0.113.80,api\n203.0.113.82,api\n", "h").hosts
    asked = firewall({"VIPS": ["203.0.113.80", "203.0.113.82"]})
    entities, *_ = drafted(asked, Evidence(evidence.snapshot, evidence.services, hosts))
    assert {name: addresses for name, (addresses, _) in entities.items()} == {
        "web": "203.0.113.80/32",
        "api": "203.0.113.82/32",
    }


def test_no_address_is_given_away_twice(evidence):
    draft = suggest(firewall({"A": ["10.20.1.4/31"], "B": ["10.20.1.4", "10.244.1.6"]}), evidence)
    found = {entity.name: entity.addresses for entity in draft.entities}
    assert found == {"web": AddressSet.of("10.20.1.5"), "api": AddressSet.of("10.20.1.4", "10.244.1.6")}


def test_remarks_stay_comments():
    assert all(line[0] in "#aks e" for line in write(Draft(remarks=("a\nx: 1", "b\u2028y: 2"))).splitlines())


# What holds of every draft.

addresses = st.sampled_from(
    ["10.0.0.0/30", "10.0.0.1", "10.0.0.2/31", "10.0.1.0/24", "10.0.3.0/29", "203.0.113.7", "fd00::/126", "10.0.0.0/16"]
)
names = st.one_of(
    st.sampled_from(["WEB", "x", "A_0", "y", "no", "a: b", "#", "\n- evil: 1", '"', "\U0001f600", "null", "1e3"]),
    st.text(min_size=1, max_size=6),
)
firewalls = st.builds(
    firewall,
    st.dictionaries(names, st.lists(addresses, min_size=1, max_size=2), max_size=4),
    st.one_of(st.just({}), st.dictionaries(names, st.lists(addresses, min_size=1, max_size=2), max_size=3)),
)


@st.composite
def documents_of_services(draw):
    selectors = [{}, {"a": "0"}, {"b": "0"}, {"a": "1", "b": "1"}, {"a": 1}]
    ports = [[], [{"port": 80, "targetPort": "web"}], [{"port": 443, "targetPort": 80, "protocol": "UDP"}], "x"]
    found = []
    for number in range(draw(st.integers(0, 3))):
        spec = {"selector": draw(st.sampled_from(selectors)), "ports": draw(st.sampled_from(ports))}
        spec["externalIPs"] = [draw(st.sampled_from(["203.0.113.7", "10.0.0.2", "nonsense", 3]))]
        metadata = {"name": f"s{number}", "namespace": draw(st.sampled_from("xyz"))}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    return found


LIST = "ip,name,namespace,app\n10.0.0.1,web-01,,\n10.0.0.2,db1,x,0\n203.0.113.7,Ext.corp,,web\n10.0.3.1,a,y,\n"
known = st.builds(
    lambda snapshot, services, hosts: Evidence(snapshot, tuple(services_of(services)), hosts),
    st.one_of(st.none(), snapshots()),
    documents_of_services(),
    st.sampled_from([(), parse_hosts(LIST, "hosts.csv").hosts]),
)


@given(firewalls, known)
def test_a_draft_loads_without_errors(asked, evidence):
    draft = suggest(asked, evidence)
    inventory, diagnostics = parse(write(draft), "map.yaml")
    if not draft.entities:
        assert inventory is None
        return
    assert inventory is not None, (write(draft), diagnostics)
    assert [entity.name for entity in inventory.entities] == [entity.name for entity in draft.entities]
    for entity, drafted in zip(inventory.entities, draft.entities, strict=True):
        assert entity.addresses == drafted.addresses
        assert (entity.confidence, entity.reason) == (drafted.confidence, drafted.reason)
    assert inventory.external == draft.external


@given(firewalls, known, st.randoms(use_true_random=False))
def test_a_draft_does_not_depend_on_the_order_of_what_is_known(asked, evidence, chance):
    def shuffled(mapping):
        items = list(mapping.items())
        chance.shuffle(items)
        return dict(items)

    other = Firewall(
        asked.source,
        asked.format,
        asked.digest,
        asked.statements,
        asked.lists,
        groups=shuffled(asked.groups),
        interfaces=shuffled(asked.interfaces),
    )
    assert write(suggest(other, evidence)) == write(suggest(asked, evidence))


def labelled(*labels):
    pods = [
        Pod("x", f"p{number}", labels=Labels(each), addresses=(ip_address(f"10.0.0.{number + 1}"),))
        for number, each in enumerate(labels)
    ]
    return Snapshot.of(namespaces={"x": Labels({NAMESPACE_NAME_LABEL: "x"})}, pods=pods)


def leading(*selectors):
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"s{n}", "namespace": "x"},
            "spec": {"selector": s},
        }
        for n, s in enumerate(selectors)
    ]


@given(snapshots(), documents_of_services())
@example(labelled({"a": "0"}, {"b": "0"}), leading({"a": "0"}, {"b": "0"}))
@example(labelled({"a": "0"}, {"b": "0"}), leading({"a": "0"}))
@example(labelled({"a": "0"}, {}, {"a": "0", "b": "0"}), leading({"b": "0"}))
def test_workloads_exclude_each_other_and_have_every_pod(snapshot, services):
    found = workloads_of(snapshot, services_of(services))
    assert sorted(pod.key for each in found for pod in each.pods) == sorted(p.key for p in snapshot.pods if p.governed)
    text = "entities:\n" + "".join(
        f"- {{name: e{number}, cidrs: [10.9.0.{number}], pods: {json.dumps(each.selector)}}}\n"
        for number, each in enumerate(found)
    )
    if found:
        inventory, diagnostics = parse(text, "map.yaml")
        assert inventory is not None, diagnostics
        assert not list(overlapping([entity.pods for entity in inventory.entities]))
        index = PodIndex(snapshot.namespaces, snapshot.pods)
        for entity, each in zip(inventory.entities, found, strict=True):
            assert index.governed(entity.pods) == each.pods


@given(st.text())
def test_a_text_is_written_so_that_it_is_read_as_itself(text):
    (document,) = read_documents(f"key: {scalar(text)}", "x").documents
    assert document.value == {"key": text}


# Names and lists.


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("WEB_FARM", "web", 1.0),
        ("webServers", "www", 1.0),
        ("og-db-prod-01", "database", 1.0),
        ("APP_TIER", "app", 1.0),
        ("PaymentsAPI", "payments-api", 1.0),
        ("PaymentsAPI", "payments", 2 / 3),
        ("web", "mail", 0.0),
    ],
)
def test_names_that_are_alike(left, right, alike):
    assert likeness(words(left), words(right)) == pytest.approx(alike)
    assert likeness(words(right), words(left)) == pytest.approx(alike)


def test_labels_that_change_from_pod_to_pod_say_nothing():
    assert lasting({"app": "a", "pod-template-hash": "1", "topology.kubernetes.io/zone": "z"}) == {"app": "a"}


@pytest.mark.parametrize(
    "text",
    [
        "ip,name\n10.0.0.1,web\n",
        "Name;IP Address\nweb;10.0.0.1\n",
        '"VM Name"\t"IP_Addr"\n"web"\t"10.0.0.1"\n',
        "hostname|ip\n\nweb|10.0.0.1\n",
    ],
)
def test_lists_as_people_have_them(text):
    hosts, diagnostics = parse_hosts(text, "hosts.csv")
    assert [(host.name, host.addresses) for host in hosts] == [("web", AddressSet.of("10.0.0.1"))]
    assert diagnostics == ()


def test_a_bad_row_is_told_and_the_others_are_read():
    hosts, diagnostics = parse_hosts("ip,name\n10.0.0.1,a\nnonsense,b\n10.0.0.3,c\n10.0.0.4\n", "hosts.csv")
    assert [host.name for host in hosts] == ["a", "c"]
    assert [(found.line, found.severity.label) for found in diagnostics] == [(3, "warning"), (5, "warning")]


@given(st.one_of(st.text(), st.text(alphabet='ip,name;\n"10.').map(lambda text: f"ip,name\n{text}")))
def test_no_list_makes_reading_fail(text):
    parse_hosts(text, "hosts.csv")


def test_a_list_that_is_not_there_is_told():
    assert read_hosts("/nowhere/hosts.csv").diagnostics
