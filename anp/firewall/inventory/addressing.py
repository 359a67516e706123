"""How addresses are written in a mapping: a network, one address, or a range from one to another."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from compiler import intervals
from compiler.addresses import Address, AddressSet


def addresses_of(text: str) -> AddressSet:
    """Return the addresses that a text stands for: ``10.0.0.0/8``, ``10.0.0.5`` or ``10.0.0.5-10.0.0.9``.

    Raises:
        ValueError: it stands for none, or it could be a slip: a network with host bits, a range that runs backwards.

    """
    text = text.strip()
    first, dash, last = (part.strip() for part in text.partition("-"))
    if dash:
        return _range(text, first, last)
    if "/" not in text:
        number = _number(text, text)
        return AddressSet.of(number)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8, an address, or a range a-b") from None
    written = _number(text, text.partition("/")[0])
    if written != network.network_address:
        raise ValueError(f"{text!r} has host bits set; write {network}, or {written} for the one host")
    return AddressSet.of(network)


def _range(text: str, first: str, last: str) -> AddressSet:
    lowest, highest = _number(text, first), _number(text, last)
    if lowest.version != highest.version:
        raise ValueError(f"{text!r} begins and ends in different families")
    if int(lowest) > int(highest):
        raise ValueError(f"{text!r} runs backwards; write {last}-{first}")
    ranges = ((int(lowest), int(highest)),)
    return AddressSet(v4=ranges) if lowest.version == 4 else AddressSet(v6=ranges)


def _number(text: str, part: str) -> Address:
    try:
        address = ip_address(part)
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8, an address, or a range a-b") from None
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address.scope_id is not None):
        raise ValueError(f"{text!r} is IPv4 in IPv6 clothes, or has a scope; write it plainly")
    return address


def union(sets: Iterable[AddressSet]) -> AddressSet:
    """Return all addresses of some sets, with one sort however many they are."""
    gathered = list(sets)
    return AddressSet(
        intervals.union(range_ for addresses in gathered for range_ in addresses.v4),
        intervals.union(range_ for addresses in gathered for range_ in addresses.v6),
    )


def spelled(addresses: AddressSet, most: int = 3) -> str:
    """Write a set in a sentence: networks, and ranges where those are shorter; the first few of many."""
    texts = list(texts_of(addresses))
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more if texts else "no address"


def texts_of(addresses: AddressSet) -> Iterable[str]:
    """Yield the texts of a set as a mapping writes it, so that `addresses_of` reads the same again."""
    for network in addresses.networks():
        yield str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
