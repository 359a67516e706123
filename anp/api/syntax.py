"""How names, labels, addresses and domains are spelled. Each check returns its argument or raises ValueError."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

from compiler.addresses import Address, Network

Spelling: TypeAlias = tuple[Network, tuple[str, ...]]
"""What a CIDR stands for, and in which ways its spelling is old-fashioned."""

MAX_CIDR = 43
"""The most characters that the cluster policies allow a CIDR."""

# A-z, which lets some punctuation begin a label, is how the API has it.
DOMAIN_PATTERN = r"^(\*\.)?([a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$"

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z0-9-]+")
_STRICT_BITS = re.compile(r"0|[1-9][0-9]{0,2}")
_LEGACY_BITS = re.compile(r"[0-9]{1,6}")
_LEGACY_IPV4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_DOMAIN = re.compile(DOMAIN_PATTERN.removeprefix("^").removesuffix("$"))

_MAPPED_BITS = 96
_MAX_OCTET_DIGITS = 100


def dns_label(text: str) -> str:
    """Check the name of a Namespace."""
    if len(text) > 63 or not _DNS_LABEL.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a DNS label: at most 63 lower-case letters, digits and `-`, "
            "beginning and ending with a letter or digit"
        )
    return text


def dns_subdomain(text: str) -> str:
    """Check the name of any other object."""
    if len(text) > 253 or not all(_DNS_LABEL.fullmatch(part) for part in text.split(".")):
        raise ValueError(
            f"{text!r} is not a DNS name: at most 253 lower-case letters, digits, `-` and `.`, "
            "each part between dots beginning and ending with a letter or digit"
        )
    return text


def label_key(text: str) -> str:
    """Check the key of a label: a name, perhaps after a DNS name and a slash."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        try:
            dns_subdomain(prefix)
        except ValueError:
            raise ValueError(f"{text!r} is not a label key: what stands before the `/` must be a DNS name") from None
    if len(name) > 63 or not _LABEL_NAME.fullmatch(name):
        raise ValueError(
            f"{text!r} is not a label key: its name is 1 to 63 letters, digits, `-`, `_` and `.`, "
            "beginning and ending with a letter or digit"
        )
    return text


def label_value(text: str) -> str:
    """Check the value of a label; it may be empty."""
    if len(text) > 63 or (text and not _LABEL_NAME.fullmatch(text)):
        raise ValueError(
            f"{text!r} is not a label value: at most 63 letters, digits, `-`, `_` and `.`, "
            "beginning and ending with a letter or digit, or nothing at all"
        )
    return text


def service_name(text: str) -> str:
    """Check the name of a port, which is an IANA service name (1.6)."""
    if (
        len(text) > 15
        or not _SERVICE_NAME.fullmatch(text)
        or not re.search("[a-z]", text)
        or text.startswith("-")
        or text.endswith("-")
        or "--" in text
    ):
        raise ValueError(
            f"{text!r} is not a port name: at most 15 lower-case letters, digits and `-`, with at least one letter, "
            "and no `-` at either end or next to another; a port number is written without quotes"
        )
    return text


def domain_name(text: str) -> str:
    """Check a domain name or wildcard as the cluster policies spell them (1.2)."""
    if not _DOMAIN.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a domain name that can be matched: write two or more labels such as `example.com`, "
            "or `*.` before two or more for all names below"
        )
    return text


def canonical_domain(text: str) -> str:
    """Return a domain name as DNS compares it: lower case, without the final dot (2.11)."""
    return text.lower().removesuffix(".")


def strict_cidr(text: str) -> Network:
    """Return the network that a cluster policy's CIDR stands for, host bits ignored (1.2)."""
    address, slash, bits = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} has no prefix length; for one address add `/{128 if ':' in text else 32}`")
    if not _STRICT_BITS.fullmatch(bits):
        raise ValueError(f"{text!r} is not a CIDR: after the `/` comes a plain number without leading zeros")
    parsed = _address(text, address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is an IPv4 network in IPv6 clothes; write it as IPv4")
    return _network(text, parsed, int(bits))


def is_strict_cidr(text: str) -> str:
    """Check a CIDR of a cluster policy."""
    strict_cidr(text)
    return text


def legacy_cidr(text: str) -> Spelling:
    """Return what a NetworkPolicy's CIDR stands for; leading zeros, mapped IPv4 and host bits pass (1.6)."""
    address, slash, bits = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} has no prefix length; for one address add `/{128 if ':' in text else 32}`")
    if not _LEGACY_BITS.fullmatch(bits):
        raise ValueError(f"{text!r} is not a CIDR: after the `/` comes the prefix length, a number")
    oddities = []
    decimal = _without_leading_zeros(address)
    if decimal != address or str(int(bits)) != bits:
        oddities.append("has leading zeros")
    parsed, length = _address(text, decimal), int(bits)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None and length >= _MAPPED_BITS:
        oddities.append("is IPv4 written as IPv6")
        if length > 128:
            raise ValueError(f"{text!r} is not a CIDR: the prefix length is at most 128")
        parsed, length = parsed.ipv4_mapped, length - _MAPPED_BITS
    network = _network(text, parsed, length)
    if network.network_address != parsed:
        oddities.append("has host bits set")
    return network, tuple(oddities)


def is_legacy_cidr(text: str) -> str:
    """Check a CIDR of a NetworkPolicy."""
    legacy_cidr(text)
    return text


def ip_address(text: str) -> Address:
    """Return the IP address that the text spells."""
    return _address(text, text)


def is_ip_address(text: str) -> str:
    """Check that the text is one IP address."""
    ip_address(text)
    return text


def _address(text: str, address: str) -> Address:
    try:
        if ":" not in address:
            return IPv4Address(address)
        if "%" not in address:
            return IPv6Address(address)
    except AddressValueError:
        pass
    zeros = "; leading zeros are not allowed" if _without_leading_zeros(address) != address else ""
    zone = "; a zone (`%`) is not allowed" if "%" in address else ""
    raise ValueError(f"{text!r} does not hold an IP address{zeros}{zone}")


def _network(text: str, address: IPv4Address | IPv6Address, bits: int) -> Network:
    if bits > address.max_prefixlen:
        raise ValueError(f"{text!r} is not a CIDR: the prefix length is at most {address.max_prefixlen}")
    if isinstance(address, IPv4Address):
        return IPv4Network((int(address), bits), strict=False)
    return IPv6Network((int(address), bits), strict=False)


def _without_leading_zeros(address: str) -> str:
    head, colon, dotted = address.rpartition(":")
    if len(dotted) > _MAX_OCTET_DIGITS or not _LEGACY_IPV4.fullmatch(dotted):
        return address
    return head + colon + ".".join(str(int(octet)) for octet in dotted.split("."))
