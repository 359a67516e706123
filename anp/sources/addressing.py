"""What a cluster would fill in: a node for every pod, and addresses for both, where manifests say nothing.

All of it follows from names, so that the same manifests are the same cluster everywhere, in whatever order they are
read, and a further object leaves the others where they are. There is one exception: pods whose names fall on the
same IPv4 address, or nodes on the same number, settle by name who moves aside, and a newcomer may win.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import chain

from anp.api import ApiObject
from anp.api.core_v1 import Node, NodeAddress, Pod, PodIp
from anp.api.meta import ObjectMeta
from anp.sources.manifests import Item, Loaded, bare
from compiler.addresses import Address, Network

DEFAULT_NODES = ("node-1", "node-2")
"""The nodes of a cluster whose manifests have none."""

_PLAIN_NUMBERS = 254
"""Nodes up to this number have it as the last byte of their address and the third of their pod network."""
_MAX_NUMBER = 3071
"""The number whose pod network is 10.255.255.0/24, the last of its block."""
_TRAILING_NUMBER = re.compile(r"[0-9]{1,4}\Z")

_RESERVED_FIRST = 2
"""The network's own address and, by custom, its router's."""
_INTERFACE_BITS = 32
"""How much of an IPv6 address comes from the pod's name: short to read, and long enough never to meet."""
_TRIES = 32
"""How many places in an IPv4 network a pod tries by its name before it takes the next free one."""

_FINISHED = frozenset({"Succeeded", "Failed"})


def place(objects: Iterable[Item]) -> tuple[Item, ...]:
    """Return the objects with nodes and addresses filled in, then the nodes that had to be made, by name.

    Pods without a node go to the nodes in the manifests, or to `node-1` and `node-2` where there are none; a node that
    only a pod names is made. Nodes without an internal address get one of each family for documentation, and those
    without pod networks get 10.244.N.0/24 and fd00:10:244:N::/64, with N from the end of the name where possible. A
    pod without addresses gets one in each of its node's networks that has room, or its node's own if it is on the host
    network. What was written stays as it was, and finished pods get nothing.

    Raises:
        ValueError: there are more nodes than numbers, some three thousand.

    """
    items = tuple(objects)
    pods = {_key(thing): thing for thing in map(bare, items) if isinstance(thing, Pod)}
    declared = {thing.metadata.name: thing for thing in map(bare, items) if isinstance(thing, Node)}
    settled = {key: _scheduled(pod, tuple(sorted(declared)) or DEFAULT_NODES) for key, pod in sorted(pods.items())}
    names = {pod.spec.node_name for pod in settled.values()} - {""}
    made = {name: _new_node(name) for name in sorted(names - declared.keys())}
    nodes = _addressed_nodes(declared, made, _written_addresses(declared.values(), pods.values()))
    settled = _addressed_pods(settled, nodes)

    def filled(item: Item) -> Item:
        thing = bare(item)
        new: ApiObject = thing
        if isinstance(thing, Pod):
            new = settled[_key(thing)]
        elif isinstance(thing, Node):
            new = nodes[thing.metadata.name]
        return replace(item, object=new) if isinstance(item, Loaded) else new

    return (*map(filled, items), *(nodes[name] for name in made))


def _key(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.name


def _number_of(*texts: str) -> int:
    """Return a large number that depends on nothing but the texts."""
    return int.from_bytes(hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest())


# Nodes.


def _scheduled(pod: Pod, homes: tuple[str, ...]) -> Pod:
    """Give the pod a node: of all homes the one that its name likes best, so that other pods have no say in it."""
    if pod.spec.node_name or pod.status.phase in _FINISHED:
        return pod
    home = max(homes, key=lambda name: _number_of("home", name, *_key(pod)))
    return pod.model_copy(update={"spec": pod.spec.model_copy(update={"node_name": home})})


def _new_node(name: str) -> Node:
    # Built without validation, as the name is whatever a pod says.
    metadata = ObjectMeta.model_construct(name=name, labels={"kubernetes.io/hostname": name})
    return Node(api_version="v1", kind="Node", metadata=metadata)


def _addressed_nodes(
    declared: Mapping[str, Node], made: Mapping[str, Node], taken: frozenset[Address]
) -> dict[str, Node]:
    """Fill in the addresses and pod networks of all nodes."""
    nodes = {**declared, **made}
    networks = [network for node in nodes.values() for network in _pod_networks(node)]
    used: set[int] = set()

    def free(number: int) -> bool:
        return (
            number not in used
            and taken.isdisjoint(_node_addresses(number))
            and not any(
                given.version == network.version and given.overlaps(network)
                for given in networks
                for network in _numbered_networks(number)
            )
        )

    filled: dict[str, Node] = {}
    # Nobody is to take its number from a node that was declared, or from one that carries it in its name.
    for name in sorted(nodes, key=lambda name: (name in made, _own_number(name) is None, name)):
        node = nodes[name]
        if _internal_addresses(node) and _pod_networks(node):
            filled[name] = node
            continue
        number = next(filter(free, _numbers(name)), None)
        if number is None:
            raise ValueError(f"there are more than {_MAX_NUMBER} nodes, so no addresses are left for {name}")
        used.add(number)
        filled[name] = _numbered(node, number)
    return filled


def _numbers(name: str) -> Iterator[int]:
    """Yield the numbers of a node by preference: the one in its name, the one that the name falls on, those after."""
    own = _own_number(name)
    start = _number_of("node", name) % _PLAIN_NUMBERS
    around = (1 + (start + step) % _PLAIN_NUMBERS for step in range(_PLAIN_NUMBERS))
    return chain(() if own is None else (own,), around, range(_PLAIN_NUMBERS + 1, _MAX_NUMBER + 1))


def _own_number(name: str) -> int | None:
    found = _TRAILING_NUMBER.search(name)
    return int(found[0]) if found and 1 <= int(found[0]) <= _PLAIN_NUMBERS else None


def _numbered(node: Node, number: int) -> Node:
    if not _internal_addresses(node):
        given = tuple(NodeAddress(type="InternalIP", address=str(address)) for address in _node_addresses(number))
        status = node.status.model_copy(update={"addresses": (*node.status.addresses, *given)})
        node = node.model_copy(update={"status": status})
    if not _pod_networks(node):
        cidrs = tuple(map(str, _numbered_networks(number)))
        spec = node.spec.model_copy(update={"pod_cidr": cidrs[0], "pod_cidrs": cidrs})
        node = node.model_copy(update={"spec": spec})
    return node


def _node_addresses(number: int) -> tuple[Address, Address]:
    """Return addresses that are set aside for documentation, or for benchmarks where those do not suffice."""
    v4 = IPv4Address("192.0.2.0") if number <= _PLAIN_NUMBERS else IPv4Address("198.18.0.0")
    return v4 + number, IPv6Address(f"2001:db8:ffff::{number}")


def _numbered_networks(number: int) -> tuple[Network, Network]:
    upper, lower = divmod(number, 256)
    return ip_network(f"10.{244 + upper}.{lower}.0/24"), ip_network(f"fd00:10:244:{number}::/64")


def _internal_addresses(node: Node) -> tuple[Address, ...]:
    return tuple(_parsed(part.address for part in node.status.addresses if part.type == "InternalIP"))


def _pod_networks(node: Node) -> tuple[Network, ...]:
    cidrs = node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())
    networks = []
    for cidr in cidrs:
        try:
            networks.append(ip_network(cidr, strict=False))
        except ValueError:  # validation tells of it
            continue
    return tuple(networks)


# Pods.


def _written_addresses(nodes: Iterable[Node], pods: Iterable[Pod]) -> frozenset[Address]:
    of_nodes = chain.from_iterable(_parsed(part.address for part in node.status.addresses) for node in nodes)
    return frozenset(chain(of_nodes, *map(_pod_addresses, pods)))


def _addressed_pods(pods: Mapping[tuple[str, str], Pod], nodes: Mapping[str, Node]) -> dict[tuple[str, str], Pod]:
    """Fill in the addresses of all pods, in the order of their names."""
    taken = set(_written_addresses(nodes.values(), pods.values()))
    full: set[Network] = set()
    networks = {name: _pod_networks(node) for name, node in nodes.items()}
    filled: dict[tuple[str, str], Pod] = {}
    for key, pod in sorted(pods.items()):
        node = nodes.get(pod.spec.node_name)
        addresses: tuple[Address, ...] = ()
        if node is not None and pod.status.phase not in _FINISHED and not _pod_addresses(pod):
            if pod.spec.host_network:
                addresses = _internal_addresses(node)
            else:
                found = {
                    net: next(_free(net, key, taken), None) for net in networks[node.metadata.name] if net not in full
                }
                full.update(network for network, address in found.items() if address is None)
                addresses = tuple(address for address in found.values() if address is not None)
                taken.update(addresses)
        filled[key] = _with_addresses(pod, addresses) if addresses else pod
    return filled


def _free(network: Network, key: tuple[str, str], taken: set[Address]) -> Iterator[Address]:
    """Yield the addresses of a network that are not taken, by the preference of the pod with that key."""
    size = network.num_addresses - _RESERVED_FIRST - (network.version == 4)  # the last one is for broadcasts
    size = min(size, 1 << _INTERFACE_BITS)
    if size <= 0:
        return
    tries = (_number_of("pod", *key, str(attempt)) % size for attempt in range(_TRIES))
    for offset in chain(tries, range(size)):
        address = network.network_address + _RESERVED_FIRST + offset
        if address not in taken:
            yield address


def _with_addresses(pod: Pod, addresses: tuple[Address, ...]) -> Pod:
    texts = tuple(map(str, addresses))
    update = {"pod_ip": texts[0], "pod_ips": tuple(PodIp(ip=text) for text in texts)}
    return pod.model_copy(update={"status": pod.status.model_copy(update=update)})


def _pod_addresses(pod: Pod) -> tuple[Address, ...]:
    status = pod.status
    return tuple(_parsed(text for text in (*(part.ip for part in status.pod_ips), status.pod_ip) if text))


def _parsed(texts: Iterable[str]) -> Iterator[Address]:
    """Yield the addresses among the texts; what is none is for validation to tell."""
    for text in texts:
        try:
            yield ip_address(text)
        except ValueError:
            continue
