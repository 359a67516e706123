"""A Service as the destination of a connection: what policies judge is the way to each pod behind it (2.13, 2.14)."""

from anp.analysis.ends import End, UnknownEndError
from anp.analysis.explanation import Explanation, NoCommonFamilyError
from anp.analysis.parties import few
from anp.lab.services import Backend, Route, routes
from anp.state.cluster import Cluster
from compiler.model import Flow, Protocol
from compiler.semantics import decide

PREFIX = "service "


def service_routes(text: str, cluster: Cluster, protocol: Protocol, port: str) -> list[Route]:
    """Return where a connection to ``service NAMESPACE/NAME[:PORT]`` may go; `port` counts where the text has none.

    Raises:
        UnknownEndError: there is no such Service, no such port, or nobody behind it.

    """
    label, _colon, own_port = text.removeprefix(PREFIX).strip().partition(":")
    known = [f"{service.namespace}/{service.name}" for service in cluster.services]
    if label not in known:
        raise UnknownEndError(f"there is no service {label!r}; services are {few(sorted(known)) or 'not there'}")
    here = [route for route in routes(cluster.services, cluster.snapshot) if route.service == label]
    if not here:
        raise UnknownEndError(f"the service {label} has no address or no ports, so nothing is sent to it")
    mine = [route for route in here if route.port.protocol is protocol]
    ports = sorted({route.port.port for route in mine})
    wanted = own_port or port or (str(ports[0]) if len(ports) == 1 else "")
    found = [route for route in mine if str(route.port.port) == wanted]
    if not found:
        there = few([f"{protocol.value}/{number}" for number in ports])
        raise UnknownEndError(
            f"the service {label} has no {protocol.value} port {wanted:.40}; it has {there or 'none'}"
        )
    if not any(route.backends for route in found):
        raise UnknownEndError(f"nobody is behind the port {wanted} of the service {label}")
    return found


def explain_service(cluster: Cluster, source: End, found: list[Route]) -> tuple[Explanation, list[Backend]]:
    """Explain a connection to a Service for each pod behind it, and say where it leads.

    Raises:
        NoCommonFamilyError: the source has no address of a family that the Service has.

    """
    ways = [
        (ours, backend)
        for route in found
        for backend in route.backends
        for ours in source.addresses
        if ours.version == route.version
    ]
    if not ways:
        raise NoCommonFamilyError(f"{source.name} and the service have no address family in common")
    port = found[0].port
    decisions = tuple(
        decide(cluster.snapshot, Flow(ours, address, port.protocol, number, hairpin=ours == address))
        for ours, (address, number) in ways
    )
    end = End(f"{PREFIX}{found[0].service}", tuple(dict.fromkeys(route.address for route in found)))
    backends = list(dict.fromkeys(backend for _ours, backend in ways))
    return Explanation(source, end, port.protocol, port.port, decisions), backends
