"""Services as a firewall in front of a cluster knows them: addresses, and which port becomes which."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anp.api
from anp.api import syntax
from anp.firewall.services import SCTP, TCP, UDP
from anp.sources.documents import read_documents
from anp.sources.files import list_files, read_text
from compiler.addresses import AddressSet
from compiler.model import Pod

_PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `target` is a number, or the name of a container's port."""

    protocol: int
    port: int
    target: int | str


@dataclass(frozen=True, slots=True)
class Service:
    """A Service: the addresses that it is reached by, and the pods that it leads to."""

    namespace: str
    name: str
    addresses: AddressSet
    selector: Mapping[str, str] = field(hash=False)
    ports: tuple[ServicePort, ...] = ()

    def leads_to(self, pod: Pod) -> bool:
        """Say whether a pod is behind it."""
        return pod.namespace == self.namespace and all(
            pod.labels.get(key) == value for key, value in self.selector.items()
        )


def read_services(path: str) -> tuple[Service, ...]:
    """Read the Services in a file or under a directory; the rest of it is for others to judge. Never raises."""
    found: list[Service] = []
    for file in list_files(path).files:
        text = read_text(file).text
        if text is not None and "Service" in text:
            for document in read_documents(text, file).documents:
                found += services_of([document.value])
    return tuple(found)


def services_of(documents: Iterable[Any]) -> Iterator[Service]:
    """Yield the Services among documents as files or API servers have them; what cannot be read of one it has not."""
    for document in documents:
        try:
            things = anp.api.items(document)
        except anp.api.InvalidObjectError:
            continue
        for thing in things:
            if thing.get("kind") == "Service" and thing.get("apiVersion") == "v1":
                yield _service(thing)


def _service(document: Mapping[str, Any]) -> Service:
    metadata, spec = _mapping(document.get("metadata")), _mapping(document.get("spec"))
    balancer = _mapping(_mapping(document.get("status")).get("loadBalancer"))
    texts = [
        *(_mapping(entry).get("ip") for entry in _list(balancer.get("ingress"))),
        *_list(spec.get("externalIPs")),
        spec.get("loadBalancerIP"),
        *_list(spec.get("clusterIPs")),
        spec.get("clusterIP"),
    ]
    selector = _mapping(spec.get("selector"))
    return Service(
        namespace=str(metadata.get("namespace", "default")),
        name=str(metadata.get("name", "")),
        addresses=AddressSet.of(*_addresses(texts)),
        selector={key: value for key, value in selector.items() if isinstance(key, str) and isinstance(value, str)},
        ports=tuple(_ports(_list(spec.get("ports")))),
    )


def _addresses(texts: Iterable[Any]) -> Iterator[Any]:
    for text in texts:
        if isinstance(text, str):
            try:
                yield syntax.ip_address(text)
            except ValueError:
                continue


def _ports(entries: Iterable[Any]) -> Iterator[ServicePort]:
    for entry in map(_mapping, entries):
        protocol, port = entry.get("protocol", "TCP"), entry.get("port", 0)
        target = entry.get("targetPort", port)
        if protocol in _PROTOCOLS and _is_port(port) and (_is_port(target) or isinstance(target, str)):
            yield ServicePort(_PROTOCOLS[protocol], port, target)


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
