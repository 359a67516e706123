"""Clusters that fit into a lab which stands already, and flows that somebody in it can send.

Building a lab takes longer than asking it a hundred questions. So a `World` has everybody in it of whom
`tests.strategies` can speak, and what is drawn is only what policies see of it: a pod that they do not know of, or
not by that address, is one more stranger.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
from itertools import zip_longest

from hypothesis import strategies as st

from anp.lab.errors import TopologyError
from anp.lab.probes import Probe
from anp.lab.topology import LabNode, LabPod, OutsideHost, Place, Topology
from compiler.addresses import VERSIONS, Address
from compiler.labels import Labels
from compiler.model import Action, Flow, Node, Pod, PodSelection, Policy, PolicyKind, Protocol, Rule, Snapshot, Tier
from tests.strategies import BLOCKS, LEARNED, OUTSIDE, PORTS, TRAFFIC, Endpoints, packets, snapshots

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
            LabPod(NAMESPACE, f"{name}{number}", nodes[at].name, _addresses(addresses.format(number)), serves=SERVES)
            for number, at in enumerate(self.placement, 1)
            for name, addresses in (("p", "10.0.0.{0} fd00::{0}"), ("second", "10.0.3.{0}"))
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

    def fitted(self, drawn: Snapshot) -> Snapshot:
        """Put the pods of a drawn cluster on the nodes where this world has them; labels and all else stay drawn.

        A pod on no node is in the lab all the same, but no node judges what it sends and gets.
        """
        labels = {node.name: node.labels for node in drawn.nodes}
        nodes = [replace(node, labels=labels.get(node.name, node.labels)) for node in self.nodes]
        homes = {pod.name: pod.node for pod in self.topology.pods}
        addresses = {node.name: node.addresses for node in nodes}
        return Snapshot.of(
            namespaces=drawn.namespaces,
            pods=[
                replace(pod, addresses=addresses.get(pod.node, ()))
                if pod.host_network
                else replace(pod, node=homes[pod.name] if pod.node else "")
                for pod in drawn.pods
            ],
            nodes=nodes,
            policies=drawn.policies,
            learned=drawn.learned,
        )

    def probe(self, flow: Flow) -> Probe:
        """Say how the lab is asked about a flow that was drawn for this world."""
        return Probe(self.senders[flow.source], flow.destination, flow.protocol, flow.port)

    def flows(self, snapshot: Snapshot) -> st.SearchStrategy[Flow]:
        """Draw a flow that somebody here can send to somebody here, one of them a governed pod if there is any."""
        pairs: list[_Ends] = []
        for version in VERSIONS:
            ends = Endpoints.of(snapshot, version)
            pods, known, everyone = (
                tuple(address for address in addresses if address in self.places)
                for addresses in (ends.governed, ends.known, ends.all)
            )
            chosen = [(pods, pods), (pods, pods), (pods, known), (known, pods), (pods, everyone), (everyone, pods)]
            senders = [(tuple(a for a in sources if a in self.senders), others) for sources, others in chosen]
            pairs += [(sources, destinations) for sources, destinations in senders if sources and destinations]
        declared = [(port.protocol, port.number) for pod in snapshot.pods for port in pod.ports]
        edges = [packet for packet in packets(snapshot) if packet in SERVES]
        return _flows(self, pairs or [(OUTSIDE[:1], OUTSIDE[1:2])], (_WEB, declared or _WEB, edges, _ECHO))


@st.composite
def _flows(draw: st.DrawFn, world: World, pairs: Sequence[_Ends], traffic: Sequence[_Traffic]) -> Flow:
    sources, destinations = draw(st.sampled_from(pairs))
    protocol, port = draw(st.sampled_from(draw(st.sampled_from(traffic))))
    source, destination = draw(st.sampled_from(sources)), draw(st.sampled_from(destinations))
    # What stays within a place is seen by no node, and what goes from one place of a pod to the other is.
    leaves = world.places[source] != world.places[destination]
    return Flow(source, destination, protocol, port, hairpin=leaves)


@st.composite
def cases(draw: st.DrawFn, world: World) -> tuple[Snapshot, tuple[Flow, ...]]:
    """Draw a cluster that fits into a world, and flows through it."""
    snapshot = world.fitted(draw(snapshots()))
    through = world.flows(snapshot)
    return snapshot, tuple(draw(through) for _ in range(draw(st.sampled_from((15, 8, 4, 1)))))


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
