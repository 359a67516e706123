"""A proof as a document for programs."""

from typing import Any

from anp.analysis.difference_document import party_json
from anp.analysis.places import said_by
from anp.analysis.prove.language import ICMP, ICMPV6, PROTOCOL
from anp.analysis.prove.result import Finding, Proof
from anp.analysis.prove.steps import Packet
from anp.analysis.wording import packets_list
from anp.state.cluster import Cluster

_PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
_TYPES = {1: ICMP, 58: ICMPV6}


def as_json(proof: Proof, cluster: Cluster) -> dict[str, Any]:
    """Return the proof as a JSON document of kind ``Proof``, version 1."""
    return {
        "kind": "Proof",
        "version": 1,
        "node": proof.node,
        "equal": proof.equal,
        "installed": proof.installed,
        "compared": {
            "sources": proof.size.sources,
            "destinations": proof.size.destinations,
            "pairs": proof.size.pairs,
            "nodes": proof.size.nodes,
        },
        "differences": [_finding(finding, cluster) for finding in proof.findings],
        "others": [
            {
                "table": remark.table,
                "chain": remark.chain,
                "hook": remark.hook,
                "priority": remark.priority,
                "policy": remark.policy,
            }
            for remark in proof.remarks
        ],
    }


def _finding(finding: Finding, cluster: Cluster) -> dict[str, Any]:
    return {
        "kernel": "accepts" if finding.accepted else "drops",
        "policies": "deny" if finding.accepted else "accept",
        "from": [party_json(party) for party in finding.sources],
        "to": [party_json(party) for party in finding.destinations],
        "traffic": packets_list(finding.packets),
        "only": [
            {"field": "protocolNumber" if name == PROTOCOL else name, "ranges": [list(numbers) for numbers in ranges]}
            for name, ranges in finding.condition
        ],
        "states": list(finding.states),
        "hooks": [hook.value for hook in finding.hooks],
        "decidedBy": [{"accepted": one.accept, **said_by(one.origin, cluster)} for one in finding.meant],
        "examples": [_packet(packet) for packet in finding.examples],
        "wrong": [
            {"object": fault.object, "found": fault.found or None, "wanted": fault.wanted or None}
            for fault in finding.faults
        ],
        "way": list(finding.way),
    }


def _packet(packet: Packet) -> dict[str, Any]:
    return {
        "hook": packet.hook.value,
        "source": str(packet.source),
        "destination": str(packet.destination),
        "protocol": _PORTS.get(packet.protocol, "other"),
        "protocolNumber": packet.protocol,
        "port": packet.dport if packet.protocol in _PORTS else None,
        "type": packet.kind if packet.protocol in _TYPES else None,
        "state": packet.state,
        "mark": packet.mark,
        "portless": packet.portless,
    }
