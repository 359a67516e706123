"""The work of `anp explain`."""

from anp.analysis.ends import End, parse_end
from anp.analysis.explanation import Explanation, as_json, explain
from anp.analysis.service_ends import explain_service, service_routes
from anp.cli import console
from anp.cli.narrative import explanation_lines
from anp.cli.options import Origin, Output
from anp.cli.subject import cluster_or_exit, told
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.model import MAX_PORT, PORT_PROTOCOLS, Pod, PortRange, Protocol
from compiler.packets import EVERY_PACKET, PacketSet

_ICMP = {"icmp", "icmpv6", "other"}
_ANY = "any"
_GLOB = frozenset("*?")
_SERVICE = "service "
_MAX_DIGITS = 5
"""Digits of the largest port."""


def print_explanation(
    origin: Origin,
    ends: tuple[str, str],
    protocol: str,
    port: str,
    output: Output,
    *,
    hairpin: bool,
    suggest: bool,
    verbose: bool,
) -> bool:
    """Print why a connection gets through or not, and return whether it does; for many where patterns name ends."""
    many = port == _ANY or bool(_GLOB & set("".join(ends)))
    service = ends[1].startswith(_SERVICE)
    if not many and not service and "/" in ends[0] and "/" in ends[1]:
        _protocol(protocol, port)  # before anything is read, as it needs no reading
    cluster = cluster_or_exit(origin, invent=True, verbose=verbose, services=service)
    namespaces = {pod.namespace for pod in cluster.snapshot.pods}
    if many or not namespaces.isdisjoint(ends):
        if service or suggest or hairpin:
            console.fail("a service, --suggest and --hairpin go with one connection, and patterns name many")
        from anp.cli.explain_many import print_answers  # noqa: PLC0415 - compiles

        return print_answers(cluster, ends, _packets(protocol, port), output)
    leads: list[str] = []
    with told():
        source = parse_end(ends[0], cluster.snapshot)
        if service:
            explanation, leads = _to_service(cluster, source, ends[1], protocol, port)
        else:
            destination = parse_end(ends[1], cluster.snapshot)
            kind = _protocol(protocol, port)
            number = _port(kind, port, destination.pod)
            explanation = explain(cluster, source, destination, kind, number, hairpin=hairpin)
    _print(explanation, cluster, leads, output, suggest=suggest)
    return explanation.accepted


def _print(explanation: Explanation, cluster: Cluster, leads: list[str], output: Output, *, suggest: bool) -> None:
    document = {} if output is Output.TEXT else as_json(explanation, cluster)
    lines = list(leads)
    if output is Output.TEXT:
        lines += explanation_lines(explanation, cluster)
    if suggest:
        from anp.cli.explain_many import suggestion_for, suggestion_json, suggestion_lines  # noqa: PLC0415 - compiles

        found = suggestion_for(explanation, cluster)
        document["suggestion"] = suggestion_json(found, cluster)
        lines += suggestion_lines(found)
    if output is Output.TEXT:
        for line in lines:
            console.say(line)
    else:
        console.document(document, output)


def _to_service(cluster: Cluster, source: End, text: str, protocol: str, port: str) -> tuple[Explanation, list[str]]:
    """Follow a Service to the pods behind it; the lines say where it leads."""
    kind = next((each for each in PORT_PROTOCOLS if each.value == protocol.lower()), None)
    if kind is None:
        console.fail(f"--protocol {protocol:.40}: services have tcp, udp and sctp ports")
    explanation, backends = explain_service(cluster, source, service_routes(text, cluster, kind, port))
    pods = {address: str(pod) for pod in cluster.snapshot.pods for address in pod.addresses}
    title = f"{explanation.destination.name} {kind.value}/{explanation.port} leads to:"
    ways = (f"  {pods.get(address, address)} {kind.value}/{number} ({address})" for address, number in backends)
    return explanation, [*(printable(line) for line in (title, *ways)), ""]


def _packets(protocol: str, port: str) -> PacketSet:
    """Read what is asked about many: a number, or any; without a port everything, or all of a protocol but TCP."""
    name = protocol.lower()
    if name in _ICMP and not port:
        return PacketSet(other=True)
    if not port and name == Protocol.TCP.value:
        return EVERY_PACKET
    kind = next((each for each in PORT_PROTOCOLS if each.value == name), None)
    if kind is None:
        console.fail(f"--protocol {protocol:.40}: there are tcp, udp and sctp, and icmp without --port")
    if port in ("", _ANY):
        return PacketSet.of([PortRange(kind)])
    number = _port(kind, port, None)
    return PacketSet.of([PortRange(kind, number, number)])


def _protocol(protocol: str, port: str) -> Protocol:
    """Read the protocol, and see that there is a port where it has ports and none where it has not."""
    name = protocol.lower()
    if name in _ICMP:
        if port:
            console.fail(f"--port {port:.40}: {name} has no ports")
        return Protocol.OTHER
    kind = next((each for each in Protocol if each.value == name), None)
    if kind is None:
        console.fail(f"--protocol {protocol:.40}: there are tcp, udp, sctp and icmp")
    if not port:
        console.fail(f"--port is needed for {name}; only icmp goes without")
    return kind


def _port(kind: Protocol, port: str, pod: Pod | None) -> int:
    """Read a port, which may be a name that the destination pod declares."""
    if kind is Protocol.OTHER:
        return 0
    if port.isascii() and port.isdecimal() and len(port) <= _MAX_DIGITS and 0 < int(port) <= MAX_PORT:
        return int(port)
    declared = [item.number for item in (pod.ports if pod else ()) if item.name == port and item.protocol is kind]
    if not declared:
        names = sorted({item.name for item in pod.ports if item.protocol is kind}) if pod else []
        known = f"; it names {', '.join(names)}" if names else ""
        console.fail(
            f"--port {port:.40}: neither a number from 1 to {MAX_PORT} nor a {kind.value} port "
            f"that the destination declares{known}"
        )
    return declared[0]
