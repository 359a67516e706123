"""From API objects to the compiler's model: what they mean, with what is doubtful failing closed (2.10)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from anp.api import syntax
from anp.api.cluster_translation import cluster_policy
from anp.api.core_v1 import Container, ContainerPort, Namespace, Node, Pod
from anp.api.doubts import Notes
from anp.api.network_policy_translation import network_policy
from anp.api.networking_v1 import NetworkPolicy
from anp.api.parsing import PolicyObject
from anp.api.problems import Problem
from compiler import model
from compiler.addresses import Address
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Protocol

_INTERNAL_AND_EXTERNAL = ("InternalIP", "ExternalIP")
_TERMINATED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Translation:
    """What a policy means, and what its author should hear; rules with a doubt say so themselves too."""

    policy: model.Policy
    warnings: tuple[Problem, ...] = ()


def to_policy(obj: PolicyObject) -> Translation:
    """Return what a policy object means; never fails for an object from `parse`."""
    notes = Notes()
    policy = network_policy(obj, notes) if isinstance(obj, NetworkPolicy) else cluster_policy(obj, notes)
    return Translation(policy, tuple(dict.fromkeys(notes.warnings)))


def to_pod(obj: Pod) -> model.Pod:
    """Return a pod as policies see it; what cannot be read of it, such as a malformed address, it does not have."""
    return model.Pod(
        namespace=obj.metadata.namespace,
        name=obj.metadata.name,
        labels=obj.metadata.label_set,
        node=obj.spec.node_name,
        addresses=_addresses([entry.ip for entry in obj.status.pod_ips] or [obj.status.pod_ip]),
        host_network=obj.spec.host_network,
        ports=tuple(
            model.ContainerPort(port.name, Protocol(port.protocol.lower()), port.container_port)
            for port in _declared_ports(obj)
            if port.name
        ),
        terminated=obj.status.phase in _TERMINATED,
    )


def served_ports(obj: Pod) -> tuple[tuple[Protocol, int], ...]:
    """Return every port that a pod says it listens on, with a name or without, each once."""
    ports = ((Protocol(port.protocol.lower()), port.container_port) for port in _declared_ports(obj))
    return tuple(dict.fromkeys(ports))


def to_node(obj: Node) -> model.Node:
    """Return a node with its internal and external addresses, of both families (2.9)."""
    reachable = (
        entry.address for entry in obj.status.addresses if not entry.unread and entry.type in _INTERNAL_AND_EXTERNAL
    )
    return model.Node(obj.metadata.name, obj.metadata.label_set, _addresses(reachable))


def to_namespace(obj: Namespace) -> tuple[str, Labels]:
    """Return a namespace's name, and its labels with the one that the API server adds."""
    name = obj.metadata.name
    return name, Labels({**obj.metadata.labels, NAMESPACE_NAME_LABEL: name})


def _declared_ports(obj: Pod) -> Iterator[ContainerPort]:
    sidecars = (container for container in obj.spec.init_containers if container.restart_policy == "Always")
    containers: Iterable[Container] = (*obj.spec.containers, *sidecars)
    return (port for container in containers for port in container.ports if not port.unread)


def _addresses(texts: Iterable[str | None]) -> tuple[Address, ...]:
    """Parse addresses, each once; texts that are none, such as host names, are left out."""
    known: dict[Address, None] = {}
    for text in texts:
        try:
            known[syntax.ip_address(text or "")] = None
        except ValueError:
            continue
    return tuple(known)
