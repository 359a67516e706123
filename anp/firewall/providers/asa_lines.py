"""One line of an ASA access list (an access control entry) as an entry.

Source: "access-list extended" in the ASA command reference.
"""

from dataclasses import dataclass, field

from anp.firewall.matching import Match
from anp.firewall.model import EVERY_ADDRESS, Condition, Fate
from anp.firewall.providers.asa_objects import Objects, network
from anp.firewall.providers.cisco_assembly import Entry, reason
from anp.firewall.providers.cisco_literals import (
    ACTIONS,
    OPERATORS,
    action,
    address,
    icmp_kind,
    port,
    ports,
    prefix,
    protocols,
    source_port,
)
from anp.firewall.providers.cisco_parts import ANYWHERE, EVERY_TRAFFIC, Ends, Traffic, matches
from anp.firewall.providers.cisco_text import Line, UnreadableError, Words
from anp.firewall.services import EVERY_PORT, ICMP, ICMPV6, Services, ports_text
from compiler.addresses import AddressSet

ONLY_V4 = AddressSet(v4=EVERY_ADDRESS.v4)
ONLY_V6 = AddressSet(v6=EVERY_ADDRESS.v6)

_NO_MASK = {"0", "0.0.0.0"}  # noqa: S104 - a mask

_LEVELS = ("alerts", "critical", "debugging", "emergencies", "errors", "informational", "notifications", "warnings")
_LOG_LEVELS = frozenset({*_LEVELS, *map(str, range(len(_LEVELS))), "default", "disable"})


@dataclass(slots=True)
class Reading:
    """What one line says while it is being read."""

    objects: Objects
    line: int
    own_addresses: dict[str, Ends]
    """The addresses of the device at each interface."""
    conditions: list[Condition] = field(default_factory=list)
    logs: bool = False
    inactive: bool = False


def entry_of(objects: Objects, own_addresses: dict[str, Ends], line: Line, entry: Entry, words: Words) -> None:
    """Fill an entry from the words behind ``extended`` or ``standard``; what cannot be read is left open."""
    reading = Reading(objects, line.number, own_addresses)
    standard = words.took("standard")
    words.took("extended")
    verdict = words.peek()
    try:
        entry.action = action(words.take())
        found = _standard(reading, words) if standard else _extended(reading, words)
    except UnreadableError as error:
        objects.notes.error("FW150", line.number, f"{line.text}: {error}")
        found = (Match(conditions=(Condition("FW150", f"line {line.number} means it"),)),)
        # What is switched off at the end of the line is so whatever the line says.
        reading.inactive = line.words[-1] == "inactive"
        if verdict not in ACTIONS:
            entry.end(Fate.NOT_EXPRESSIBLE, "FW150", str(error))
    entry.matches = found
    if reading.logs:
        entry.reasons = (*entry.reasons, reason("FW010"))
    if reading.inactive:
        entry.end(Fate.IMPLIED, "FW001")


def _standard(reading: Reading, words: Words) -> tuple[Match, ...]:
    # A standard list of an ASA is about destinations (ASA command reference, access-list standard).
    destinations = _ends(reading, words, "destination")
    _options(reading, words)
    return matches(ANYWHERE, destinations, EVERY_TRAFFIC, tuple(reading.conditions))


def _extended(reading: Reading, words: Words) -> tuple[Match, ...]:
    traffic, of, named = _protocols(reading, words)
    sources = _ends(reading, words, "source")
    if words.peek() in OPERATORS:
        reading.conditions.append(source_port(ports_text(ports(words, of))))
    elif _is_service_group(reading, words):
        name = _group_name(words)
        reading.objects.services.get(name, reading.line)
        reading.conditions.append(source_port(f"in {name}"))
    destinations = _ends(reading, words, "destination")
    to: Traffic | None = None
    if words.peek() in OPERATORS:
        to = Traffic.of(of, ports(words, of))
    elif _is_service_group(reading, words):
        to = reading.objects.services.get(_group_name(words), reading.line)
    if to is not None:
        if named or of is None:
            raise UnreadableError("there are ports, but the protocol has none")
        # A group of ports for TCP and UDP means those of the rule's protocol.
        traffic = to.within(Services.of(*((protocol, EVERY_PORT) for protocol in of)))
    if of is not None and set(of) <= {ICMP, ICMPV6}:
        if words.peek() == "object-group" and words.peek(1) in reading.objects.icmp_groups:
            reading.conditions.append(Condition("FW101", f"ICMP type in {_group_name(words)}"))
        else:
            reading.conditions += icmp_kind(words)
    _options(reading, words)
    return matches(sources, destinations, traffic, tuple(reading.conditions))


def _protocols(reading: Reading, words: Words) -> tuple[Traffic, tuple[int, ...] | None, bool]:
    """Take the protocol: as traffic, as numbers for ports that may follow, and whether it is a whole service."""
    objects = reading.objects
    if words.took("object"):
        return objects.services.get(words.take("a name"), reading.line), None, True
    if words.took("object-group"):
        name = words.take("a name")
        if name not in objects.protocols:
            return objects.services.get(name, reading.line), None, True
        traffic = objects.protocols.get(name, reading.line)
        known = next((services for services, conditions in traffic.parts if not conditions), Services())
        whole = len(known.by_protocol) > 255
        return traffic, None if whole else tuple(number for number, _ports in known.by_protocol), False
    of = protocols(words.take("a protocol"))
    return Traffic.of(of), of, False


def _is_service_group(reading: Reading, words: Words) -> bool:
    return words.peek() == "object-group" and words.peek(1) in reading.objects.port_groups


def _group_name(words: Words) -> str:
    words.take()
    return words.take("a name")


def _ends(reading: Reading, words: Words, end: str) -> Ends:
    """Take one end: whose packets they are, where it says that, and the addresses."""
    while (keyword := words.peek()) in {
        "user",
        "user-group",
        "object-group-user",
        "security-group",
        "object-group-security",
    }:
        words.take()
        kind = f"{words.take('name or tag')} " if keyword == "security-group" else ""
        name = words.take("a name")
        if (keyword, name) != ("user", "any"):
            text = f"{end} of {keyword.removeprefix('object-group-')} {kind}{name}"
            reading.conditions.append(Condition("FW105", text))
    return _addresses(reading, words)


def _addresses(reading: Reading, words: Words) -> Ends:
    word = words.take("an address")
    objects = reading.objects
    match word:
        case "any":
            return ANYWHERE
        case "any4":
            return Ends.known(ONLY_V4)
        case "any6":
            return Ends.known(ONLY_V6)
        case "host":
            name = words.take("an address")
            found = AddressSet.of(address(objects.plain(name)))
            return Ends.known(found, name) if name in objects.aliases else Ends.known(found)
        case "object" | "object-group":
            name = words.take("a name")
            ends = objects.networks.get(name, reading.line)
            return Ends(ends.parts, (name,))
        case "interface":
            name = words.take("an interface")
            unknown = Ends.unknown("FW107", f"the firewall's own address at {name}")
            return reading.own_addresses.get(name, unknown)
    plain = objects.plain(word)
    if "/" in plain:
        return Ends.known(prefix(plain))
    if port(plain, None) == 0 and words.peek() in _NO_MASK:
        words.take()
        return Ends.known(ONLY_V4)
    given = Words((plain, words.take("a mask")))
    found_ends = network(objects, given)
    return Ends(found_ends.parts, (word,)) if word in objects.aliases else found_ends


def _options(reading: Reading, words: Words) -> None:
    while words:
        word = words.take()
        match word:
            case "log":
                reading.logs = True
                if words.peek() in _LOG_LEVELS:
                    words.take()
                if words.took("interval"):
                    words.number(0, 1 << 32, "interval")
            case "inactive":
                reading.inactive = True
            case "time-range":
                reading.conditions.append(Condition("FW102", f"time-range {words.take('a name')}"))
            case _:
                raise UnreadableError(f"{word} is no option of a rule")
