"""Services as documents: what is read of them, what is refused, and what is invented for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.api import Admission, ApiError, InvalidObjectError, Service, parse
from anp.lab.services import ServicePort, to_service
from anp.sources.diagnostics import Severity
from anp.sources.manifests import parse as read
from anp.sources.service_addressing import NETWORKS, NODE_PORTS, place_services
from anp.state.cluster import cluster_of
from compiler.labels import Labels
from compiler.model import Protocol
from tests.unit.api.documents import mutations


def document(name="web", namespace="shop", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


def service(*args, **spec):
    return parse(document(*args, **spec)).object


def test_what_matters_is_read_and_the_rest_is_no_surprise():
    parsed = parse(
        document(
            type="NodePort",
            clusterIP="10.96.0.9",
            clusterIPs=["10.96.0.9", "fd00:10:96::9"],
            ports=[
                {"name": "web", "port": 80, "targetPort": "http", "nodePort": 30080, "appProtocol": "http"},
                {"name": "dns", "port": 53, "protocol": "UDP"},
            ],
            sessionAffinity="None",
            internalTrafficPolicy="Cluster",
        )
    )
    meant = to_service(parsed.object)

    assert parsed.warnings == ()
    assert str(meant) == "service shop/web"
    assert meant.selector == Labels({"app": "web"})
    assert [str(address) for address in meant.addresses] == ["10.96.0.9", "fd00:10:96::9"]
    assert meant.ports == (
        ServicePort(Protocol.TCP, 80, "http", 30080),
        ServicePort(Protocol.UDP, 53, 53),
    )


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"clusterIPs": ["None"]}, {"type": "ExternalName"}])
def test_a_headless_service_has_no_address_and_is_given_none(spec):
    (placed,) = place_services([service(**spec)])

    assert to_service(placed).addresses == ()


def test_a_node_port_that_the_type_does_not_use_does_not_count():
    ports = [{"port": 80, "nodePort": 30080}]

    assert to_service(service(ports=ports)).ports[0].node_port == 0
    assert to_service(service(ports=ports, type="LoadBalancer")).ports[0].node_port == 30080


@pytest.mark.parametrize(
    "spec",
    [
        {"ports": [{"port": 0}]},
        {"ports": [{"targetPort": 80}]},
        {"ports": [{"port": 80, "targetPort": 65536}]},
        {"ports": [{"port": 80, "targetPort": "no name"}]},
        {"ports": [{"port": 80, "protocol": "ICMP"}]},
        {"clusterIP": "somewhere"},
        {"selector": ["app"]},
    ],
)
def test_what_makes_no_sense_is_refused_and_left_out_where_a_cluster_has_it(spec):
    with pytest.raises(InvalidObjectError):
        parse(document(**spec))

    meant = to_service(parse(document(**spec), admission=Admission.OBSERVED).object)
    assert meant.name == "web"
    assert not (meant.ports and meant.selector and meant.addresses)


PUBLISHED = document(type="NodePort", clusterIPs=["10.96.0.9"], ports=[{"port": 1, "targetPort": "a"}] * 2)


@given(mutations((document(), PUBLISHED)))
def test_whatever_a_document_holds_it_is_a_service_or_an_error(mutation):
    _good, broken, _where = mutation
    for admission in Admission:
        try:
            found = parse(broken, admission=admission).object
        except ApiError:
            continue
        if isinstance(found, Service):
            (placed,) = place_services([found])
            to_service(placed)


NAMES = st.sampled_from(["a", "b", "c", "web"])
SERVICES = st.lists(
    st.builds(
        service,
        NAMES,
        NAMES,
        type=st.sampled_from(["ClusterIP", "NodePort"]),
        ipFamilies=st.sampled_from([["IPv4"], ["IPv6"], ["IPv4", "IPv6"], []]),
        ports=st.just([{"port": 80}, {"port": 80, "protocol": "UDP"}, {"port": 81, "nodePort": 30081}]),
    ),
    unique_by=lambda item: (item.metadata.namespace, item.metadata.name),
    max_size=5,
)


@given(SERVICES, st.randoms())
def test_every_service_gets_addresses_and_ports_of_its_own_in_whatever_order(services, random):
    placed = place_services(services)
    shuffled = random.sample(services, len(services))
    meant = [to_service(item) for item in placed]

    assert sorted(map(repr, place_services(shuffled))) == sorted(map(repr, placed))
    addresses = [address for item in meant for address in item.addresses]
    assert len(set(addresses)) == len(addresses)
    assert all(any(address in network for _name, network in NETWORKS) for address in addresses)
    for before, after in zip(services, meant, strict=True):
        families = before.spec.ip_families or ("IPv4", "IPv6")
        assert {f"IPv{address.version}" for address in after.addresses} == set(families)
        published = before.spec.type == "NodePort"
        assert [port.node_port in NODE_PORTS for port in after.ports] == [published] * 3
    invented = [(p.protocol, p.node_port) for item in meant for p in item.ports if p.node_port and p.port != 81]
    assert len(set(invented)) == len(invented)
    assert (Protocol.TCP, 30081) not in invented


@given(SERVICES)
def test_placing_again_changes_nothing(services):
    placed = place_services(services)

    assert place_services(placed) == placed


def test_addresses_follow_from_names():
    (alone,) = place_services([service("web")])
    among = place_services([service("other"), service("web")])

    assert alone == among[1]
    assert alone != service("web")


def test_what_somebody_wrote_is_nobody_elses():
    ports = [{"port": 80}]
    (alone,) = place_services([service(type="NodePort", ports=ports)])
    port = alone.spec.ports[0].node_port
    claimed = [{"port": 80, "nodePort": port}]
    claim = service("claim", type="NodePort", clusterIPs=list(alone.spec.cluster_ips), ports=claimed)
    _claim, moved = place_services([claim, service(type="NodePort", ports=ports)])

    assert set(to_service(moved).addresses).isdisjoint(to_service(alone).addresses)
    assert moved.spec.ports[0].node_port not in (0, port)


MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


def test_a_cluster_has_the_services_of_its_manifests_with_an_address_of_each_family():
    cluster = cluster_of(read(MANIFEST, "web.yaml"), invent=True)

    (found,) = cluster.services
    assert (found.namespace, found.name, found.ports) == ("shop", "web", (ServicePort(Protocol.TCP, 80, "http"),))
    assert [address.version for address in found.addresses] == [4, 6]
    assert cluster.diagnostics == ()
    assert cluster_of(read(MANIFEST, "web.yaml"), invent=False).services[0].addresses == ()


@pytest.mark.parametrize(
    ("head", "severity"),
    [
        ("{apiVersion: serving.knative.dev/v1, kind: Service}", Severity.INFO),
        ("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR}", Severity.INFO),
        ("{apiVersion: v1, kind: ServiceAccount}", Severity.INFO),
        ("{apiVersion: v1, kind: Servcie}", Severity.ERROR),
    ],
)
def test_kinds_that_are_spelt_like_services(head, severity):
    assert [item.severity for item in read(head, "a.yaml").diagnostics] == [severity]
