"""Cisco ASA configurations, whole or pasted in part, and what ``show access-list`` prints.

Read are names, objects, object groups, access lists, access groups, interfaces with their security levels, and routes.
Address translation is never translated: its lines are statements that stay on the device. Before version 8.3 rules have
translated addresses, from then on real ones; the mapping has to speak of the same ones as the rules. An ASA keeps
state, so replies need no rules.
"""

import re
from dataclasses import replace
from typing import Final

from anp.firewall.model import Fate, Firewall, Role
from anp.firewall.providers.asa_lines import entry_of
from anp.firewall.providers.asa_lists import Bindings, Interface, plans
from anp.firewall.providers.asa_objects import CHILDREN, Objects, define
from anp.firewall.providers.cisco_assembly import Entry, Notes, assemble, reason
from anp.firewall.providers.cisco_lists import AccessList
from anp.firewall.providers.cisco_literals import ACTIONS, address
from anp.firewall.providers.cisco_parts import Ends
from anp.firewall.providers.cisco_routes import Route, behind, network_of
from anp.firewall.providers.cisco_text import Line, UnreadableError, Words, config_lines
from anp.firewall.providers.provider import Options, Source
from compiler.addresses import VERSIONS, AddressSet, IpVersion

_TELLS = re.compile(
    r"""^\s*(?:
        (?:ASA|PIX|FWSM)\ Version\ |
        access-list\ \S+\ (?:line\ \d+\ )?(?:extended|remark|ethertype|webtype|standard)\ |
        access-group\ \S+\ (?:in|out)\ interface\ |
        object-group\ service\ \S+\ (?:tcp|udp|tcp-udp)\b
    )""",
    re.MULTILINE | re.VERBOSE,
)
_UNSPECIFIED = "0.0.0.0"  # noqa: S104 - a default route
_OLD = re.compile(r"(?:PIX|FWSM|ASA) Version [1-8]\.")

# Words behind access-list that are settings of all lists and no list.
_SETTINGS = frozenset({"cached", "alert-interval", "deny-flow-max", "mode", "compiled"})


class AsaProvider:
    """Reads Cisco ASA."""

    name: Final = "asa"
    title: Final = "Cisco ASA configuration"

    def recognises(self, source: Source) -> bool:
        """Say whether there is a line that only an ASA has."""
        # `access-list 101 remark` is IOS as well, and the only tell that is.
        found = {match[0].split()[-1] for match in _TELLS.finditer(source.text)}
        return bool(found - {"remark"})

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a text; never raises because of what it says."""
        return _Reader(source, options).firewall()


class _Reader:
    def __init__(self, source: Source, options: Options) -> None:
        self.source = source
        self.options = options
        self.notes = Notes(source.name)
        self.objects = Objects(self.notes, options)
        self.bindings = Bindings()
        self.entries: list[Entry] = []
        self.own: dict[str, Ends] = {}
        self.connected: list[Route] = []
        self.routes: list[Route] = []
        self.rules: list[Line] = []
        self.only_v6: set[str] = set()
        self.versions: frozenset[IpVersion] = frozenset(VERSIONS)

    def firewall(self) -> Firewall:
        lines = list(config_lines(self.source, self.notes))
        for line in lines:
            if line.first == "name" and len(line.words) > 2:
                self.objects.aliases[line.words[2]] = line.words[1]
        self._sections(lines)
        for line in self._as_shown(self.rules):
            self._access_list(line)
        for one in self.bindings.lists.values():
            one.finish()
        made: list[Entry] = []
        planned = plans(self.bindings, self.options, self.notes, made)
        if not self.bindings.lists:
            self.notes.error("FW150", 0, "there is no access list in this text")
        written = [entry for one in self.bindings.lists.values() for entry in one.entries]
        return assemble(
            self.source,
            AsaProvider.name,
            [*self.entries, *written, *made],
            planned,
            self.notes,
            groups=self.objects.groups,
            interfaces=behind(self.connected, self.routes),
        )

    def _sections(self, lines: list[Line]) -> None:
        """Read everything but access lists, which need what is defined after them."""
        definition = None
        service = False
        interface: _Section | None = None
        for line in lines:
            inside = line.indented or (line.first in CHILDREN and (service or line.first != "service"))
            if definition is not None and inside and line.first in CHILDREN:
                definition(line)
            elif line.first == "nat" or (line.first in {"static", "global"} and line.words[1:2] != ()):
                self._nat(line)
            elif interface is not None and interface.takes(line):
                continue
            elif line.first in {"object", "object-group"}:
                definition, interface = define(self.objects, line), None
                service = line.words[1:2] == ("service",)
            else:
                definition = None
                if line.first == "interface":
                    interface = _Section(self)
                else:
                    interface = interface if line.indented else None
                    self._command(line)

    def _command(self, line: Line) -> None:
        words = line.words
        match line.first:
            case "access-list":
                self.rules.append(line)
            case "ipv6" if words[1:2] == ("access-list",):
                # Before version 9 each family had lists of its own.
                self.only_v6.update(words[2:3])
                self.rules.append(replace(line, words=words[1:]))
            case "access-group":
                self._access_group(line)
            case "same-security-traffic":
                self.bindings.between_equals |= "inter-interface" in words
                self.bindings.back_out |= "intra-interface" in words
            case "route":
                self._route(words[1:])
            case "ipv6" if words[1:2] == ("route",):
                self._route(words[2:])
            case "no" | "clear" if {"access-list", "access-group"} & set(words):
                text = f"{line.text}: commands that take something away are not carried out"
                self.notes.error("FW150", line.number, text, "Give the configuration as the device shows it.")
            case "ASA" | "PIX" | "FWSM" if _OLD.match(line.text):
                self.versions = frozenset({4})
            case _:
                self.bindings.others.append(line)

    def _nat(self, line: Line) -> None:
        self.bindings.others.append(line)
        entry = Entry(line.number, "nat", str(line.number), line.text, role=Role.NAT)
        entry.end(Fate.NOT_OURS, "FW110")
        self.entries.append(entry)

    def _access_group(self, line: Line) -> None:
        match line.words[1:]:
            case (name, "global", *_rest):
                self.bindings.everywhere = name
                return
            case (_name, "in" | "out", "interface", _interface, *rest) if "control-plane" in rest:
                self.bindings.others.append(line)
                return
            case (name, "in" | "out" as way, "interface", interface, *rest):
                pass
            case _:
                text = f"{line.text}: the name, the direction or the interface is missing"
                self.notes.error("FW150", line.number, text)
                return
        bound = self.bindings.incoming if way == "in" else self.bindings.outgoing
        if bound.get(interface, name) != name:
            self.notes.warning("FW150", line.number, f"{interface} has two lists; the last holds", "Remove one.")
        bound[interface] = name
        if "per-user-override" in rest:
            text = "lists that a login brings may take precedence on this interface; they are not here"
            self.notes.warning("FW105", line.number, text)

    def _route(self, words: tuple[str, ...]) -> None:
        if len(words) < 3:
            return
        base, mask = words[1].split("/", 1) if "/" in words[1] else words[1:3]
        base, mask = (_UNSPECIFIED if word == "0" else self.objects.plain(word) for word in (base, mask))
        network = network_of(base, mask)
        if network is not None:
            self.routes.append(Route(network, words[0]))

    def _as_shown(self, lines: list[Line]) -> list[Line]:
        """Return the lines without what ``show access-list`` prints below a rule to spell its groups out."""
        kept: list[Line] = []
        for line in lines:
            before = kept[-1] if kept else None
            spelled = line.indented and before is not None and not before.indented
            if not (spelled and before is not None and "line" in line.words and line.words[:4] == before.words[:4]):
                kept.append(line)
        return kept

    def _access_list(self, line: Line) -> None:
        words = Words(line.words)
        words.take()
        name = words.peek()
        if not name or name.endswith(";") or name in _SETTINGS:
            return
        words.take()
        place = None
        if words.peek() == "line" and words.peek(1).isdigit():
            words.take()
            place = int(words.take()[:9]) - 1
        versions: frozenset[IpVersion] = frozenset({6}) if name in self.only_v6 else self.versions
        one = self.bindings.lists.setdefault(name, AccessList(name, line.number, versions))
        kind = words.peek()
        if kind == "remark":
            words.take()
            item: Entry | str = words.rest()
        else:
            item = Entry(line.number, name, "", line.text, hits=line.hits)
            self._fill(item, line, words, kind)
        # A number is a place among all lines, remarks too; what lies beyond the end goes to the end.
        one.items.insert(len(one.items) if place is None else max(place, 0), item)

    def _fill(self, entry: Entry, line: Line, words: Words, kind: str) -> None:
        if kind == "ethertype":
            entry.end(Fate.NOT_OURS, "FW108", "the rule is about frames that are not IP")
        elif kind == "webtype":
            entry.end(Fate.NOT_OURS, "FW107", "the rule is about the firewall's own web portal")
        elif kind in {"extended", "standard", *ACTIONS}:
            entry_of(self.objects, self.own, line, entry, words)
        else:
            text = f"{line.text}: {kind or 'nothing'} is no kind of access list"
            self.notes.error("FW150", line.number, text)
            entry.end(Fate.NOT_EXPRESSIBLE, "FW150")
            entry.reasons = (reason("FW150"),)


class _Section:
    """The lines about one interface."""

    _OWN = frozenset({"nameif", "security-level", "management-only"})

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._name = ""
        self._management = False

    def takes(self, line: Line) -> bool:
        """Read a line if it belongs to the section."""
        if not line.indented and line.first not in self._OWN and not line.starts("ip", "address"):
            return False
        known = self._reader.bindings.interfaces
        words = line.words
        match words[0]:
            case "nameif" if len(words) > 1:
                self._name = words[1]
                # The device's own default (ASA command reference, nameif).
                level = 100 if self._name == "inside" else 0
                known[self._name] = Interface(self._name, level, line.number, self._management)
            case "security-level" if len(words) > 1 and words[1].isdigit() and self._name:
                known[self._name] = replace(known[self._name], level=int(words[1][:9]))
            case "management-only":
                # It stands before the name or after it.
                self._management = True
                if self._name:
                    known[self._name] = replace(known[self._name], management=True)
            case "ip" | "ipv6" if words[1:2] == ("address",) and len(words) > 2 and self._name:
                self._address(words[2:])
            case _:
                self._reader.bindings.others.append(line)
        return True

    def _address(self, words: tuple[str, ...]) -> None:
        text, _slash, length = words[0].partition("/")
        plain = self._reader.objects.plain(text)
        network = network_of(plain, length or (words[1] if len(words) > 1 else "32"))
        try:
            own = AddressSet.of(address(plain))
        except UnreadableError:
            return
        before = self._reader.own.get(self._name, Ends())
        self._reader.own[self._name] = Ends.union([before, Ends.known(own)], f"interface {self._name}")
        if network is not None:
            self._reader.connected.append(Route(network, self._name))
