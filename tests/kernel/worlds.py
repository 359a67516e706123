"""Labs that stand for many clusters, and who can speak to whom in them.

Building a lab takes longer than asking it a hundred questions. So a `World` has everybody in it of whom
`tests.strategies` can speak, and what is drawn is only what policies see of it: a pod that they do not know of, or
not by that address, is one more stranger.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
from itertools import zip_longest
from random import Random

from anp.lab.errors import TopologyError
from anp.lab.probes import Probe
from anp.lab.topology import LabNode, LabPod, OutsideHost, Place, Topology
from compiler.addresses import VERSIONS, Address
from compiler.labels import Labels
from compiler.model import Action, Flow, Node, Pod, PodSelection, Policy, PolicyKind, Protocol, Rule, Snapshot, Tier
from tests.strategies import BLOCKS, LEARNED, OUTSIDE, PORTS, TRAFFIC, Endpoints, packets

LAB = "lab"
"""The namespace of pods in a world's topology; which one they are in for policies is another matter."""

# All that the pools can draw, in one cluster that nobody compiles.
_POOLS = Snapshot.of(
    namespaces={LAB: Labels()},
    pods=[Pod(LAB, f"pod-{number}", ports=ports) for number, ports in enumerate(PORTS)],
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
"""Every port that a policy can tell from its neighbours. No other is asked for: a refusal would be an answer."""
FEW = tuple((protocol, port) for protocol, port in SERVES if port in {53, 80, 81})
"""What is enough where there are many to serve it."""

_STRANGERS = {
    address
    for learned in LEARNED
    for version in VERSIONS
    for address in Endpoints.of(replace(_POOLS, learned=learned), version).all
} | set(OUTSIDE)
_WEB = ((Protocol.TCP, 80),)
_ECHO = ((Protocol.OTHER, 0),)


def _addresses(texts: str) -> tuple[Address, ...]:
    return tuple(map(ip_address, texts.split()))


def addresses_of_pod(number: int) -> tuple[Address, ...]:
    """Return all addresses that pod `number` can have: one of each family, and a second IPv4 address."""
    return _addresses(f"10.0.0.{number} fd00::{number} 10.0.3.{number}")


# Who is there, and who can speak to whom.


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
        homes = [self.nodes[number].name for number in self.placement]
        pods = [
            pod
            for number, home in enumerate(homes, 1)
            for pod in (
                LabPod(LAB, f"p{number}", home, addresses_of_pod(number)[:2], serves=SERVES),
                LabPod(LAB, f"second-of-p{number}", home, addresses_of_pod(number)[2:], serves=SERVES),
            )
        ]
        servers = [
            LabPod(LAB, f"on-{node.name}", node.name, node.addresses, host_network=True, serves=SERVES)
            for node in self.nodes
        ]
        inside = Topology(tuple(LabNode(node.name, node.addresses) for node in self.nodes), (*pods, *servers))
        return replace(inside, outside=tuple(_outside(_STRANGERS - inside.owners().keys())))

    def home(self, number: int) -> Node:
        """Return the node that pod `number` is on."""
        return self.nodes[self.placement[number - 1]]


class Ends:
    """Who has which address in a lab, and who sends from it: the first address that somebody has in its family."""

    def __init__(self, topology: Topology) -> None:
        hosts = topology.hosts()
        self._places = topology.owners()
        self._senders: dict[Address, Place] = {}
        for place in dict.fromkeys(self._places.values()):
            for version in VERSIONS:
                ours = [address for address in hosts[place].addresses if address.version == version]
                self._senders.update((address, place) for address in ours[:1])
        self._served = topology.servers().keys()

    def probe(self, flow: Flow) -> Probe:
        """Say how the lab is asked about a flow of `flows`."""
        return Probe(self._senders[flow.source], flow.destination, flow.protocol, flow.port)

    def flows(self, snapshot: Snapshot, chance: Random, number: int) -> Iterator[Flow]:
        """Yield at most so many flows that somebody can send and somebody answers, most of them with a governed pod."""
        ends = [Endpoints.of(snapshot, version) for version in VERSIONS]
        pods, known, everyone = (
            [address for both in ends for address in getattr(both, kind) if address in self._places]
            for kind in ("governed", "known", "all")
        )
        pairs = [(pods, pods), (pods, pods), (pods, known), (known, pods), (pods, everyone), (everyone, pods)]
        declared = [(port.protocol, port.number) for pod in snapshot.pods for port in pod.ports]
        traffic = (_WEB, declared or _WEB, packets(snapshot), _ECHO)
        for _ in range(number):
            sources, destinations = chance.choice(pairs)
            flow = self._flow(sources or everyone, destinations or everyone, chance.choice(traffic), chance)
            if flow is not None:
                yield flow

    def _flow(
        self,
        sources: Sequence[Address],
        destinations: Sequence[Address],
        traffic: Sequence[tuple[Protocol, int]],
        chance: Random,
    ) -> Flow | None:
        source, destination = chance.choice(sources), chance.choice(destinations)
        protocol, port = chance.choice(traffic)
        answered = protocol is Protocol.OTHER or (destination, protocol, port) in self._served
        if source.version != destination.version or source not in self._senders or not answered:
            return None
        # What stays within a place is seen by no node, and what goes from one place of a pod to the other is.
        leaves = self._places[source] != self._places[destination]
        return Flow(source, destination, protocol, port, hairpin=leaves)


# The worlds there are.


def _outside(addresses: Iterable[Address]) -> Iterator[OutsideHost]:
    """Give every address that the lab allows to a host of its own, but let one host speak both families."""
    allowed = [address for address in sorted(addresses, key=str) if _is_allowed(address)]
    families = ([address for address in allowed if address.version == version] for version in VERSIONS)
    for number, both in enumerate(zip_longest(*families)):
        yield OutsideHost(f"o{number}", tuple(address for address in both if address), FEW)


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
