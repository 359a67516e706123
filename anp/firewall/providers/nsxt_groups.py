"""Groups of NSX-T as addresses.

Criteria such as tags say nothing of addresses. For these come first those of the options, by the group's name, path or
ID; then those in the group's `effective_ip_addresses`, where somebody has put what the call ``members/ip-addresses``
returns. Otherwise the group is left open.
"""

from dataclasses import replace

from anp.firewall.model import EVERY_ADDRESS
from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_literals import address, address_range, prefix
from anp.firewall.providers.cisco_parts import ANYWHERE, Ends
from anp.firewall.providers.cisco_text import UnreadableError
from anp.firewall.providers.nsxt_export import Export, Raw, name_of, objects, strings, text
from anp.firewall.providers.provider import Options
from compiler.addresses import AddressSet

DEEPEST = 40
"""How deep groups and expressions may be nested; NSX-T itself takes five levels."""


class GroupTable:
    """The groups of an export."""

    def __init__(self, export: Export, options: Options, notes: Notes) -> None:
        self._export = export
        self._options = options
        self._notes = notes
        self._known: dict[str, Ends] = {}
        self._open: list[str] = []
        """Groups that are being read."""
        self.guarded = AddressSet()
        """Addresses of groups by other criteria than addresses: those of virtual machines."""

    def ends(self, written: list[str], line: int) -> Ends:
        """Return what a rule says of one end: paths of groups, or addresses.

        Raises:
            UnreadableError: it cannot be read.

        """
        return (
            Ends.union(
                [self._one(one, line) for one in written],
                *(name_of(self._export.groups.get(one, {"id": one.rpartition("/")[2]})) for one in written),
            )
            if written
            else ANYWHERE
        )

    @property
    def named(self) -> dict[str, AddressSet]:
        """The addresses of all groups, as far as they are known."""
        # What no rule asks for is nobody's trouble.
        self._notes = Notes(self._notes.file)
        found = {name_of(raw): self._group(path, 0).exact for path, raw in self._export.groups.items()}
        return {name: addresses for name, addresses in found.items() if addresses}

    def _one(self, written: str, line: int) -> Ends:
        if written == "ANY":
            return ANYWHERE
        if written.startswith("/") or written in self._export.groups:
            return self._group(written, line)
        return Ends.known(literal(written))

    def _group(self, path: str, line: int) -> Ends:
        if path not in self._known:
            if path in self._open or len(self._open) > DEEPEST:
                text_ = f"group {path} contains itself, or is nested too deep"
                self._notes.error("FW151", line, text_)
                return Ends.unknown("FW151", f"in {text_}")
            self._open.append(path)
            self._known[path] = self._read(path, line)
            self._open.pop()
        return self._known[path]

    def _read(self, path: str, line: int) -> Ends:
        raw = self._export.groups.get(path, {})
        name = name_of(raw) if raw else path.rpartition("/")[2]
        given = next((self._options.groups[key] for key in (name, path) if key in self._options.groups), None)
        if given is None and text(raw, "id") in self._options.groups:
            given = self._options.groups[text(raw, "id")]
        if not raw:
            if given is not None:
                return Ends.known(given)
            self._notes.error("FW151", line, f"group {path} is not in this export")
            return Ends.unknown("FW151", f"in group {name}, which is not in the export")
        at = self._export.line(raw)
        try:
            members = Ends.known(given) if given is not None else self._members(raw)
            if members is None:
                return self._expressions(objects(raw, "expression"), name, at, 0)
            if any(text(one, "resource_type") != "IPAddressExpression" for one in objects(raw, "expression")):
                self.guarded |= members.exact
        except UnreadableError as error:
            self._notes.error("FW150", at, f"group {name}: {error}")
            return Ends.unknown("FW150", f"in group {name}, which cannot be read")
        return members

    def _members(self, raw: Raw) -> Ends | None:
        found = raw.get("effective_ip_addresses")
        if isinstance(found, dict):
            found = found.get("results")
        if found is None:
            return None
        return Ends.union(Ends.known(literal(one)) for one in strings({"members": found}, "members"))

    def _expressions(self, expressions: list[Raw], name: str, line: int, depth: int) -> Ends:
        """Return what a list of criteria with operators between them means; ``AND`` binds stronger."""
        if depth > DEEPEST:
            raise UnreadableError("expressions are nested too deep")
        terms: list[Ends] = []
        joined = "OR"
        for one in expressions:
            if text(one, "resource_type") == "ConjunctionOperator":
                joined = text(one, "conjunction_operator")
                if joined not in {"AND", "OR"}:
                    raise UnreadableError(f"{joined or 'nothing'} is no operator between criteria")
                continue
            ends = self._criterion(one, name, line, depth)
            if joined == "AND" and terms:
                terms[-1] = terms[-1] & ends
            else:
                terms.append(ends)
            joined = "OR"
        if not terms:
            return self._without_addresses(name, line, f"in group {name}")
        return replace(Ends.union(terms), names=())

    def _criterion(self, raw: Raw, name: str, line: int, depth: int) -> Ends:
        match text(raw, "resource_type"):
            case "IPAddressExpression":
                return Ends.union(Ends.known(literal(one)) for one in strings(raw, "ip_addresses"))
            case "PathExpression":
                return Ends.union(self._path(path, name, line) for path in strings(raw, "paths"))
            case "NestedExpression":
                return self._expressions(objects(raw, "expressions"), name, line, depth + 1)
            case "Condition":
                said = " ".join(text(raw, key) for key in ("member_type", "key", "operator", "value"))
                return self._without_addresses(name, line, f"in group {name}: {said}")
            case kind:
                return self._without_addresses(name, line, f"in group {name}: {kind or 'something'}")

    def _path(self, path: str, name: str, line: int) -> Ends:
        if path in self._export.groups:
            return self._group(path, line)
        if path in self._options.groups:
            return Ends.known(self._options.groups[path])
        return self._without_addresses(name, line, f"in group {name}: {path}")

    def _without_addresses(self, name: str, line: int, said: str) -> Ends:
        self._notes.warning("FW152", line, f"group {name} has no addresses in this export")
        return Ends.unknown("FW152", said)


def literal(written: str) -> AddressSet:
    """Read an address, a network or a range.

    Raises:
        UnreadableError: it is none.

    """
    if "/" in written:
        return prefix(written)
    first, dash, last = (part.strip() for part in written.partition("-"))
    return address_range(first, last) if dash else AddressSet.of(address(first))


def families(of_rule: str) -> AddressSet:
    """Return the addresses of the families that a rule is about.

    Raises:
        UnreadableError: it is no family.

    """
    match of_rule:
        case "" | "IPV4_IPV6":
            return EVERY_ADDRESS
        case "IPV4":
            return AddressSet(v4=EVERY_ADDRESS.v4)
        case "IPV6":
            return AddressSet(v6=EVERY_ADDRESS.v6)
    raise UnreadableError(f"{of_rule} is no family of addresses")
