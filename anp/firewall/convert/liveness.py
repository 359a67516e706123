"""Which entries of a list ever decide, and about whom none does: exactly, by a diagram (translation.md 4.2)."""

from collections.abc import Sequence
from typing import Protocol

from anp.firewall.convert.parties import ranges
from compiler.addresses import BITS, AddressSet
from compiler.diagram.lists import from_rules
from compiler.diagram.queries import values
from compiler.diagram.space import Box, Decision, Field, Node, Space, V
from compiler.intervals import Ranges
from compiler.model import MAX_PORT
from compiler.packets import PacketSet

PORTS = Field("port", MAX_PORT)
PROTOCOLS = Field("protocol", 3)
_V6 = 1 << BITS[4]
_ADDRESSES = Field("address", _V6 + (1 << BITS[6]) - 1)


class Listed(Protocol):
    """What an entry is to a diagram: packets, and pods or networks."""

    @property
    def packets(self) -> PacketSet:
        """Which packets."""

    @property
    def pods(self) -> int:
        """Pods as a bit set."""

    @property
    def networks(self) -> AddressSet:
        """Addresses, where there are no pods."""


class Decided:
    """Who is decided by which of some entries, and about whom nothing is; `pods` is how many bits there are."""

    def __init__(self, entries: Sequence[Listed], pods: int) -> None:
        self.size = len(entries)
        self._node = _diagram(entries, pods)
        self.deciding = values(self._node)
        """The places of entries that decide about some packet."""

    def undecided(self, pods: int) -> int:
        """Return those of some pods for which there are packets that no entry matches."""
        node = self._node
        if -1 not in self.deciding:
            return 0
        if not isinstance(node, Decision) or node.level:
            return pods
        found = 0
        open_below: dict[Node[int], bool] = {}
        for (first, last), child in node.edges():
            if child not in open_below:
                open_below[child] = -1 in values(child)
            if open_below[child]:
                found |= ((1 << last - first + 1) - 1) << first
        return found & pods


def address_numbers(addresses: AddressSet) -> Ranges:
    """Return addresses as numbers of one field, IPv6 after IPv4."""
    return (*addresses.v4, *((first + _V6, last + _V6) for first, last in addresses.v6))


def packet_boxes(packets: PacketSet) -> list[tuple[Ranges, Ranges]]:
    """Return boxes of ports and protocols that make up a set; what has no ports has all of them."""
    found: dict[Ranges, list[tuple[int, int]]] = {}
    for number, ports in enumerate((packets.tcp, packets.udp, packets.sctp)):
        if ports:
            found.setdefault(ports, []).append((number, number))
    if packets.other:
        found.setdefault(((1, MAX_PORT),), []).append((3, 3))
    return [(ports, _joined(protocols)) for ports, protocols in found.items()]


def _diagram(entries: Sequence[Listed], pods: int) -> Node[int]:
    networks = any(entry.networks for entry in entries)
    # No policy can name port 0, so there it is nobody's to decide.
    space = Space((_ADDRESSES if networks else Field("pod", pods - 1), PORTS, PROTOCOLS))
    rules: list[tuple[Box, int]] = [((space.fields[0].every, ((0, 0),), PROTOCOLS.every), _NOBODY)]
    for number, entry in enumerate(entries):
        peers = address_numbers(entry.networks) if networks else ranges(entry.pods)
        rules += (((peers, *box), number) for box in packet_boxes(entry.packets))
    return from_rules(space, rules, -1)


_NOBODY = -2


def _joined(protocols: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for first, last in protocols:
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def within(node: Node[V], box: Box) -> frozenset[V]:
    """Return every value that a function has somewhere in a box."""
    found: set[V] = set()
    seen: set[int] = set()

    def walk(node: Node[V]) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if not isinstance(node, Decision):
            found.add(node.value)
            return
        wanted = iter(box[node.level])
        current = next(wanted, None)
        for (first, last), child in node.edges():
            while current is not None and current[1] < first:
                current = next(wanted, None)
            if current is None:
                return
            if current[0] <= last:
                walk(child)

    walk(node)
    return frozenset(found)
