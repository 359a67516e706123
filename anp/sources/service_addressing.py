"""What a cluster would give its Services where manifests say nothing: cluster addresses and node ports.

As with pods and nodes (`anp.sources.addressing`), all of it follows from names, whatever order manifests are read in.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from itertools import chain, islice

from anp.api import ApiObject, Service
from anp.api.service_v1 import ServicePort
from anp.api.syntax import ip_address
from anp.sources.manifests import Item, Loaded, bare
from compiler.addresses import Address, Network

NETWORKS: tuple[tuple[str, Network], ...] = (
    ("IPv4", IPv4Network("10.96.0.0/16")),
    ("IPv6", IPv6Network("fd00:10:96::/112")),
)
"""Where cluster addresses come from, by the name of the family."""

NODE_PORTS = range(30000, 32768)
"""Where node ports come from."""

_PUBLISHED = ("NodePort", "LoadBalancer")
_RESERVED_FIRST = 2
_TRIES = 32
"""How many numbers a Service tries by its name before it takes the next free one."""


def place_services(objects: Iterable[Item]) -> tuple[Item, ...]:
    """Return the objects with Services' addresses and node ports filled in.

    A Service without a cluster address gets one of each of its families, of both where it names none; a headless one
    gets none. Ports of types that nodes answer for get a node port, other than all that are written anywhere. What was
    written stays as it was.

    Raises:
        ValueError: a network or the node ports are exhausted.

    """
    items = tuple(objects)
    services = sorted((thing for thing in map(bare, items) if isinstance(thing, Service)), key=_key)
    addresses = set(chain.from_iterable(map(_written, services)))
    ports: set[tuple[str, int]] = {
        (port.protocol, port.node_port) for service in services for port in service.spec.ports
    }
    filled = {_key(service): _with_ports(_with_addresses(service, addresses), ports) for service in services}

    def put(item: Item) -> Item:
        thing = bare(item)
        new: ApiObject = filled[_key(thing)] if isinstance(thing, Service) else thing
        return replace(item, object=new) if isinstance(item, Loaded) else new

    return tuple(map(put, items))


def _key(service: Service) -> tuple[str, str]:
    return service.metadata.namespace, service.metadata.name


def _written(service: Service) -> tuple[Address, ...]:
    if service.headless:
        return ()
    return tuple(ip_address(text) for text in (*service.spec.cluster_ips, service.spec.cluster_ip) if text)


def _with_addresses(service: Service, taken: set[Address]) -> Service:
    if service.headless or _written(service):
        return service
    families = service.spec.ip_families
    found = [
        _free_address(network, _key(service), taken) for name, network in NETWORKS if not families or name in families
    ]
    taken.update(found)
    texts = tuple(map(str, found))
    update = {"cluster_ip": next(iter(texts), ""), "cluster_ips": texts}
    return service.model_copy(update={"spec": service.spec.model_copy(update=update)})


def _with_ports(service: Service, taken: set[tuple[str, int]]) -> Service:
    if service.spec.type not in _PUBLISHED:
        return service

    def numbered(port: ServicePort) -> ServicePort:
        if port.unread or port.node_port:
            return port
        number = _free_node_port((*_key(service), str(port.port)), port.protocol, taken)
        taken.add((port.protocol, number))
        return port.model_copy(update={"node_port": number})

    ports = tuple(map(numbered, service.spec.ports))
    return service.model_copy(update={"spec": service.spec.model_copy(update={"ports": ports})})


def _free_address(network: Network, key: tuple[str, str], taken: set[Address]) -> Address:
    size = network.num_addresses - _RESERVED_FIRST - 1
    first = network.network_address + _RESERVED_FIRST
    return first + _free(("service", *key), size, lambda offset: first + offset not in taken)


def _free_node_port(key: tuple[str, ...], protocol: str, taken: set[tuple[str, int]]) -> int:
    first = NODE_PORTS.start
    return first + _free(("node port", *key), len(NODE_PORTS), lambda offset: (protocol, first + offset) not in taken)


def _free(key: tuple[str, ...], size: int, free: Callable[[int], bool]) -> int:
    """Return the number below `size` that this key likes best of those that are free."""
    number = next(filter(free, chain(islice(_liked(key, size), _TRIES), range(size))), None)
    if number is None:
        raise ValueError(f"there are no more than {size} of these, and all are taken")
    return number


def _liked(key: tuple[str, ...], size: int) -> Iterator[int]:
    attempt = 0
    while True:
        text = "\0".join((*key, str(attempt)))
        yield int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()) % size
        attempt += 1
