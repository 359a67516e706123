"""The work of `anp explain`."""

from anp.analysis.ends import parse_end
from anp.analysis.explanation import Explanation, as_json, explain
from anp.cli import console
from anp.cli.narrative import explanation_lines
from anp.cli.options import Output
from anp.cli.subject import cluster_or_exit, told
from compiler.model import MAX_PORT, Pod, Protocol

_ICMP = {"icmp", "icmpv6", "other"}
_MAX_DIGITS = 5
"""Digits of the largest port."""


def print_explanation(
    file: str, ends: tuple[str, str], protocol: str, port: str, output: Output, *, hairpin: bool, verbose: bool
) -> bool:
    """Print why a connection gets through or not, and return whether it does."""
    kind = _protocol(protocol, port)
    cluster = cluster_or_exit(file, invent=True, verbose=verbose)
    with told():
        source, destination = (parse_end(end, cluster.snapshot) for end in ends)
        number = _port(kind, port, destination.pod)
        explanation: Explanation = explain(cluster, source, destination, kind, number, hairpin=hairpin)
    if output is Output.TEXT:
        for line in explanation_lines(explanation, cluster):
            console.say(line)
    else:
        console.document(as_json(explanation, cluster), output)
    return explanation.accepted


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
