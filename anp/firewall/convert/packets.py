"""Services as policies can name them: ports of TCP, UDP and SCTP from 1, and everything without ports as one thing."""

from collections.abc import Iterator
from functools import lru_cache

from anp.firewall.inventory.model import Inventory
from anp.firewall.services import MAX_PORT, SCTP, TCP, UDP, WITH_PORTS, Services
from compiler import intervals
from compiler.intervals import Range, Ranges
from compiler.packets import PacketSet

NAMED_PORTS: Ranges = ((1, MAX_PORT),)
"""Every port that a policy can name."""

ANY = PacketSet(NAMED_PORTS, NAMED_PORTS, NAMED_PORTS, other=True)
TRANSPORTS = PacketSet(NAMED_PORTS, NAMED_PORTS, NAMED_PORTS)
"""All that policies can name, which is not all there is."""


@lru_cache(maxsize=4096)
def named(services: Services) -> PacketSet:
    """Return the part of a rule's services that a policy can name; `other` only where it is about every packet."""
    tcp, udp, sctp = (intervals.intersection(services.ports(protocol), NAMED_PORTS) for protocol in (TCP, UDP, SCTP))
    return PacketSet(tcp, udp, sctp, other=others_all(services) and tcp == udp == sctp == NAMED_PORTS)


def unnamed(services: Services) -> Services:
    """Return the part without ports that no policy can name alone; nothing where the rule is about every packet."""
    if named(services).other:
        return Services()
    return Services(tuple(found for found in services.by_protocol if found[0] not in WITH_PORTS))


def others_all(services: Services) -> bool:
    """Say whether every protocol without ports is among them."""
    return sum(1 for protocol, _ports in services.by_protocol if protocol not in WITH_PORTS) == 256 - len(WITH_PORTS)


def only_port_zero(services: Services) -> bool:
    """Say whether there is nothing but port 0, on which nothing listens."""
    return bool(services) and all(
        protocol in WITH_PORTS and ports == ((0, 0),) for protocol, ports in services.by_protocol
    )


def overlap(left: PacketSet, right: PacketSet) -> bool:
    """Say whether two sets have a packet in common."""
    if left is right or ANY in {left, right}:
        return bool(left) and bool(right)
    return bool(left & right)


class ContainerPorts:
    """Where traffic for ports of the firewall arrives, for entities behind Services that translate ports."""

    def __init__(self, inventory: Inventory) -> None:
        self._moved: dict[str, dict[int, dict[int, int]]] = {}
        for rewrite in inventory.rewrites:
            of_entity = self._moved.setdefault(rewrite.entity, {})
            of_entity.setdefault(rewrite.protocol, {})[rewrite.port] = rewrite.container_port
        self._known: dict[tuple[str, PacketSet], PacketSet] = {}

    def moved(self, entity: str) -> bool:
        """Say whether any port of an entity is translated."""
        return entity in self._moved

    def arriving(self, entity: str, packets: PacketSet) -> PacketSet:
        """Return a rule's packets as they arrive at an entity.

        A translated port stands for its container port, whose own number says nothing any more: who may use the
        Service may use that, and nobody else. A rule about all ports stays as it is: a set of ports that holds another
        holds it here as well.
        """
        of_entity = self._moved.get(entity)
        if of_entity is None or packets.other:
            return packets
        key = (entity, packets)
        if key not in self._known:
            tcp, udp, sctp = (
                _arriving(ports, of_entity.get(protocol, {}))
                for protocol, ports in ((TCP, packets.tcp), (UDP, packets.udp), (SCTP, packets.sctp))
            )
            self._known[key] = PacketSet(tcp, udp, sctp)
        return self._known[key]

    def hidden(self, entity: str, packets: PacketSet) -> list[tuple[int, int]]:
        """Return ports of a rule that mean nothing for an entity, each with one that leads there instead."""
        if packets.other:
            return []
        found: list[tuple[int, int]] = []
        for protocol, ports in ((TCP, packets.tcp), (UDP, packets.udp), (SCTP, packets.sctp)):
            moved = self._moved.get(entity, {}).get(protocol, {})
            found += (
                (container, port)
                for port, container in moved.items()
                if container not in moved
                and intervals.contains(ports, container)
                and not intervals.contains(ports, port)
            )
        return found


def _arriving(ports: Ranges, moved: dict[int, int]) -> Ranges:
    if not moved or ports == NAMED_PORTS:
        return ports
    gone = intervals.union((port, port) for port in (*moved, *moved.values()))
    come = ((container, container) for port, container in moved.items() if intervals.contains(ports, port))
    return intervals.union([*intervals.difference(ports, gone), *come])


def port_ranges(packets: PacketSet) -> Iterator[tuple[str, Range]]:
    """Yield each protocol's word with a range of its ports, as policies list them; none for `ANY`."""
    for word, ports in (("tcp", packets.tcp), ("udp", packets.udp), ("sctp", packets.sctp)):
        for found in ports:
            yield word, found
