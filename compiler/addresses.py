"""Sets of IP addresses in canonical form, both families at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Literal, Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
IpVersion: TypeAlias = Literal[4, 6]
Range: TypeAlias = tuple[int, int]
"""First and last address as numbers, both included."""

VERSIONS: tuple[IpVersion, IpVersion] = (4, 6)
BITS: dict[IpVersion, int] = {4: 32, 6: 128}


def address_of(version: IpVersion, number: int) -> Address:
    """Return the address of that family with that number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


@dataclass(frozen=True, slots=True)
class AddressSet:
    """An immutable set of addresses.

    Ranges are sorted, disjoint and never adjacent, so two sets are ``==`` exactly when they hold the
    same addresses. Build one with `of`; the constructor trusts its arguments.
    """

    v4: tuple[Range, ...] = ()
    v6: tuple[Range, ...] = ()

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
        return cls(v4=_merged(ranges[4]), v6=_merged(ranges[6]))

    def ranges(self, version: IpVersion) -> tuple[Range, ...]:
        """Return the ranges of one family, ascending."""
        return self.v4 if version == 4 else self.v6

    def __or__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(_merged([*self.v4, *other.v4]), _merged([*self.v6, *other.v6]))

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(_minus(self.v4, other.v4), _minus(self.v6, other.v6))

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, IPv4Address | IPv6Address):
            return False
        number = int(address)
        return any(first <= number <= last for first, last in (self.v4 if address.version == 4 else self.v6))

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


def parse_address(text: str) -> Address:
    """Return the address that `text` spells; raise ValueError where it spells none."""
    return ip_address(text)


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _minus(ranges: Iterable[Range], removed: tuple[Range, ...]) -> tuple[Range, ...]:
    left = list(ranges)
    for cut_first, cut_last in removed:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, cut_first - 1)), (max(first, cut_last + 1), last))
            if piece[0] <= piece[1]
        ]
    return tuple(left)
