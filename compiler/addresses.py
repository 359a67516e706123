"""Sets of IP addresses in canonical form, both families at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
    summarize_address_range,
)
from typing import Literal, Self, TypeAlias

from compiler import intervals
from compiler.intervals import Range, Ranges

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
IpVersion: TypeAlias = Literal[4, 6]

VERSIONS: tuple[IpVersion, IpVersion] = (4, 6)
BITS: dict[IpVersion, int] = {4: 32, 6: 128}


def address_of(version: IpVersion, number: int) -> Address:
    """Return the address of that family with that number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


@dataclass(frozen=True, slots=True)
class AddressSet:
    """An immutable set of addresses.

    Ranges of address numbers are canonical, so two sets are ``==`` exactly when they hold the same
    addresses. Build one with `of`; the constructor trusts its arguments.
    """

    v4: Ranges = ()
    v6: Ranges = ()

    @classmethod
    def of(cls, *items: str | Address | Network) -> Self:
        """Make the set of the given addresses and networks; host bits of a network text are ignored."""
        ranges: dict[int, list[Range]] = {4: [], 6: []}
        for item in items:
            network = ip_network(item, strict=False) if isinstance(item, str) else item
            if isinstance(network, IPv4Network | IPv6Network):
                ranges[network.version].append((int(network.network_address), int(network.broadcast_address)))
            else:
                ranges[network.version].append((int(network), int(network)))
        return cls(v4=intervals.union(ranges[4]), v6=intervals.union(ranges[6]))

    def ranges(self, version: IpVersion) -> Ranges:
        """Return the ranges of one family, ascending."""
        return self.v4 if version == 4 else self.v6

    def __or__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(intervals.union([*self.v4, *other.v4]), intervals.union([*self.v6, *other.v6]))

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(intervals.difference(self.v4, other.v4), intervals.difference(self.v6, other.v6))

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, IPv4Address | IPv6Address):
            return False
        return intervals.contains(self.ranges(address.version), int(address))

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def networks(self) -> Iterator[Network]:
        """Yield the fewest networks that make up the set, IPv4 first, ascending."""
        for first, last in self.v4:
            yield from summarize_address_range(IPv4Address(first), IPv4Address(last))
        for first, last in self.v6:
            yield from summarize_address_range(IPv6Address(first), IPv6Address(last))

    def __str__(self) -> str:
        return ", ".join(map(str, self.networks())) or "no address"
