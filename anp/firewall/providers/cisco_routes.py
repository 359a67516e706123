"""Which addresses are behind which interface, by what a device says of its own addresses and routes."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from compiler.addresses import AddressSet, Network


@dataclass(frozen=True, slots=True)
class Route:
    """A network, and the interface that leads there; `via` is an address where the interface is to be found by it."""

    network: Network
    interface: str = ""
    via: str = ""


def network_of(base: str, mask: str) -> Network | None:
    """Return a network by address and mask or length, or None if it is none."""
    try:
        return ip_network(f"{base}/{mask}", strict=False)
    except ValueError:
        return None


def behind(connected: Iterable[Route], routes: Iterable[Route]) -> dict[str, AddressSet]:
    """Return what is behind each interface, the longest prefix first; a default route leads to all the rest."""
    direct = list(connected)
    known = [*direct, *(found for route in routes if (found := _placed(route, direct)) is not None)]
    taken = AddressSet()
    ranges: dict[str, AddressSet] = {}
    # Connected networks come first among equals, for the sort is stable.
    for route in sorted(known, key=lambda route: -route.network.prefixlen):
        addresses = AddressSet.of(route.network)
        ranges[route.interface] = ranges.get(route.interface, AddressSet()) | (addresses - taken)
        taken |= addresses
    return {name: addresses for name, addresses in ranges.items() if addresses}


def _placed(route: Route, direct: Iterable[Route]) -> Route | None:
    if route.interface:
        return route
    try:
        gateway = ip_address(route.via)
    except ValueError:
        return None
    name = next((one.interface for one in direct if gateway in one.network), None)
    return Route(route.network, name) if name else None
