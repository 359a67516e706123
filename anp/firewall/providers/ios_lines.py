"""One line of an IOS or NX-OS access list (an access control entry) as an entry.

These lists know nothing of connections. What lets replies through is told from what lets connections be opened:

* `established` asks for flags that the first packet of a connection never has;
* a permit of TCP or UDP whose source ports are a service's, and whose destination ports are not named or are all that
  clients get (49152 to 65535, IANA's dynamic ports), lets that service reply. Its source ports must not be such ports.

Any other source port is a condition. Sources: "permit" and "deny" in the IOS Security command reference and in the
NX-OS Security command reference.
"""

from dataclasses import dataclass, field

from anp.firewall.matching import Match
from anp.firewall.model import Action, Condition, Fate
from anp.firewall.providers.cisco_assembly import Entry, reason
from anp.firewall.providers.cisco_literals import (
    ACTIONS,
    OPERATORS,
    action,
    address,
    icmp_kind,
    ports,
    protocols,
    source_port,
)
from anp.firewall.providers.cisco_parts import ANYWHERE, EVERY_TRAFFIC, Ends, Traffic, matches
from anp.firewall.providers.cisco_text import Line, UnreadableError, Words
from anp.firewall.providers.ios_objects import Objects, network
from anp.firewall.services import EVERY_PORT, ICMP, ICMPV6, MAX_PORT, TCP, UDP, Services, ports_text
from compiler import intervals
from compiler.addresses import AddressSet, IpVersion
from compiler.intervals import Ranges

DYNAMIC: Ranges = ((49_152, MAX_PORT),)
"""Ports that clients get (RFC 6335, section 6)."""

_FLAGS = frozenset({"syn", "ack", "fin", "rst", "psh", "urg"})
_WITH_VALUE = frozenset({"dscp", "precedence", "tos", "option", "traffic-class", "flow-label", "vlan", "cos"})
_WITH_OPERATOR = frozenset({"ttl", "packet-length"})
_ALONE = frozenset(
    {"fragments", "routing", "undetermined-transport", "mobility", "dest-option", "hbh", "auth", "nd-na", "nd-ns"}
)


@dataclass(slots=True)
class Reading:
    """What one line says while it is being read."""

    objects: Objects
    line: int
    version: IpVersion
    protocols: tuple[int, ...] | None = None
    from_ports: Ranges = ()
    to_ports: Ranges = EVERY_PORT
    conditions: list[Condition] = field(default_factory=list)
    logs: bool = False
    replies: bool = False
    """It asks for flags that no packet has that opens a connection."""


def entry_of(  # noqa: PLR0913 - a line, and what its list says of it
    objects: Objects, line: Line, entry: Entry, words: Words, version: IpVersion, *, standard: bool
) -> None:
    """Fill an entry from the words behind a list's name and a number; what cannot be read is left open."""
    reading = Reading(objects, line.number, version)
    if words.took("evaluate"):
        entry.end(Fate.IMPLIED, "FW140", f"replies to connections of {words.rest() or 'another list'}")
        return
    if words.took("dynamic"):
        _dynamic(reading, words)
    verdict = words.peek()
    try:
        entry.action = action(words.take("permit or deny"))
        found = _standard(reading, words) if standard else _extended(reading, words)
    except UnreadableError as error:
        objects.notes.error("FW150", line.number, f"{line.text}: {error}")
        if verdict not in ACTIONS:
            entry.end(Fate.NOT_EXPRESSIBLE, "FW150", str(error))
        entry.matches = (Match(conditions=(Condition("FW150", f"line {line.number} means it"),)),)
        return
    entry.matches = found
    _judge(objects, reading, line, entry)


def _judge(objects: Objects, reading: Reading, line: Line, entry: Entry) -> None:
    """Say of an entry what follows from all of its line."""
    if reading.logs:
        entry.reasons = (*entry.reasons, reason("FW010"))
    if reading.replies:
        entry.end(Fate.IMPLIED, "FW140", "only packets of connections that are open match it")
        if entry.action is Action.DENY:
            text = f"{line.text}: the rule drops replies, which policies let pass"
            objects.notes.warning("FW140", line.number, text, "Deny the connections themselves.")
    elif _is_reply(reading, entry.action):
        entry.end(Fate.IMPLIED, "FW142", f"replies from port {ports_text(reading.from_ports)}")


def _is_reply(reading: Reading, action: Action) -> bool:
    """Say whether a rule lets a service's replies through, as the module's text has it."""
    return (
        action is Action.PERMIT
        and reading.protocols is not None
        and set(reading.protocols) <= {TCP, UDP}
        and bool(reading.from_ports)
        and not intervals.intersection(reading.from_ports, DYNAMIC)
        and not intervals.difference(DYNAMIC, reading.to_ports)
    )


def _standard(reading: Reading, words: Words) -> tuple[Match, ...]:
    # A standard list is about sources; an address alone is one host.
    alone = words.peek()[:1].isdigit() and "/" not in words.peek() and "." not in words.peek(1)
    sources = Ends.known(AddressSet.of(address(words.take()))) if alone else _ends(reading, words)
    _options(reading, words)
    return matches(sources, ANYWHERE, EVERY_TRAFFIC, tuple(reading.conditions))


def _extended(reading: Reading, words: Words) -> tuple[Match, ...]:
    traffic = _protocols(reading, words)
    sources = _ends(reading, words)
    if words.peek() in OPERATORS:
        reading.from_ports = ports(words, reading.protocols)
        reading.conditions.append(source_port(ports_text(reading.from_ports)))
    elif words.took("portgroup", "port-group"):
        name = words.take("a name")
        reading.objects.port_groups.get(name, reading.line)
        reading.conditions.append(source_port(f"in {name}"))
    destinations = _ends(reading, words)
    if words.peek() in OPERATORS:
        reading.to_ports = ports(words, reading.protocols)
        traffic = Traffic.of(reading.protocols, reading.to_ports)
    elif words.took("portgroup", "port-group"):
        group = reading.objects.port_groups.get(words.take("a name"), reading.line)
        if reading.protocols is None:
            raise UnreadableError("there are ports, but the protocol has none")
        traffic = group.within(Services.every_port(*reading.protocols))
        reading.to_ports = ()
    if reading.protocols is not None and set(reading.protocols) <= {ICMP, ICMPV6}:
        reading.conditions += icmp_kind(words)
    _options(reading, words)
    return matches(sources, destinations, traffic, tuple(reading.conditions))


def _protocols(reading: Reading, words: Words) -> Traffic:
    if words.took("object-group"):
        return reading.objects.services.get(words.take("a name"), reading.line)
    word = words.take("a protocol")
    # In a list for IPv6 the same word means that family's.
    reading.protocols = (ICMPV6,) if (word, reading.version) == ("icmp", 6) else protocols(word)
    return Traffic.of(reading.protocols)


def _ends(reading: Reading, words: Words) -> Ends:
    if words.took("any"):
        return ANYWHERE
    if words.took("host"):
        return Ends.known(AddressSet.of(address(words.take("an address"))))
    if words.took("object-group", "addrgroup", "net-group"):
        name = words.take("a name")
        return Ends(reading.objects.networks.get(name, reading.line).parts, (name,))
    return network(words, wildcard=True)


def _dynamic(reading: Reading, words: Words) -> None:
    name = words.take() if words else ""
    reading.conditions.append(Condition("FW105", f"someone has logged in for {name}"))
    if words.took("timeout") and words:
        words.take()


def _options(reading: Reading, words: Words) -> None:
    flags: set[str] = set()
    while words:
        word = words.take()
        if word in _FLAGS:
            flags.add(word)
        elif word in _ALONE:
            reading.conditions.append(Condition("FW144", word))
        elif word in _WITH_VALUE:
            reading.conditions.append(Condition("FW144", f"{word} {words.take('a value')}"))
        elif word in _WITH_OPERATOR:
            _operator(reading, words, word)
        else:
            _option(reading, words, word)
    if {"ack", "rst"} & flags:
        reading.replies = True
    # The first packet of a connection has SYN; it has none of the others.
    elif others := sorted(flags - {"syn"}):
        reading.conditions.append(Condition("FW144", f"flags {' '.join(others)}"))


def _option(reading: Reading, words: Words, word: str) -> None:
    match word:
        case "log" | "log-input":
            reading.logs = True
        case "established":
            reading.replies = True
        case "match-any" | "match-all":
            _flags(reading, words, word)
        case "time-range":
            reading.conditions.append(Condition("FW102", f"time-range {words.take('a name')}"))
        case "reflect":
            words.take("a name")
            if words.took("timeout"):
                words.number(0, 1 << 32, "timeout")
        case _:
            raise UnreadableError(f"{word} is no option of a rule")


def _flags(reading: Reading, words: Words, kind: str) -> None:
    given = []
    while words.peek()[:1] in {"+", "-"} and words.peek()[1:] in _FLAGS:
        given.append(words.take())
    if not given:
        raise UnreadableError(f"{kind} has no flags")
    never = [flag in {"+ack", "+rst"} for flag in given]
    if all(never) if kind == "match-any" else any(never):
        reading.replies = True
    else:
        reading.conditions.append(Condition("FW144", f"{kind} {' '.join(given)}"))


def _operator(reading: Reading, words: Words, word: str) -> None:
    said = [word, words.take("an operator"), words.take("a value")]
    if said[1] == "range":
        said.append(words.take("a value"))
    reading.conditions.append(Condition("FW144", " ".join(said)))
