"""What addresses, ports and protocols look like in most languages: texts to values."""

import functools
import re
from ipaddress import ip_address

from anp.firewall.services import MAX_PORT, MAX_PROTOCOL, PROTOCOL_NAMES
from compiler import intervals
from compiler.addresses import BITS, AddressSet, IpVersion
from compiler.intervals import Range, Ranges

_PROTOCOLS = {
    **{name: number for number, name in PROTOCOL_NAMES.items()},
    "ipv6-icmp": 58,
    "icmp6": 58,
    "ipv6-nonxt": 59,
    "ipv6": 41,
    "udplite": 136,
    "dccp": 33,
    "eigrp": 88,
    "pim": 103,
    "vrrp": 112,
    "l2tp": 115,
    "ipencap": 4,
    "ipip": 4,
    "mh": 135,
    "mobility-header": 135,
}

PORT_NAMES = {
    "ftp-data": 20,
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "bootps": 67,
    "bootpc": 68,
    "tftp": 69,
    "http": 80,
    "www": 80,
    "kerberos": 88,
    "pop3": 110,
    "sunrpc": 111,
    "ident": 113,
    "auth": 113,
    "nntp": 119,
    "ntp": 123,
    "netbios-ns": 137,
    "netbios-dgm": 138,
    "netbios-ssn": 139,
    "imap": 143,
    "imap2": 143,
    "snmp": 161,
    "snmp-trap": 162,
    "snmptrap": 162,
    "bgp": 179,
    "ldap": 389,
    "https": 443,
    "microsoft-ds": 445,
    "submissions": 465,
    "syslog": 514,
    "submission": 587,
    "ldaps": 636,
    "imaps": 993,
    "pop3s": 995,
    "ms-sql-s": 1433,
    "openvpn": 1194,
    "radius": 1812,
    "radius-acct": 1813,
    "nfs": 2049,
    "mysql": 3306,
    "ms-wbt-server": 3389,
    "sip": 5060,
    "sip-tls": 5061,
    "postgresql": 5432,
    "http-alt": 8080,
}
"""Names of services as in /etc/services of a Linux system, which the source's own system had; numbers by IANA."""

_MOST_NETWORKS = 256


_RANGE = re.compile(r"[:-]")


class TooManyNetworksError(ValueError):
    """A mask has so many holes that what it means is not worth writing as networks."""


def protocol(text: str) -> int | None:
    """Return a protocol's number, None for all.

    Raises:
        ValueError: there is no such protocol.

    """
    name = text.lower()
    if name in ("all", "ip", "0"):
        return None
    number = _PROTOCOLS.get(name, -1) if not _is_number(name) else int(name)
    if not 0 <= number <= MAX_PROTOCOL:
        raise ValueError(f"{text} is no protocol")
    return number


def port_ranges(text: str) -> Ranges:
    """Return the ports of ``22,80:90,https``; an end that is left out is the first or last port.

    Raises:
        ValueError: there is no such port.

    """
    return intervals.union(_port_range(part) for part in text.split(","))


def _port_range(text: str) -> Range:
    if text.lower() in PORT_NAMES:
        return (PORT_NAMES[text.lower()],) * 2
    ends = _RANGE.split(text) if ":" in text or text.replace("-", "").isdigit() else [text]
    if len(ends) > 2:
        raise ValueError(f"{text} is no range of ports")
    first = _port(ends[0], 0 if len(ends) == 2 else None)
    last = _port(ends[-1], MAX_PORT if len(ends) == 2 else None)
    if first > last:
        raise ValueError(f"{text} ends before it begins")
    return first, last


def _port(text: str, default: int | None) -> int:
    if not text and default is not None:
        return default
    number = int(text) if _is_number(text) else PORT_NAMES.get(text.lower(), -1)
    if not 0 <= number <= MAX_PORT:
        raise ValueError(f"{text} is no port")
    return number


def _is_number(text: str) -> bool:
    # What int() takes besides, as spaces and other scripts' digits, no firewall writes; and it is slow on long ones.
    return text.isascii() and text.isdigit() and len(text) <= 6


@functools.lru_cache(maxsize=4096)
def addresses(text: str) -> AddressSet:
    """Return the addresses of ``192.0.2.0/24``, ``192.0.2.0/255.255.255.0`` or one address.

    A mask with holes is taken by its word, as long as that makes few networks.

    Raises:
        ValueError: it is neither.

    """
    host, _slash, mask = text.partition("/")
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f"{text} is no address") from None
    bits = BITS[address.version]
    if not _slash:
        return AddressSet.of(address)
    if _is_number(mask):
        if int(mask) > bits:
            raise ValueError(f"{text} is no network")
        return _masked(int(address), ((1 << int(mask)) - 1) << (bits - int(mask)), address.version)
    try:
        wide = ip_address(mask)
    except ValueError:
        raise ValueError(f"{text} is no network") from None
    if wide.version != address.version:
        raise ValueError(f"{text} is no network")
    return _masked(int(address), int(wide), address.version)


def _masked(address: int, mask: int, version: IpVersion) -> AddressSet:
    free = ~mask & ((1 << BITS[version]) - 1)
    block = (free ^ (free + 1)) >> 1
    holes = [1 << bit for bit in range(BITS[version]) if (free & ~block) >> bit & 1]
    if 1 << len(holes) > _MOST_NETWORKS:
        raise TooManyNetworksError("a mask with so many holes makes too many networks")
    starts = [address & mask]
    for hole in holes:
        starts += [start | hole for start in starts]
    ranges = intervals.union((start, start + block) for start in starts)
    return AddressSet(v4=ranges) if version == 4 else AddressSet(v6=ranges)


def address_range(text: str) -> AddressSet:
    """Return the addresses of ``192.0.2.1-192.0.2.9``, or one address.

    Raises:
        ValueError: it is neither, or ends before it begins.

    """
    first_text, dash, last_text = text.partition("-")
    try:
        first = ip_address(first_text)
        last = ip_address(last_text) if dash else first
    except ValueError:
        raise ValueError(f"{text} is no range of addresses") from None
    if first.version != last.version or int(first) > int(last):
        raise ValueError(f"{text} is no range of addresses")
    ranges = ((int(first), int(last)),)
    return AddressSet(v4=ranges) if first.version == 4 else AddressSet(v6=ranges)
