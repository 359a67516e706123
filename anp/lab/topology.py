"""What a lab consists of, as plain values; making one touches nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from anp.lab.errors import TopologyError
from compiler.addresses import Address
from compiler.model import MAX_PORT, PORT_PROTOCOLS, Protocol, Snapshot

Serves: TypeAlias = tuple[tuple[Protocol, int], ...]
"""What a workload listens on: protocol (never `OTHER`) and port."""

GATEWAY: dict[int, Address] = {4: IPv4Address("169.254.1.1"), 6: IPv6Address("fe80::1")}
"""Where every namespace's default route points, by IP version: the other end of its only link."""

FABRIC_ADDRESS: dict[int, Address] = {4: IPv4Address("192.0.0.8"), 6: IPv6Address("fd6c:6162::1")}
"""Who says "no route" between the nodes, by IP version; the first is the address that RFC 7600 made for this."""

NEIGHBOUR: dict[int, Address] = {4: IPv4Address("169.254.1.2"), 6: IPv6Address("fe80::2")}
"""What a router calls the namespace at the other end of any of its links, by IP version; nobody has it."""

_RESERVED = frozenset((*GATEWAY.values(), *FABRIC_ADDRESS.values(), *NEIGHBOUR.values()))


Endpoint: TypeAlias = tuple[Address, Protocol, int]
"""Where something is served: address, protocol and port."""


@dataclass(frozen=True, slots=True)
class PodPlace:
    """A pod as an end of traffic."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"pod {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node itself as an end of traffic, as its kubelet is."""

    name: str

    def __str__(self) -> str:
        return f"node {self.name}"


@dataclass(frozen=True, slots=True)
class OutsidePlace:
    """A host outside the cluster as an end of traffic."""

    name: str

    def __str__(self) -> str:
        return f"outside {self.name}"


Place: TypeAlias = PodPlace | NodePlace | OutsidePlace


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node: a network namespace that forwards for its pods."""

    name: str
    addresses: tuple[Address, ...] = ()

    @property
    def place(self) -> NodePlace:
        """The node as an end of traffic."""
        return NodePlace(self.name)


@dataclass(frozen=True, slots=True)
class LabPod:
    """A pod and what it serves on each of its addresses.

    A host-network pod lives in its node's namespace, and its addresses are some or all of the node's.
    """

    namespace: str
    name: str
    node: str
    addresses: tuple[Address, ...] = ()
    host_network: bool = False
    serves: Serves = ()

    @property
    def place(self) -> PodPlace:
        """The pod as an end of traffic."""
        return PodPlace(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class OutsideHost:
    """A host that is not in the cluster; nodes reach it as they reach each other."""

    name: str
    addresses: tuple[Address, ...] = ()
    serves: Serves = ()

    @property
    def place(self) -> OutsidePlace:
        """The host as an end of traffic."""
        return OutsidePlace(self.name)


Host: TypeAlias = LabNode | LabPod | OutsideHost


@dataclass(frozen=True, slots=True)
class Topology:
    """All that a lab consists of.

    Raises:
        TopologyError: two things have one name or one address, two servers want one port of one address,
            a pod's node is not there, a host-network pod has an address that its node has not, or an
            address or port is not one that can be used.

    """

    nodes: tuple[LabNode, ...] = ()
    pods: tuple[LabPod, ...] = ()
    outside: tuple[OutsideHost, ...] = ()

    def __post_init__(self) -> None:
        _refuse_repetition("name", ((host.place, host.place) for host in self._all()))
        _refuse_repetition("address", self._own_addresses())
        _refuse_repetition("server", ((_server(*key), place) for key, place in self._endpoints()))
        nodes = {node.name: node for node in self.nodes}
        for pod in self.pods:
            if pod.node not in nodes:
                raise TopologyError(f"{pod.place} is on node {pod.node!r}, which is not there")
            strangers = set(pod.addresses) - set(nodes[pod.node].addresses)
            if pod.host_network and strangers:
                raise TopologyError(
                    f"{pod.place} is on its host's network, but {pod.node!r} has not {min(strangers, key=str)}"
                )
        for address, place in self._own_addresses():
            if not _usable(address):
                raise TopologyError(f"{place} cannot have the address {address}")
        for host in self._serving():
            for protocol, port in host.serves:
                if protocol not in PORT_PROTOCOLS or not 0 < port <= MAX_PORT:
                    raise TopologyError(f"{host.place} cannot serve {protocol.value}/{port}")

    def owners(self) -> dict[Address, Place]:
        """Who has which address; a node's are its own, whatever host-network pods it carries."""
        return dict(self._own_addresses())

    def servers(self) -> dict[Endpoint, Place]:
        """Who answers at which address, protocol and port."""
        return dict(self._endpoints())

    def hosts(self) -> dict[Place, Host]:
        """Everything by its place."""
        return {host.place: host for host in self._all()}

    def pod(self, place: PodPlace) -> LabPod:
        """Return the pod of that name; raise TopologyError where there is none."""
        pod = next((pod for pod in self.pods if pod.place == place), None)
        if pod is None:
            raise TopologyError(f"there is no {place}")
        return pod

    def with_pod(self, pod: LabPod) -> "Topology":
        """Return the topology that also has this pod."""
        return replace(self, pods=(*self.pods, pod))

    def without_pod(self, place: PodPlace) -> "Topology":
        """Return the topology less that pod; raise TopologyError where there is none."""
        gone = self.pod(place)
        return replace(self, pods=tuple(pod for pod in self.pods if pod is not gone))

    def _all(self) -> tuple[Host, ...]:
        return *self.nodes, *self.pods, *self.outside

    def _serving(self) -> tuple[LabPod | OutsideHost, ...]:
        return *self.pods, *self.outside

    def _own_addresses(self) -> Iterator[tuple[Address, Place]]:
        for host in self._all():
            if not (isinstance(host, LabPod) and host.host_network):
                for address in host.addresses:
                    yield address, host.place

    def _endpoints(self) -> Iterator[tuple[Endpoint, Place]]:
        for host in self._serving():
            for address in host.addresses:
                for protocol, port in host.serves:
                    yield (address, protocol, port), host.place


def topology(
    snapshot: Snapshot, serves: Mapping[tuple[str, str], Serves], outside: tuple[OutsideHost, ...] = ()
) -> Topology:
    """Return the lab that looks like `snapshot`, in which the pods named by (namespace, name) serve these ports.

    Pods that are terminated or on no node run nowhere and are left out (2.18). A host-network pod that
    reports no address has its node's.

    Raises:
        TopologyError: as `Topology` does.

    """
    nodes = tuple(LabNode(node.name, node.addresses) for node in snapshot.nodes)
    of_node = {node.name: node.addresses for node in nodes}
    pods = tuple(
        LabPod(
            namespace=pod.namespace,
            name=pod.name,
            node=pod.node,
            addresses=pod.addresses or (of_node.get(pod.node, ()) if pod.host_network else ()),
            host_network=pod.host_network,
            serves=serves.get(pod.key, ()),
        )
        for pod in snapshot.pods
        if pod.node and not pod.terminated
    )
    return Topology(nodes, pods, outside)


def _server(address: Address, protocol: Protocol, port: int) -> str:
    return f"{protocol.value}/{port} of {address}"


def _usable(address: Address) -> bool:
    """Say whether a pod, node or host may have that address: it can be routed, and the lab does not need it."""
    if address in _RESERVED or address.is_loopback or address.is_multicast or address.is_unspecified:
        return False
    if isinstance(address, IPv4Address):
        return address != IPv4Address("255.255.255.255")
    return not address.is_link_local and address.ipv4_mapped is None


def _refuse_repetition(what: str, owned: Iterable[tuple[object, Place]]) -> None:
    owners: dict[object, Place] = {}
    for key, place in owned:
        if key in owners:
            raise TopologyError(f"{owners[key]} and {place} have the same {what}: {key}")
        owners[key] = place
