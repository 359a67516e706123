"""Services of NSX-T as traffic."""

from collections.abc import Iterable, Iterator

from anp.firewall.model import Condition
from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_literals import source_port
from anp.firewall.providers.cisco_parts import EVERY_TRAFFIC, Traffic
from anp.firewall.providers.cisco_text import UnreadableError
from anp.firewall.providers.nsxt_export import Export, Raw, objects, path_of, strings, text
from anp.firewall.services import (
    EVERY_PORT,
    ICMP,
    ICMPV6,
    IGMP,
    MAX_PORT,
    MAX_PROTOCOL,
    SCTP,
    TCP,
    UDP,
    ports_text,
)
from compiler import intervals
from compiler.intervals import Range, Ranges

_PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}

_ICMP = {"ICMPv4": ICMP, "ICMPv6": ICMPV6}

# The protocol of what an application gateway watches; the ports are in the entry.
_GATEWAYS = {
    "FTP": TCP,
    "ORACLE_TNS": TCP,
    "MS_RPC_TCP": TCP,
    "SUN_RPC_TCP": TCP,
    "TFTP": UDP,
    "MS_RPC_UDP": UDP,
    "SUN_RPC_UDP": UDP,
    "NBNS_BROADCAST": UDP,
    "NBDG_BROADCAST": UDP,
}


class ServiceTable:
    """The services of an export."""

    def __init__(self, export: Export, notes: Notes) -> None:
        self._export = export
        self._notes = notes
        self._known: dict[str, Traffic] = {}

    def of_rule(self, rule: Raw) -> Traffic:
        """Return what a rule says of services.

        Raises:
            UnreadableError: it cannot be read.

        """
        paths, inline = strings(rule, "services"), objects(rule, "service_entries")
        if not paths and not inline:
            return EVERY_TRAFFIC
        line = self._export.line(rule)
        return Traffic.union([*(self._named(path, line) for path in paths), *self._entries(inline, line)])

    def _named(self, path: str, line: int) -> Traffic:
        if path not in self._known:
            self._known[path] = self._all(path, line)
        return self._known[path]

    def _all(self, path: str, line: int) -> Traffic:
        # Services may be nested: all that can be come to from here.
        seen, todo, found = {path}, [path], []
        while todo:
            raw = self._export.services.get(one := todo.pop())
            if raw is None:
                self._notes.error("FW151", line, f"service {one} is not in this export", "Export it as well.")
                found.append(Traffic.unknown("FW151", f"service {one}, which is not in the export"))
                continue
            line = self._export.line(raw)
            try:
                entries = objects(raw, "service_entries")
            except UnreadableError as error:
                found.append(self._unread(raw, error))
                continue
            inner = [text(entry, "nested_service_path") for entry in entries]
            todo += [other for other in dict.fromkeys(inner) if other and other not in seen]
            seen.update(inner)
            found += self._entries([entry for entry, nested in zip(entries, inner, strict=True) if not nested], line)
        return Traffic.union(found)

    def _entries(self, entries: Iterable[Raw], line: int) -> Iterator[Traffic]:
        for entry in entries:
            try:
                yield _entry(entry)
            except UnreadableError as error:
                yield self._unread(entry, error, line)

    def _unread(self, raw: Raw, error: UnreadableError, line: int = 0) -> Traffic:
        self._notes.error("FW150", self._export.line(raw) or line, f"service entry: {error}")
        return Traffic.unknown("FW150", f"service {text(raw, 'display_name') or path_of(raw)}, which cannot be read")


def _entry(entry: Raw) -> Traffic:
    match text(entry, "resource_type"):
        case "L4PortSetServiceEntry":
            protocol = _PROTOCOLS.get(text(entry, "l4_protocol"))
            if protocol is None:
                raise UnreadableError(f"{text(entry, 'l4_protocol') or 'nothing'} is no protocol with ports")
            return _with_ports(entry, protocol)
        case "ALGTypeServiceEntry":
            protocol = _GATEWAYS.get(text(entry, "alg"))
            if protocol is None:
                raise UnreadableError(f"{text(entry, 'alg') or 'nothing'} is no gateway that we know")
            return _with_ports(entry, protocol)
        case "ICMPTypeServiceEntry":
            protocol = _ICMP.get(text(entry, "protocol"))
            if protocol is None:
                raise UnreadableError(f"{text(entry, 'protocol') or 'nothing'} is no ICMP")
            return Traffic.of([protocol], EVERY_PORT, _icmp(entry))
        case "IPProtocolServiceEntry":
            return Traffic.of([_number(entry)])
        case "IGMPTypeServiceEntry" | "EtherTypeServiceEntry" as kind:
            # Frames that are not IP meet no list of ours.
            return Traffic.of([IGMP] if kind == "IGMPTypeServiceEntry" else [])
        case kind:
            raise UnreadableError(f"{kind or 'nothing'} is no kind of service that we know")


def _number(entry: Raw) -> int:
    number = entry.get("protocol_number")
    if not isinstance(number, int) or not 0 <= number <= MAX_PROTOCOL:
        raise UnreadableError("protocol_number is no number of a protocol")
    return number


def _icmp(entry: Raw) -> tuple[Condition, ...]:
    kind, code = entry.get("icmp_type"), entry.get("icmp_code")
    if kind is None:
        return ()
    more = "" if code is None else f" code {code}"
    return (Condition("FW101", f"ICMP {kind}{more}"),)


def _with_ports(entry: Raw, protocol: int) -> Traffic:
    sources, destinations = (_ports(strings(entry, key)) for key in ("source_ports", "destination_ports"))
    conditions = (source_port(ports_text(sources)),) if sources else ()
    return Traffic.of([protocol], destinations or EVERY_PORT, conditions)


def _ports(texts: Iterable[str]) -> Ranges:
    return intervals.union(_port_range(one) for one in texts)


def _port_range(written: str) -> Range:
    first, dash, last = (part.strip() for part in written.partition("-"))
    ends = (first, last if dash else first)
    if not all(end.isascii() and end.isdigit() and len(end) < 6 for end in ends):
        raise UnreadableError(f"{written} is no port and no range of ports")
    low, high = map(int, ends)
    if not low <= high <= MAX_PORT:
        raise UnreadableError(f"{written} is no range of ports")
    return low, high
