"""Whether an address is meant by a party, found out the slow way."""

from ipaddress import ip_network

from anp.analysis.parties import Party, PartyKind, workload_of
from compiler.addresses import Address
from compiler.model import Snapshot


def holds(party: Party, address: Address, snapshot: Snapshot) -> bool:
    pod = next((pod for pod in snapshot.pods if pod.governed and address in pod.addresses), None)
    nodes = {node.name for node in snapshot.nodes if address in node.addresses}
    match party.kind:
        case PartyKind.EVERY_POD:
            return pod is not None
        case PartyKind.NAMESPACE:
            return pod is not None and pod.namespace == party.namespace
        case PartyKind.WORKLOAD:
            return pod is not None and (pod.namespace, workload_of(pod)) == (party.namespace, party.name)
        case PartyKind.POD:
            return pod is not None and (pod.namespace, pod.name) == (party.namespace, party.name)
        case PartyKind.EVERY_NODE:
            return bool(nodes)
        case PartyKind.NODE:
            return party.name in nodes
        case PartyKind.OUTSIDE:
            return pod is None and not nodes
        case PartyKind.NETWORK:
            network = ip_network(party.name)
            if address.version != network.version or address not in network:
                return False
            # A network is about those who have no other name, or else is one address of a pod that has several.
            return (pod is None and not nodes) or network.num_addresses == 1
