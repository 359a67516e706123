"""Addresses, ports and services as Cisco's languages write them."""

from ipaddress import AddressValueError, IPv4Address, ip_address, ip_network

from anp.firewall.model import Action, Condition
from anp.firewall.providers.cisco_names import ANY_PROTOCOL, ICMP_KINDS, PORTS, PROTOCOLS
from anp.firewall.providers.cisco_parts import Ends, Traffic
from anp.firewall.providers.cisco_text import UnreadableError, Words
from anp.firewall.services import EVERY_PORT, ICMP, ICMPV6, MAX_PORT, MAX_PROTOCOL, TCP, UDP, WITH_PORTS, ports_text
from compiler import intervals
from compiler.addresses import Address, AddressSet
from compiler.intervals import Ranges

MOST_HOLES = 6
"""How many bits a mask may leave open beyond the last ones: each doubles the networks."""

OPERATORS = frozenset({"eq", "neq", "lt", "gt", "range"})

ACTIONS = {"permit": Action.PERMIT, "deny": Action.DENY}

_ALL_ONES = (1 << 32) - 1


def address(text: str) -> Address:
    """Read one address.

    Raises:
        UnreadableError: it is none.

    """
    try:
        found = ip_address(text)
    except ValueError:
        raise UnreadableError(f"{text} is no address") from None
    if getattr(found, "scope_id", None):
        raise UnreadableError(f"{text} has a zone")
    return found


def prefix(text: str) -> AddressSet:
    """Read ``10.0.0.0/8``; bits beyond the length do not matter.

    Raises:
        UnreadableError: it is no such thing.

    """
    base, _slash, length = text.partition("/")
    address(base)
    # A mask behind the slash is Python's notation, not Cisco's.
    if not (length.isascii() and length.isdigit()):
        raise UnreadableError(f"{text} is no network")
    try:
        return AddressSet.of(ip_network(text, strict=False))
    except ValueError:
        raise UnreadableError(f"{text} is no network") from None


def address_range(first: str, last: str) -> AddressSet:
    """Read a range, both ends included.

    Raises:
        UnreadableError: it is none.

    """
    low, high = address(first), address(last)
    if low.version != high.version or int(low) > int(high):
        raise UnreadableError(f"{first} to {last} is no range")
    ranges = ((int(low), int(high)),)
    return AddressSet(v4=ranges) if low.version == 4 else AddressSet(v6=ranges)


def masked(base: str, mask: str, *, wildcard: bool) -> Ends:
    """Read an IPv4 address with a mask whose ones count, or with a wildcard, whose zeros do.

    A mask with holes stands for many networks. With too many of them, they are left open.

    Raises:
        UnreadableError: it is no address or no mask.

    """
    try:
        number, ones = int(IPv4Address(base)), int(IPv4Address(mask))
    except AddressValueError:
        raise UnreadableError(f"{base} {mask} is no address and mask") from None
    free = ones if wildcard else ~ones & _ALL_ONES
    # The last ones in a row make one range; each bit beyond them is either zero or one.
    size = (~free & (free + 1)).bit_length() - 1
    holes = [1 << bit for bit in range(size, 32) if free >> bit & 1]
    if len(holes) > MOST_HOLES:
        return Ends.unknown("FW108", f"like {base} {mask}", f"{base} {mask}")
    starts = [number & ~free]
    for hole in holes:
        starts += [start | hole for start in starts]
    return Ends.known(AddressSet(v4=intervals.union((start, start + (1 << size) - 1) for start in starts)))


def protocols(word: str) -> tuple[int, ...] | None:
    """Read a protocol by name or number; None is any.

    Raises:
        UnreadableError: it is none.

    """
    if word in ANY_PROTOCOL:
        return None
    if word == "tcp-udp":
        return TCP, UDP
    if word in PROTOCOLS:
        return (PROTOCOLS[word],)
    if word.isascii() and word.isdigit() and len(word) < 4 and int(word) <= MAX_PROTOCOL:
        return (int(word),)
    raise UnreadableError(f"{word} is no protocol")


def action(word: str) -> Action:
    """Read a verdict.

    Raises:
        UnreadableError: it is none.

    """
    if word not in ACTIONS:
        raise UnreadableError(f"{word or 'nothing'} is neither permit nor deny")
    return ACTIONS[word]


def port(word: str, of: tuple[int, ...] | None) -> int | None:
    """Return the number of a port, or None where a word is none of these protocols'."""
    if word.isascii() and word.isdigit() and len(word) < 6 and int(word) <= MAX_PORT:
        return int(word)
    found = {PORTS[protocol][word] for protocol in of or () if protocol in PORTS and word in PORTS[protocol]}
    return found.pop() if len(found) == 1 else None


def ports(words: Words, of: tuple[int, ...] | None) -> Ranges:
    """Take an operator and its ports; `eq` and `neq` may have several.

    Raises:
        UnreadableError: it is none, or these protocols have no ports.

    """
    operator = words.take("an operator")
    if operator not in OPERATORS:
        raise UnreadableError(f"{operator} is no operator for ports")
    if of is None or not set(of) <= set(WITH_PORTS):
        raise UnreadableError("there are ports, but the protocol has none")
    numbers = [_port(words, of)]
    if operator == "range":
        numbers.append(_port(words, of))
        if numbers[0] > numbers[1]:
            raise UnreadableError(f"{numbers[0]} to {numbers[1]} is no range")
    elif operator in {"eq", "neq"}:
        while port(words.peek(), of) is not None:
            numbers.append(_port(words, of))
    match operator:
        case "range":
            return ((numbers[0], numbers[1]),)
        case "lt":
            return intervals.union([(0, numbers[0] - 1)])
        case "gt":
            return intervals.union([(numbers[0] + 1, MAX_PORT)])
    these = intervals.union((number, number) for number in numbers)
    return these if operator == "eq" else intervals.difference(EVERY_PORT, these)


def source_port(text: str) -> Condition:
    """Make the condition that a packet comes from some ports."""
    return Condition("FW143", f"source port {text}")


def icmp_kind(words: Words) -> tuple[Condition, ...]:
    """Take the kind of an ICMP message and perhaps its code, if they follow."""
    word = words.peek()
    if word not in ICMP_KINDS and not (word.isdigit() and len(word) < 4):
        return ()
    kind = words.take()
    code = f" code {words.number(0, 255, 'ICMP code')}" if words.peek().isdigit() else ""
    return (Condition("FW101", f"ICMP {kind}{code}"),)


def service(words: Words) -> Traffic:
    """Take all words as a service: ``tcp source gt 1023 destination eq 80``, where `destination` may be left out.

    Raises:
        UnreadableError: it is none.

    """
    of = protocols(words.take("a protocol"))
    conditions: tuple[Condition, ...] = ()
    if of is not None and set(of) <= {ICMP, ICMPV6}:
        conditions = icmp_kind(words)
    if words.took("source"):
        conditions = (source_port(ports_text(ports(words, of))),)
    words.took("destination")
    to = ports(words, of) if words else EVERY_PORT
    words.end()
    return Traffic.of(of, to, conditions)


def _port(words: Words, of: tuple[int, ...] | None) -> int:
    word = words.take("a port")
    found = port(word, of)
    if found is None:
        raise UnreadableError(f"{word} is no port")
    return found
