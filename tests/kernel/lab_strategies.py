"""Clusters that fit into a lab which stands already, and flows that somebody in it can send.

Building a lab takes longer than asking it a hundred questions. So a `World` has everybody in it of whom
`tests.strategies` can speak, and what is drawn is only what policies see of it: a pod that they do not know of, or
not by that address, is one more stranger.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
from itertools import islice, zip_longest
from random import Random

from hypothesis import strategies as st

from anp.lab.errors import TopologyError
from anp.lab.probes import Probe
from anp.lab.topology import LabNode, LabPod, OutsideHost, Place, Topology
from compiler.addresses import VERSIONS, Address
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Action, Flow, Node, Pod, PodSelection, Policy, PolicyKind, Protocol, Rule, Snapshot, Tier
from compiler.semantics import decide
from tests.strategies import (
    BLOCKS,
    LABELS,
    LEARNED,
    MAX_PODS,
    NAMESPACES,
    OUTSIDE,
    PORTS,
    TRAFFIC,
    Endpoints,
    packets,
    policies,
)

NAMESPACE = "lab"
"""The namespace of every place that is a pod; what namespace policies take the pod to be in is another matter."""

# All that the pools can draw, in one cluster that nobody compiles.
_POOLS = Snapshot.of(
    namespaces={NAMESPACE: Labels()},
    pods=[Pod(NAMESPACE, f"pod-{number}", ports=ports) for number, ports in enumerate(PORTS)],
    policies=[
        Policy(
            kind=PolicyKind.CLUSTER_NETWORK_POLICY,
            name="pools",
            tier=Tier.ADMIN,
            subject=PodSelection(),
            ingress=tuple(Rule(index, Action.DENY, BLOCKS, traffic) for index, traffic in enumerate(TRAFFIC)),
        )
    ],
)
SERVES = tuple((protocol, port) for protocol, port in packets(_POOLS) if protocol is not Protocol.OTHER and port)
"""Everybody serves every port that a policy can tell from its neighbours, lest a refusal be taken for an answer."""

_STRANGERS = {
    address
    for learned in LEARNED
    for version in VERSIONS
    for address in Endpoints.of(replace(_POOLS, learned=learned), version).all
} | set(OUTSIDE)
_POD_ADDRESSES = "10.0.0.{0} fd00::{0} 10.0.3.{0}"
MAX_FLOWS = 15
_WEB = ((Protocol.TCP, 80),)
_ECHO = ((Protocol.OTHER, 0),)

_Traffic = Sequence[tuple[Protocol, int]]
_Ends = tuple[Sequence[Address], Sequence[Address]]


def _addresses(texts: str) -> tuple[Address, ...]:
    return tuple(map(ip_address, texts.split()))


@dataclass(frozen=True)
class World:
    """A lab in which every address that drawn clusters can speak of is somebody's, less those that nobody can have.

    Pod i is on the node whose number `placement` has in place i. The second IPv4 address of a pod is a place of its
    own on the same node, because a place sends from one address only. So what the pod sends there goes by way
    of its node, like what a Service sends back (2.14).
    """

    nodes: tuple[Node, ...]
    placement: tuple[int, ...]

    @cached_property
    def topology(self) -> Topology:
        """What the lab consists of."""
        nodes = tuple(LabNode(node.name, node.addresses) for node in self.nodes)
        pods = [
            LabPod(NAMESPACE, f"{name}{number}", nodes[at].name, addresses, serves=SERVES)
            for number, at in enumerate(self.placement, 1)
            for name, addresses in (
                ("p", _addresses(_POD_ADDRESSES.format(number))[:2]),
                ("second", _addresses(_POD_ADDRESSES.format(number))[2:]),
            )
        ]
        servers = [
            LabPod(NAMESPACE, f"on-{node.name}", node.name, node.addresses, host_network=True, serves=SERVES)
            for node in nodes
        ]
        inside = Topology(nodes, (*pods, *servers))
        return replace(inside, outside=tuple(_outside(_STRANGERS - inside.owners().keys())))

    @cached_property
    def places(self) -> Mapping[Address, Place]:
        """Who has an address."""
        return self.topology.owners()

    @cached_property
    def senders(self) -> Mapping[Address, Place]:
        """Who sends from an address, which is the first that somebody has in its family."""
        hosts = self.topology.hosts()
        firsts: dict[Address, Place] = {}
        for place in set(self.places.values()):
            for version in VERSIONS:
                ours = [address for address in hosts[place].addresses if address.version == version]
                firsts.update((address, place) for address in ours[:1])
        return firsts

    def probe(self, flow: Flow) -> Probe:
        """Say how the lab is asked about a flow that was drawn for this world."""
        return Probe(self.senders[flow.source], flow.destination, flow.protocol, flow.port)

    def flows(self, snapshot: Snapshot, chance: Random) -> Iterator[Flow]:
        """Yield flows without end that somebody here can send to somebody here, mostly from or to governed pods."""
        ends = [Endpoints.of(snapshot, version) for version in VERSIONS]
        pods, known, everyone = (
            [address for of_version in ends for address in getattr(of_version, kind) if address in self.places]
            for kind in ("governed", "known", "all")
        )
        pairs = [(pods, pods), (pods, pods), (pods, known), (known, pods), (pods, everyone), (everyone, pods)]
        senders = [([address for address in sources if address in self.senders], others) for sources, others in pairs]
        usable = [(sources, others) for sources, others in senders if sources and others]
        declared = [(port.protocol, port.number) for pod in snapshot.pods for port in pod.ports]
        traffic = [_WEB, declared or _WEB, [packet for packet in packets(snapshot) if packet in SERVES], _ECHO]
        while True:
            sources, destinations = chance.choice(usable or [(OUTSIDE, OUTSIDE)])
            source = chance.choice(sources)
            destination = chance.choice(
                [address for address in destinations if address.version == source.version] or [source]
            )
            protocol, port = chance.choice(chance.choice(traffic))
            # What stays within a place is seen by no node, and what goes from one place of a pod to the other is.
            leaves = self.places[source] != self.places[destination]
            yield Flow(source, destination, protocol, port, hairpin=leaves)


@st.composite
def clusters(draw: st.DrawFn, world: World) -> Snapshot:
    """Draw what policies see of the pods and nodes of a world, and policies.

    A pod can lack some addresses or a node in the eyes of policies, and be in the lab with them all the same: then it is
    a stranger there, or nobody judges what it sends and gets.
    """
    namespaces = NAMESPACES[: draw(st.sampled_from((2, 3, 1)))]
    drawn = [draw(policies) for _ in range(draw(st.sampled_from((1, 3, 6, 8, 10))))]
    return Snapshot.of(
        namespaces={name: Labels({NAMESPACE_NAME_LABEL: name, **draw(st.sampled_from(LABELS))}) for name in namespaces},
        pods=[
            draw(_pods(world, number, namespaces)) for number in range(1, draw(st.sampled_from((2, 4, 6, 6, 6))) + 1)
        ],
        nodes=[replace(node, labels=draw(st.sampled_from(LABELS))) for node in world.nodes],
        policies=list({(policy.kind, policy.namespace, policy.name): policy for policy in drawn}.values()),
        learned=draw(st.sampled_from(LEARNED)),
    )


@st.composite
def _pods(draw: st.DrawFn, world: World, number: int, namespaces: tuple[str, ...]) -> Pod:
    home = world.nodes[world.placement[number - 1]]
    every = _addresses(_POD_ADDRESSES.format(number))
    state = draw(st.sampled_from((*["plain"] * 12, "on no node", "host network", "terminated")))
    match state:
        case "host network":
            addresses = home.addresses
        case "terminated":  # as likely as not, the address is that of another pod by now
            addresses = _addresses(_POD_ADDRESSES.format(draw(st.integers(1, MAX_PODS))))
        case _:
            addresses = draw(st.sampled_from((every, every, every[:1], every[1:], ())))
    return Pod(
        namespace=draw(st.sampled_from(namespaces)),
        name=f"p{number}",
        labels=draw(st.sampled_from(LABELS)),
        node="" if state == "on no node" else home.name,
        addresses=addresses,
        host_network=state == "host network",
        ports=draw(st.sampled_from(PORTS)),
        terminated=state == "terminated",
    )


@st.composite
def cases(draw: st.DrawFn, world: World) -> tuple[Snapshot, tuple[Flow, ...]]:
    """Draw a cluster in a world and flows through it, as different in what becomes of them as can be had.

    Which flows these are shrinks badly, but they are few and a failure names the one that failed.
    """
    snapshot = draw(clusters(world))
    chance = draw(st.randoms(use_true_random=True))
    return snapshot, telling(snapshot, islice(world.flows(snapshot, chance), 100))


def telling(snapshot: Snapshot, flows: Iterable[Flow]) -> tuple[Flow, ...]:
    """Choose flows: first one of each about which the same is said for the same reason, then a second, and so on."""
    alike: dict[object, list[Flow]] = {}
    for flow in dict.fromkeys(flows):
        decision = decide(snapshot, flow)
        said = (decision.egress.origin, decision.ingress.origin, decision.egress.exemption, decision.ingress.exemption)
        some = alike.setdefault(said, [])
        if not some or any(judgement.exemption is None for judgement in (decision.egress, decision.ingress)):
            some.append(flow)
    rounds = zip_longest(*alike.values())
    return tuple(islice((flow for chosen in rounds for flow in chosen if flow), MAX_FLOWS))


def _outside(addresses: Iterable[Address]) -> Iterator[OutsideHost]:
    """Give every address that the lab allows to a host of its own, but let one host speak both families."""
    allowed = [address for address in sorted(addresses, key=str) if _is_allowed(address)]
    families = ([address for address in allowed if address.version == version] for version in VERSIONS)
    for number, both in enumerate(zip_longest(*families)):
        yield OutsideHost(f"o{number}", tuple(address for address in both if address), SERVES)


def _is_allowed(address: Address) -> bool:
    try:
        Topology(outside=(OutsideHost("o", (address,)),))
    except TopologyError:
        return False
    return True


def _nodes(*addresses: str) -> tuple[Node, ...]:
    return tuple(Node(f"n{number}", Labels(), _addresses(texts)) for number, texts in enumerate(addresses, 1))


WORLDS = {
    "one node": World(_nodes("10.0.1.1 fd01::1"), (0, 0, 0, 0, 0, 0)),
    "two nodes": World(_nodes("10.0.1.1 fd01::1", "203.0.113.2 10.0.1.2 fd01::2"), (0, 1, 0, 1, 0, 1)),
    "three nodes": World(
        _nodes("10.0.1.1 fd01::1", "10.0.1.2 fd01::2", "10.0.1.3 203.0.113.3 fd01::3"), (0, 1, 2, 0, 0, 1)
    ),
}
"""By name, how the same pods can be spread over nodes. A lab's node routes only families of which it has an address."""
