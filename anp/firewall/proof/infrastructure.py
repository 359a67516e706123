"""Traffic of the cluster's own that an administrator wants accepted, although the firewall never saw it."""

from collections.abc import Iterator

from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Infrastructure, Reason
from anp.firewall.proof.ends import End, EndKind, Ends
from anp.firewall.services import EVERY_PORT, TCP, UDP
from compiler import intervals
from compiler.diagram.space import Box
from compiler.intervals import Ranges
from compiler.labels import NAMESPACE_NAME_LABEL, Operator, Requirement, Selector
from compiler.model import PodSelection
from compiler.selection import matches

_TCP: Ranges = ((TCP, TCP),)
_TCP_AND_UDP: Ranges = ((TCP, TCP), (UDP, UDP))

DNS = (
    (PodSelection(Selector.of({NAMESPACE_NAME_LABEL: "kube-system"}), Selector.of({"k8s-app": "kube-dns"})), 53),
    (PodSelection(Selector.of({NAMESPACE_NAME_LABEL: "openshift-dns"})), 5353),
)
"""Who answers questions for names, and at which port."""
SCRAPERS = PodSelection(
    Selector.of(None, Requirement(NAMESPACE_NAME_LABEL, Operator.IN, ("monitoring", "openshift-monitoring")))
)
API_PORTS: Ranges = ((443, 443), (6443, 6443))


def wanted_besides(
    ends: Ends, inventory: Inventory, allowed: frozenset[Infrastructure]
) -> Iterator[tuple[Box, Reason]]:
    """Yield boxes of packets that may be accepted whatever the firewall says, each with the reason."""
    entities = _numbers(end for end in ends.ends if end.kind is EndKind.ENTITY)
    if Infrastructure.DNS in allowed:
        for selection, port in DNS:
            servers = _numbers(end for end in ends.ends if _selects(selection, end))
            number: Ranges = ((port, port),)
            yield (
                (entities, servers, number, _TCP_AND_UDP),
                Reason("FW501", "accepted for the cluster's own traffic: DNS"),
            )
    if Infrastructure.API in allowed:
        nodes = ends.numbers(inventory.node_addresses)
        yield (entities, nodes, API_PORTS, _TCP), Reason("FW502", "accepted for the cluster's own traffic: the API")
    if Infrastructure.METRICS in allowed:
        scrapers = _numbers(end for end in ends.ends if _selects(SCRAPERS, end))
        reason = Reason("FW504", "accepted for the cluster's own traffic: metrics")
        yield (scrapers, entities, EVERY_PORT, _TCP), reason


def _numbers(ends: Iterator[End]) -> Ranges:
    return intervals.union((end.number, end.number) for end in ends)


def _selects(selection: PodSelection, end: End) -> bool:
    if end.symbolic is None or not isinstance(selection.namespaces, Selector):
        return False
    return matches(selection.namespaces, end.symbolic.namespace_labels) and matches(
        selection.pods, end.symbolic.pod.labels
    )
