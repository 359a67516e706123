"""Services as the lab knows them: which address and port stands for which pods (2.13). Values, no effects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from anp import api
from anp.api.syntax import ip_address
from compiler.addresses import Address, IpVersion
from compiler.labels import Labels
from compiler.model import Pod, Protocol, Snapshot

PUBLISHED = ("NodePort", "LoadBalancer")
"""The types of Service that nodes answer for too, with node ports."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; `target` is the pods' port, as a number or by its name, and no `node_port` is 0."""

    protocol: Protocol
    port: int
    target: int | str
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with the addresses that stand for it; an empty `selector` selects no pod."""

    namespace: str
    name: str
    addresses: tuple[Address, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    selector: Labels = field(default_factory=Labels)

    def __str__(self) -> str:
        return f"service {self.namespace}/{self.name}"


Backend: TypeAlias = tuple[Address, int]
"""Where a pod serves: its address and port."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where traffic to one port of a Service goes, in one address family.

    `address` is the cluster address, `backends` are in order, and none of them means that nobody is there.
    """

    service: str
    address: Address
    port: ServicePort
    backends: tuple[Backend, ...]

    @property
    def version(self) -> IpVersion:
        """The family."""
        return self.address.version


def to_service(obj: api.Service) -> Service:
    """Return what a Service object says; a headless one has no addresses, and so nothing of it is proxied.

    Ports of which we cannot read all are left out.
    """
    spec = obj.spec
    texts = () if obj.headless else dict.fromkeys((*spec.cluster_ips, spec.cluster_ip))
    published = spec.type in PUBLISHED
    return Service(
        namespace=obj.metadata.namespace,
        name=obj.metadata.name,
        addresses=tuple(ip_address(text) for text in texts if text),
        ports=tuple(
            ServicePort(
                Protocol(port.protocol.lower()),
                port.port,
                port.port if port.target_port is None else port.target_port,
                port.node_port if published else 0,
            )
            for port in spec.ports
            if not port.unread
        ),
        selector=Labels(spec.selector),
    )


def routes(services: Iterable[Service], snapshot: Snapshot) -> tuple[Route, ...]:
    """Return where all of these Services lead in this cluster, in the order of their names.

    Behind a Service are the pods of its namespace that have all its selector's labels, on the host's network or not,
    but for those that are terminated, run nowhere, or do not declare a port that is only named (2.18).
    """
    return tuple(
        Route(f"{service.namespace}/{service.name}", address, port, tuple(_backends(service, port, address, snapshot)))
        for service in sorted(services, key=lambda service: (service.namespace, service.name))
        for port in service.ports
        for address in service.addresses
    )


def _backends(service: Service, port: ServicePort, address: Address, snapshot: Snapshot) -> Iterator[Backend]:
    for pod in sorted(snapshot.pods, key=lambda pod: pod.key):
        if pod.terminated or not pod.node or not _selects(service, pod):
            continue
        number = _target(pod, port)
        own = next((item for item in _addresses(pod, snapshot) if item.version == address.version), None)
        if number is not None and own is not None:
            yield own, number


def _selects(service: Service, pod: Pod) -> bool:
    wanted = service.selector
    return bool(wanted) and pod.namespace == service.namespace and wanted.items() <= pod.labels.items()


def _target(pod: Pod, port: ServicePort) -> int | None:
    """Return the number of the pod's port; of two of one name and protocol the first counts."""
    if isinstance(port.target, int):
        return port.target
    named = (item.number for item in pod.ports if (item.name, item.protocol) == (port.target, port.protocol))
    return next(named, None)


def _addresses(pod: Pod, snapshot: Snapshot) -> tuple[Address, ...]:
    if pod.addresses or not pod.host_network:
        return pod.addresses
    return next((node.addresses for node in snapshot.nodes if node.name == pod.node), ())


def by_cluster_address(known: Iterable[Route]) -> dict[tuple[Address, Protocol, int], Route]:
    """Return the routes by what a client asks for; of two that claim one address and port, the first counts."""
    found: dict[tuple[Address, Protocol, int], Route] = {}
    for route in known:
        found.setdefault((route.address, route.port.protocol, route.port.port), route)
    return found


def by_node_port(known: Iterable[Route]) -> dict[tuple[IpVersion, Protocol, int], Route]:
    """Return the routes that every node answers for, by family, protocol and node port; the first one counts."""
    found: dict[tuple[IpVersion, Protocol, int], Route] = {}
    for route in known:
        if route.port.node_port:
            found.setdefault((route.version, route.port.protocol, route.port.node_port), route)
    return found
