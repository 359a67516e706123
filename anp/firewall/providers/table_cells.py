"""What people write into the cells of a rule table: ends, protocols with ports, and yes or no."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from anp.firewall.model import EVERY_ADDRESS, Action, Condition
from anp.firewall.providers import literals
from anp.firewall.services import EVERY_SERVICE, ICMP, ICMPV6, TCP, UDP, WITH_PORTS, Services
from compiler.addresses import AddressSet

_ANY = ("any", "all", "*", "any4", "any6", "everything", "ip")
_PERMIT = ("permit", "allow", "accept", "pass", "permitted", "allowed", "yes", "ok")
_DENY = ("deny", "drop", "block", "reject", "discard", "denied", "blocked", "no")
_YES = ("yes", "y", "true", "1", "x", "on", "enabled", "active", "enable", "up")
_NO = ("no", "n", "false", "0", "", "off", "disabled", "inactive", "disable", "down", "-")

_SPACED_RANGE = re.compile(r"(?<=[0-9a-fA-F:])\s*[-\u2013]\s*(?=[0-9a-fA-F:.]*[.:])")
_MASKED = re.compile(r"(?<![\d./])(\d+\.\d+\.\d+\.\d+)[ \t]+(\d+\.\d+\.\d+\.\d+)(?![\d./-])")
_MASKS = {str(ip_network(f"0.0.0.0/{length}").netmask) for length in range(1, 33)}
_LIST = re.compile(r"[\n|;,]+")
_SERVICE = re.compile(r"(tcp|udp|sctp|tcp/udp|udp/tcp)[/:_-]?\s*(\d[\d\s,:-]*)", re.IGNORECASE)
_PORTS_FIRST = re.compile(r"(\d[\d:-]*)/(tcp|udp|sctp)", re.IGNORECASE)
_UDP_TOO = ("domain", "kerberos", "sip", "ldap", "nfs", "sunrpc")
_UDP_ONLY = (
    *("ntp", "snmp", "snmptrap", "snmp-trap", "tftp", "bootps", "bootpc", "syslog", "radius", "radius-acct"),
    *("netbios-ns", "netbios-dgm"),
)
_OTHER_NAMES = {"dns": "domain", "web": "http", "rdp": "ms-wbt-server", "smb": "microsoft-ds", "postgres": "postgresql"}
_OTHER_NAMES |= {"mssql": "ms-sql-s", "ping": "icmp"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a rule: the addresses that are known, and the names of those that are not."""

    known: AddressSet
    names: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    negated: bool = False


def end(text: str, groups: Mapping[str, AddressSet]) -> End:
    """Read the addresses, ranges and names of a cell; an exclamation mark or ``not`` before all negates.

    Raises:
        ValueError: the cell is empty, or something in it looks like an address and is none.

    """
    text = text.strip()
    if not text:
        raise ValueError("an empty cell where addresses belong; write any")
    negated = text.startswith("!") or text.lower().startswith("not ")
    if negated:
        text = text[1:].strip() if text.startswith("!") else text[4:].strip()
    known, names, unknown = AddressSet(), list[str](), list[str]()
    for part in _parts(text, groups):
        if part in groups:
            known |= groups[part]
            names.append(part)
        elif part.lower() in _ANY:
            known = EVERY_ADDRESS
        elif _looks_like_address(part):
            known |= literals.address_range(part) if "-" in part else literals.addresses(part)
        elif part.startswith("!"):
            raise ValueError(f"{part}: a cell is negated as a whole or not at all")
        else:
            unknown.append(part)
            names.append(part)
    if negated and not unknown:
        known = EVERY_ADDRESS - known
    return End(known, () if negated else tuple(names), tuple(unknown), negated)


def _parts(text: str, groups: Mapping[str, AddressSet]) -> Iterator[str]:
    text = _MASKED.sub(_with_mask, _SPACED_RANGE.sub("-", text))
    for part in filter(None, map(str.strip, _LIST.split(text))):
        # Names may have spaces in them, so whole parts are tried first.
        yield from [part] if part in groups else part.split()


def _with_mask(pair: re.Match[str]) -> str:
    """Join an address with the mask behind it; two addresses stay two."""
    return f"{pair[1]}/{pair[2]}" if pair[2] in _MASKS else pair[0]


def _looks_like_address(text: str) -> bool:
    head = re.split(r"[/-]", text, maxsplit=1)[0]
    try:
        ip_address(head)
    except ValueError:
        # Digits and dots alone are a mistyped address, not a name.
        return bool(re.fullmatch(r"[0-9.]+(?:[/-][0-9.]+)?|[0-9a-fA-F:]*:[0-9a-fA-F:/]*", text))
    return True


def services(proto: str, port: str) -> tuple[Services, tuple[Condition, ...]]:
    """Read a protocol cell and a port cell; ports without a protocol mean every protocol that has some.

    Raises:
        ValueError: they make no sense.

    """
    numbers = _protocols(proto)
    if port.strip().lower() in ("", *_ANY):
        return (EVERY_SERVICE if numbers is None else Services.every_port(*numbers)), ()
    if numbers and set(numbers) <= {ICMP, ICMPV6}:
        return Services.every_port(*numbers), (Condition("FW101", f"icmp type {port.strip()}"),)
    written = ",".join(re.split(r"[\s,;|]+", re.sub(r"\s*-\s*", "-", port.strip())))
    if _SERVICE.fullmatch(written) or "/" in written:
        return service(port)
    if numbers is not None and not set(numbers) <= set(WITH_PORTS):
        raise ValueError(f"{proto} has no ports")
    ports = literals.port_ranges(written)
    return Services.of(*((number, ports) for number in numbers or WITH_PORTS)), ()


def _protocols(text: str) -> tuple[int, ...] | None:
    found: list[int] = []
    for part in re.split(r"[\s,;|/+&]+", text.strip()):
        if part.lower() in ("", *_ANY):
            return None
        number = literals.protocol(part)
        if number is None:
            return None
        found.append(number)
    return tuple(found)


def service(text: str) -> tuple[Services, tuple[Condition, ...]]:
    """Read a cell of services: ``tcp/443``, ``TCP_8080-8090``, ``53/udp``, ``https``, ``icmp``, ``any``, or several.

    Raises:
        ValueError: one of them says nothing to us.

    """
    found = Services()
    for part in filter(None, re.split(r"[\n|;,]+|\s+", re.sub(r"\s*-\s*", "-", text.strip()))):
        found |= _service(part)
    if not found:
        raise ValueError("an empty cell where services belong; write any")
    return found, ()


def _service(text: str) -> Services:
    if text.lower() in _ANY:
        return EVERY_SERVICE
    if match := _SERVICE.fullmatch(text):
        return _with_ports(match[1], match[2])
    if match := _PORTS_FIRST.fullmatch(text):
        return _with_ports(match[2], match[1])
    name = _OTHER_NAMES.get(text.lower(), text.lower())
    if name in literals.PORT_NAMES:
        protocols = (UDP,) if name in _UDP_ONLY else (TCP, UDP) if name in _UDP_TOO else (TCP,)
        return Services.of(*((number, [(literals.PORT_NAMES[name],) * 2]) for number in protocols))
    try:
        number = literals.protocol(name)
    except ValueError:
        raise ValueError(f"{text} is no service that we know; write it as tcp/443") from None
    return EVERY_SERVICE if number is None else Services.every_port(number)


def _with_ports(protocols: str, ports: str) -> Services:
    numbers = _protocols(protocols) or ()
    return Services.of(*((number, literals.port_ranges(ports)) for number in numbers))


def action(text: str) -> Action:
    """Read what becomes of a packet.

    Raises:
        ValueError: the word is none that we know.

    """
    word = text.strip().lower()
    if word in _PERMIT:
        return Action.PERMIT
    if word in _DENY:
        return Action.DENY
    raise ValueError(f"{text.strip()[:80] or 'an empty cell'} is no action")


def truth(text: str) -> bool:
    """Read yes or no.

    Raises:
        ValueError: it is neither.

    """
    word = text.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"{text.strip()[:80]} is neither yes nor no")
