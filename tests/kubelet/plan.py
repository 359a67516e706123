"""Which nodes there are, and which addresses they and their pods have; plain values, nothing is touched."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import chain, islice

from compiler.addresses import Address, Network

NODE_RANGES: dict[int, Network] = {4: IPv4Network("172.30.0.0/16"), 6: IPv6Network("fd00:172:30::/64")}
"""Where nodes have their addresses, by IP version."""
POD_RANGES: dict[int, Network] = {4: IPv4Network("10.128.0.0/9"), 6: IPv6Network("fd00:10:128::/48")}
"""Where pods have theirs; each node has a part of it."""

_OF_NODE = {4: 19, 6: 64}


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node: its name and addresses, and the ranges that its pods' addresses come from, the preferred family first.

    A hollow node runs nothing: its pods have addresses and status, and that is all.
    """

    name: str
    addresses: tuple[Address, ...]
    ranges: tuple[Network, ...]
    hollow: bool = False


def node_plans(names: Iterable[str], hollow: Iterable[str] = (), families: tuple[int, ...] = (4, 6)) -> list[NodePlan]:
    """Return a plan for each name; the same names in the same order give the same plans."""
    named = chain(((name, False) for name in names), ((name, True) for name in hollow))
    return [
        NodePlan(
            name=name,
            addresses=tuple(NODE_RANGES[family][index + 2] for family in families),
            ranges=tuple(_part(POD_RANGES[family], _OF_NODE[family], index) for family in families),
            hollow=is_hollow,
        )
        for index, (name, is_hollow) in enumerate(named)
    ]


class Addresses:
    """The addresses of one node's pods. What was given back is given out last, so that nobody meets its past."""

    def __init__(self, plan: NodePlan) -> None:
        self._ranges = plan.ranges
        self._taken: set[Address] = set()
        self._next = [self._cycle(network) for network in plan.ranges]

    def take(self, wanted: Collection[Address] = ()) -> tuple[Address, ...]:
        """Return an address of each family: those that are wanted where they are ours and free, others where not.

        Raises:
            ValueError: a range is used up; nothing was taken.

        """
        taken: list[Address] = []
        for network, fresh in zip(self._ranges, self._next, strict=True):
            kept = next((item for item in wanted if item in network and item not in self._taken), None)
            found = kept or next((item for item in islice(fresh, _size(network)) if item not in self._taken), None)
            if found is None:
                self.give_back(taken)
                raise ValueError(f"no address is left in {network}")
            self._taken.add(found)
            taken.append(found)
        return tuple(taken)

    def give_back(self, addresses: Iterable[Address]) -> None:
        """Free these addresses, for whoever comes when all others were used."""
        self._taken.difference_update(addresses)

    def _cycle(self, network: Network) -> Iterator[Address]:
        while True:
            for offset in range(2, _size(network)):
                yield network[offset]


def _size(network: Network) -> int:
    return min(network.num_addresses - 1, 1 << 16)


def _part(network: Network, length: int, index: int) -> Network:
    first = int(network.network_address) + (index << (network.max_prefixlen - length))
    part = ip_network((first, length))
    if not part.subnet_of(network):  # type: ignore[arg-type]  # both are of one family
        raise ValueError(f"{network} has no room for {index + 1} nodes")
    return part
