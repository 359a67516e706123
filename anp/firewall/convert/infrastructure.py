"""Traffic of the cluster's own that no firewall ever saw, and that its policies would deny."""

from typing import Any

from anp.firewall.convert.lists import Entry
from anp.firewall.convert.model import Settings
from anp.firewall.convert.packets import TRANSPORTS
from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Action, Infrastructure
from compiler.labels import NAMESPACE_NAME_LABEL
from compiler.packets import PacketSet

DNS_PORTS = PacketSet(tcp=((53, 53),), udp=((53, 53),))
OPENSHIFT_DNS_PORTS = PacketSet(tcp=((5353, 5353),), udp=((5353, 5353),))
API_PORTS = PacketSet(tcp=((443, 443), (6443, 6443)))
"""Ports of API servers, as a Service's backends have them."""
SCRAPER_NAMESPACES = ("monitoring", "openshift-monitoring")


def infrastructure(inventory: Inventory, settings: Settings) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Return what to accept before everything else, by ingress and by egress.

    The API servers are on the network of nodes, so where no node is known there is nothing to accept.
    """
    asked, ingress, egress = settings.infrastructure, [], []
    if Infrastructure.DNS in asked:
        cluster_dns = _pods(("kube-system",), {"k8s-app": "kube-dns"})
        egress.append(_accepted("infra-dns", DNS_PORTS, cluster_dns))
        if settings.profile == "ovn-k":
            egress.append(_accepted("infra-dns-openshift", OPENSHIFT_DNS_PORTS, _pods(("openshift-dns",), {})))
    if Infrastructure.API in asked and inventory.node_addresses:
        networks = [str(network) for network in inventory.node_addresses.networks()]
        egress.append(_accepted("infra-api", API_PORTS, *({"networks": [network]} for network in networks)))
    if Infrastructure.METRICS in asked:
        every_tcp_port = PacketSet(tcp=TRANSPORTS.tcp)
        ingress.append(_accepted("infra-metrics", every_tcp_port, _pods(SCRAPER_NAMESPACES, {})))
    return tuple(ingress), tuple(egress)


def _accepted(name: str, packets: PacketSet, *peers: dict[str, Any]) -> Entry:
    return Entry(Action.PERMIT, packets, name=name, peers=peers)


def _pods(namespaces: tuple[str, ...], labels: dict[str, str]) -> dict[str, Any]:
    by_name: dict[str, Any] = {
        "matchExpressions": [{"key": NAMESPACE_NAME_LABEL, "operator": "In", "values": list(namespaces)}]
    }
    if len(namespaces) == 1:
        by_name = {"matchLabels": {NAMESPACE_NAME_LABEL: namespaces[0]}}
    if not labels:
        return {"namespaces": by_name}
    return {"pods": {"namespaceSelector": by_name, "podSelector": {"matchLabels": labels}}}
