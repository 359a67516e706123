"""Small and nasty clusters, and flows through them, for Hypothesis.

Draws are flat: labels, selectors, peers and traffic come from pools listed here in full, simple ones first
(so that failures shrink towards them), and an address belongs to its pod's or node's number. The pools are
narrow on purpose: what they hold collides, overlaps, or just fails to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product

from hypothesis import strategies as st

from compiler.addresses import BITS, VERSIONS, Address, AddressSet, IpVersion, address_of
from compiler.labels import EVERYTHING, NAMESPACE_NAME_LABEL, Labels, Selector
from compiler.model import (
    MAX_PORT,
    PORT_PROTOCOLS,
    Action,
    AddressBlock,
    Anyone,
    AnyTraffic,
    ContainerPort,
    Direction,
    Flow,
    NamedPort,
    NamespaceNamed,
    Node,
    NodeSelection,
    Peer,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Snapshot,
    Tier,
    Traffic,
)
from tests.builders import (
    absent,
    among,
    block,
    domains,
    having,
    named,
    not_among,
    present,
    sctp,
    serving,
    tcp,
    udp,
)

NAMESPACES = ("x", "y", "z")

# One alphabet for the labels of pods, namespaces and nodes, so that selectors collide.
LABELS = tuple(map(Labels, ({}, {"a": "0"}, {"a": "1"}, {"b": "0"}, {"a": "0", "b": "0"}, {"a": "1", "b": "1"})))
SELECTORS = (
    EVERYTHING,
    having(a="0"),
    having(a="1"),
    having(b="0"),
    having(a="0", b="0"),
    having(among("a", "0", "1")),
    having(not_among("a", "0")),
    having(not_among("a", "0", "1"), not_among("b", "1")),
    having(present("a")),
    having(absent("a")),
    having(present("b"), a="0"),
    having(absent("a"), a="0"),
)
NAMESPACE_SELECTORS: tuple[Selector | NamespaceNamed, ...] = (
    *SELECTORS,
    *(having(among(NAMESPACE_NAME_LABEL, name)) for name in NAMESPACES),
    having(not_among(NAMESPACE_NAME_LABEL, "x")),
    NamespaceNamed("x"),
    NamespaceNamed("y"),
)

# Pod i, from 1, has 10.0.0.i and fd00::i, node i has 10.0.1.i and fd01::i, so that one block can cover both and more.
MAX_PODS, MAX_NODES = 6, 3
_COUNTS = (1, 2, 3, 4, 5, 6, 6, 0)
"""How many pods or policies there are."""
OUTSIDE = (*map(ip_address, ("10.0.2.1", "203.0.113.7", "203.0.113.8", "fd02::1", "2001:db8::7", "2001:db8::8")),)
BLOCKS = (
    block("0.0.0.0/0", "::/0"),
    block("0.0.0.0/0"),
    block("::/0"),
    block("10.0.0.1/32"),
    block("fd00::1/128"),
    block("10.0.0.0/30"),
    block("10.0.0.2/31", "fd00::2/127"),
    block("10.0.0.0/16", without=["10.0.0.0/30"]),
    block("10.0.0.0/8", "fd00::/8", without=["10.0.0.2/32", "10.0.1.0/24", "fd00::1/128"]),
    block("10.0.1.1/32", "fd01::1/128"),
    block("10.0.1.0/24", "fd01::/112"),
    block("203.0.113.0/24", without=["203.0.113.7/32"]),
    block("0.0.0.0/0", without=["10.0.0.0/8"]),
    block("0.0.0.0/1", "2001:db8::/32"),
    block("10.0.0.0/30", without=["10.0.0.0/30"]),
)
DOMAINS = (
    domains("example.com"),
    domains("*.example.com"),
    domains("*.b.example.com", "example.com"),
    domains("never.asked"),
)
LEARNED = (
    {"example.com": AddressSet.of("203.0.113.7", "2001:db8::7")},
    {"example.com": AddressSet.of("203.0.113.7"), "a.example.com": AddressSet.of("203.0.113.8", "2001:db8::8")},
    {"a.b.example.com": AddressSet.of("10.0.0.2", "203.0.113.7"), "b.example.com": AddressSet.of("fd00::1")},
    {"notexample.com": AddressSet.of("203.0.113.7"), "example.com": AddressSet.of("10.0.1.1"), "com": AddressSet()},
    {"a.example.com": AddressSet.of("203.0.113.8"), "example.com": AddressSet.of("10.0.0.1", "fd01::1")},
    {},
)

PORTS: tuple[tuple[ContainerPort, ...], ...] = (
    (),
    (serving("web", Protocol.TCP, 80),),
    (serving("web", Protocol.TCP, 81),),
    (serving("web", Protocol.UDP, 80), serving("dns", Protocol.UDP, 53)),
    (serving("web", Protocol.TCP, 80), serving("web", Protocol.TCP, 81)),
    (serving("web", Protocol.TCP, 80), serving("dns", Protocol.TCP, 53), serving("dns", Protocol.UDP, 53)),
    (serving("dns", Protocol.SCTP, 53),),
)
TRAFFIC: tuple[tuple[Traffic, ...], ...] = (
    (AnyTraffic(),),
    (tcp(80),),
    (named("web"),),
    (tcp(),),
    (udp(),),
    (sctp(),),
    (tcp(80, 82),),
    (tcp(81, 65535),),
    (tcp(0, 79),),
    (udp(53), tcp(53)),
    (udp(80, 80), tcp(80, 81)),
    (named("dns"),),
    (named("web"), tcp(53)),
    (named("web", Protocol.TCP),),
    (named("dns", Protocol.UDP, Protocol.SCTP), named("web", Protocol.UDP)),
    (named("nowhere"),),
    (tcp(82, 80),),
    (),
    (tcp(80), AnyTraffic()),
    (tcp(), udp(), sctp()),
)

_POD_PEERS = (
    *(PodSelection(namespaces) for namespaces in NAMESPACE_SELECTORS),
    *(PodSelection(EVERYTHING, selector) for selector in SELECTORS),
    *(PodSelection(*both) for both in product(NAMESPACE_SELECTORS[:5], SELECTORS[:5])),
)
_NODE_PEERS = tuple(map(NodeSelection, (*[EVERYTHING] * 6, *SELECTORS)))
_BY_NAME = tuple(traffic for traffic in TRAFFIC if any(isinstance(item, NamedPort) for item in traffic))
_ANY_OR_SOME_TRAFFIC = (*[TRAFFIC[0]] * 8, *TRAFFIC, *_BY_NAME)
_WEB = ((Protocol.TCP, 80),)
_ACTIONS = (Action.DENY, Action.ACCEPT, Action.PASS)
_FAILED_CLOSED = None
"""Stands among actions for a rule that could not be understood."""
_CLUSTER_ACTIONS = (*_ACTIONS * 4, _FAILED_CLOSED)
_DIRECTIONS = (Direction.INGRESS, Direction.EGRESS)
_ISOLATES = tuple(map(frozenset, ([Direction.INGRESS], [Direction.EGRESS], _DIRECTIONS, [])))
_CLUSTER_KINDS = (
    (PolicyKind.CLUSTER_NETWORK_POLICY, Tier.ADMIN),
    (PolicyKind.CLUSTER_NETWORK_POLICY, Tier.BASELINE),
    (PolicyKind.ADMIN_NETWORK_POLICY, Tier.ADMIN),
    (PolicyKind.BASELINE_ADMIN_NETWORK_POLICY, Tier.BASELINE),
)

_SUBJECTS = (*[PodSelection()] * 20, *_POD_PEERS)

peers: st.SearchStrategy[Peer] = st.one_of(
    st.sampled_from((Anyone(),)),
    st.sampled_from(_SUBJECTS),
    st.sampled_from(BLOCKS),
    st.sampled_from(_NODE_PEERS),
    st.sampled_from(DOMAINS),
)


@st.composite
def _rules(draw: st.DrawFn, actions: tuple[Action | None, ...]) -> tuple[Rule, ...]:
    rules = []
    for index in range(draw(st.integers(0, 4))):
        action = draw(st.sampled_from(actions))
        if action is _FAILED_CLOSED:
            rules.append(Rule(index, Action.DENY, (Anyone(),), failed_closed="a peer of a kind that nobody knows"))
        else:
            some = tuple(draw(peers) for _ in range(draw(st.sampled_from((1, 2, 2, 3, 0)))))
            rules.append(Rule(index, action, some, draw(st.sampled_from(_ANY_OR_SOME_TRAFFIC))))
    return tuple(rules)


_cluster_rules = _rules(_CLUSTER_ACTIONS)
_accept_rules = _rules((Action.ACCEPT,))


@st.composite
def _cluster_policies(draw: st.DrawFn) -> Policy:
    kind, tier = draw(st.sampled_from(_CLUSTER_KINDS))
    return Policy(
        kind=kind,
        name=draw(st.sampled_from("abc")),
        tier=tier,
        subject=draw(st.sampled_from(_SUBJECTS)),
        priority=draw(st.sampled_from((5, 0, 6))),
        ingress=draw(_cluster_rules),
        egress=draw(_cluster_rules),
    )


@st.composite
def _network_policies(draw: st.DrawFn) -> Policy:
    namespace = draw(st.sampled_from(NAMESPACES))
    return Policy(
        kind=PolicyKind.NETWORK_POLICY,
        name=draw(st.sampled_from("abc")),
        tier=Tier.NETWORK_POLICY,
        subject=PodSelection(NamespaceNamed(namespace), draw(st.sampled_from(SELECTORS))),
        namespace=namespace,
        ingress=draw(_accept_rules),
        egress=draw(_accept_rules),
        isolates=draw(st.sampled_from(_ISOLATES)),
    )


policies: st.SearchStrategy[Policy] = st.one_of(_cluster_policies(), _cluster_policies(), _network_policies())


# Objects.


def _addresses(texts: str) -> tuple[Address, ...]:
    return tuple(map(ip_address, texts.split()))


_POD_ADDRESSES = tuple(
    tuple(
        _addresses(texts.format(i))
        for texts in ("10.0.0.{0} fd00::{0}", "10.0.0.{0}", "fd00::{0}", "10.0.0.{0} 10.0.3.{0}", "")
    )
    for i in range(1, MAX_PODS + 1)
)
_NODE_ADDRESSES = tuple(
    tuple(
        _addresses(texts.format(i))
        for texts in ("10.0.1.{0}", "10.0.1.{0} fd01::{0}", "fd01::{0}", "10.0.1.{0} 203.0.113.{0}", "")
    )
    for i in range(1, MAX_NODES + 1)
)


@st.composite
def _pods(draw: st.DrawFn, number: int, namespaces: tuple[str, ...], nodes: list[Node]) -> Pod:
    host = draw(st.sampled_from((*nodes, None)))
    state = draw(st.sampled_from((*["plain"] * 6, "host network", "terminated")))
    match state:
        case "host network":
            addresses = host.addresses if host else ()
        case "terminated":  # as likely as not, the address is that of a live pod by now
            addresses = _POD_ADDRESSES[draw(st.integers(0, MAX_PODS - 1))][0]
        case _:
            addresses = draw(st.sampled_from(_POD_ADDRESSES[number]))
    return Pod(
        namespace=draw(st.sampled_from(namespaces)),
        name=f"p{number + 1}",
        labels=draw(st.sampled_from(LABELS)),
        node=host.name if host else "",
        addresses=addresses,
        host_network=state == "host network",
        ports=draw(st.sampled_from(PORTS)),
        terminated=state == "terminated",
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a cluster."""
    namespaces = NAMESPACES[: draw(st.integers(1, len(NAMESPACES)))]
    nodes = [
        Node(f"n{number + 1}", draw(st.sampled_from(LABELS)), draw(st.sampled_from(_NODE_ADDRESSES[number])))
        for number in range(draw(st.integers(1, MAX_NODES)))
    ]
    pods = [draw(_pods(number, namespaces, nodes)) for number in range(draw(st.sampled_from(_COUNTS)))]
    drawn = [draw(policies) for _ in range(draw(st.sampled_from(_COUNTS)))]
    return Snapshot.of(
        namespaces={name: Labels({NAMESPACE_NAME_LABEL: name, **draw(st.sampled_from(LABELS))}) for name in namespaces},
        pods=pods,
        nodes=nodes,
        policies=list({(policy.kind, policy.namespace, policy.name): policy for policy in drawn}.values()),
        learned=draw(st.sampled_from(LEARNED)),
    )


# Flows.


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of one family that somebody might treat specially.

    `governed` are those of governed pods, `known` those of nodes and learned ones; `others` are those of other pods,
    the first and last of every block and their neighbours, and some that nobody speaks of.
    """

    governed: tuple[Address, ...]
    known: tuple[Address, ...]
    others: tuple[Address, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, version: IpVersion) -> "Endpoints":
        """Collect those of a cluster."""
        governed = {address for pod in snapshot.pods if pod.governed for address in pod.addresses}
        learned = [ranges for addresses in snapshot.learned.values() for ranges in addresses.ranges(version)]
        known = {address for node in snapshot.nodes for address in node.addresses}
        known.update(address_of(version, edge) for edges in learned for edge in edges)
        others = {address for pod in snapshot.pods for address in pod.addresses} | set(OUTSIDE)
        peers = (peer for rule in _every_rule(snapshot) for peer in rule.peers)
        blocks = {edges for peer in peers if isinstance(peer, AddressBlock) for edges in peer.addresses.ranges(version)}
        for first, last in (*blocks, *learned):
            numbers = {first - 1, first, last, last + 1}
            others.update(address_of(version, number) for number in numbers if 0 <= number < 1 << BITS[version])
        kinds = (governed, known - governed, others - known - governed)
        return cls(*(tuple(sorted(a for a in kind if a.version == version)) for kind in kinds))

    @property
    def all(self) -> tuple[Address, ...]:
        """Every one of them, each once."""
        return self.governed + self.known + self.others


def packets(snapshot: Snapshot) -> tuple[tuple[Protocol, int], ...]:
    """Return protocols and ports at the edges of every range and named port in use, and just beyond."""
    edges = {(protocol, 80) for protocol in PORT_PROTOCOLS}
    for rule in _every_rule(snapshot):
        for item in rule.traffic:
            if isinstance(item, PortRange):
                edges.update((item.protocol, port + by) for port in (item.first, item.last) for by in (-1, 0, 1))
    edges.update((port.protocol, port.number) for pod in snapshot.pods for port in pod.ports)
    # What means something in one protocol should mean nothing in another.
    ports = {port for _, port in edges if 0 <= port <= MAX_PORT}
    return ((Protocol.OTHER, 0), *((protocol, port) for protocol in PORT_PROTOCOLS for port in sorted(ports)))


def _every_rule(snapshot: Snapshot) -> Iterator[Rule]:
    for policy in snapshot.policies:
        yield from policy.ingress
        yield from policy.egress


def probes(snapshot: Snapshot) -> Iterator[Flow]:
    """Yield a flow for every kind of packet that `snapshot` could tell apart, and that some pod sends or gets."""
    for version in VERSIONS:
        ends = Endpoints.of(snapshot, version)
        pairs = [*product(ends.governed, ends.all), *product(ends.known + ends.others, ends.governed)]
        for (source, destination), (protocol, port) in product(pairs, packets(snapshot)):
            yield Flow(source, destination, protocol, port, hairpin=True)


def flows(snapshot: Snapshot) -> st.SearchStrategy[Flow]:
    """Draw a flow through that cluster, both ends of one family, and at least one of them a pod if there is one."""
    families = [ends for ends in (Endpoints.of(snapshot, version) for version in VERSIONS) if ends.governed]
    pairs: list[tuple[tuple[Address, ...], tuple[Address, ...]]] = []
    for ends in families or [Endpoints.of(snapshot, 4)]:
        pods, known = ends.governed or ends.all, ends.known or ends.all
        pairs += [(pods, pods), (pods, pods), (pods, known), (known, pods), (pods, ends.all), (ends.all, pods)]
    declared = {
        address: tuple((port.protocol, port.number) for port in pod.ports) or _WEB
        for pod in snapshot.pods
        for address in pod.addresses
    }
    return _flows(pairs, declared, packets(snapshot))


@st.composite
def _flows(
    draw: st.DrawFn,
    pairs: Sequence[tuple[Sequence[Address], Sequence[Address]]],
    declared: Mapping[Address, Sequence[tuple[Protocol, int]]],
    edges: Sequence[tuple[Protocol, int]],
) -> Flow:
    sources, destinations = draw(st.sampled_from(pairs))
    source, destination = draw(st.sampled_from(sources)), draw(st.sampled_from(destinations))
    protocol, port = draw(st.sampled_from(draw(st.sampled_from((_WEB, declared.get(destination, _WEB), edges)))))
    return Flow(source, destination, protocol, port, hairpin=draw(st.sampled_from((True, True, False))))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Snapshot, tuple[Flow, ...]]:
    """Draw a cluster and a handful of flows through it, which is cheaper than a cluster for each."""
    snapshot = draw(snapshots())
    through = flows(snapshot)
    return snapshot, tuple(draw(through) for _ in range(draw(st.sampled_from((1, 4, 8, 12)))))
