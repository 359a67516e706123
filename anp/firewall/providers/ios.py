"""Access lists of Cisco IOS, IOS XE and NX-OS, whole configurations or pasted in part, and ``show access-lists``.

A list that an interface has `in` meets packets that come in there, with `out` those that go out. Interfaces without
one let everything pass. These lists keep no state: see `ios_lines` for what becomes of rules for replies.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from anp.firewall.model import Action, Fate, Firewall, Role
from anp.firewall.providers.asa import AsaProvider
from anp.firewall.providers.cisco_assembly import Entry, Notes, Plan, assemble, default, steps
from anp.firewall.providers.cisco_lists import AccessList, chosen, fill, interface_match, settle, unbound, uses
from anp.firewall.providers.cisco_literals import ACTIONS
from anp.firewall.providers.cisco_routes import Route, behind, network_of
from anp.firewall.providers.cisco_text import Line, Words, config_lines
from anp.firewall.providers.ios_lines import entry_of
from anp.firewall.providers.ios_objects import Objects, define
from anp.firewall.providers.provider import Options, Source
from compiler.addresses import VERSIONS, IpVersion

WITHOUT = "interfaces without access-group"

_TELLS = re.compile(
    r"""^\s*(?:
        ip\ access-list\ \S+ |
        ipv[46]\ access-list\ \S+ |
        access-list\ \d+\ (?:permit|deny|dynamic)\ |
        (?:Standard|Extended)\ IP\ access\ list\ |
        IPv6\ access\ list\ |
        ip\ access-group\ \S+\ (?:in|out)\b
    )""",
    re.MULTILINE | re.VERBOSE,
)
_SHOWN = re.compile(r"(Standard |Extended )?(IP|IPv6|IPV6) (?:access list|ACL) (\S+)", re.IGNORECASE)

_IN_LIST = frozenset({*ACTIONS, "remark", "evaluate", "dynamic", "statistics", "sequence", "fragments"})
_DIRECTIONS = {"in": "in", "out": "out", "ingress": "in", "egress": "out"}

_STANDARD = ((1, 99), (1300, 1999))
_EXTENDED = ((100, 199), (2000, 2699))


class IosProvider:
    """Reads access lists of Cisco routers and switches."""

    name: Final = "ios"
    title: Final = "Cisco IOS, IOS XE and NX-OS access lists"

    def recognises(self, source: Source) -> bool:
        """Say whether there is a line that only these have."""
        return _TELLS.search(source.text) is not None and not AsaProvider().recognises(source)

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a text; never raises because of what it says."""
        return _Reader(source, options).firewall()


class _Reader:
    def __init__(self, source: Source, options: Options) -> None:
        self.source = source
        self.options = options
        self.notes = Notes(source.name)
        self.objects = Objects(self.notes, options)
        self.lists: dict[str, AccessList] = {}
        self.numbered: dict[str, list[tuple[int, Entry | str]]] = {}
        """The items of each list, with the numbers that order them."""
        self.standard: set[str] = set()
        self.frames: set[str] = set()
        """Lists about frames, not packets."""
        self.rules: list[tuple[AccessList, Line, Words]] = []
        self.bound: dict[tuple[str, str], dict[str, IpVersion]] = {}
        """Interfaces by list and direction, and the family that is bound."""
        self.others: list[Line] = []
        self.entries: list[Entry] = []
        self.connected: list[Route] = []
        self.routes: list[Route] = []

    def firewall(self) -> Firewall:
        self._sections(list(config_lines(self.source, self.notes, banners=True)))
        for one, line, words in self.rules:
            self._rule(one, line, words)
        for one in self.lists.values():
            # Unlike the text, the device goes by numbers.
            one.items = [item for _number, item in sorted(self.numbered[one.name], key=lambda pair: pair[0])]
            one.finish()
        ends: list[Entry] = []
        plans = self._plans(ends)
        if not self.lists:
            self.notes.error("FW150", 0, "there is no access list in this text")
        written = [entry for one in self.lists.values() for entry in one.entries]
        return assemble(
            self.source,
            IosProvider.name,
            [*self.entries, *written, *ends],
            plans,
            self.notes,
            groups=self.objects.groups,
            interfaces=behind(self.connected, self.routes),
        )

    def _sections(self, lines: list[Line]) -> None:
        current: AccessList | None = None
        definition: Callable[[Line], None] | None = None
        interface = ""
        for line in lines:
            if current is not None and _belongs(line):
                self._inside(current, line)
            elif definition is not None and line.indented:
                definition(line)
            elif interface and (line.indented or line.starts("ip", "access-group") or line.starts("ip", "address")):
                self._on_interface(interface, line)
            elif definition is not None and line.first in {"host", "range", "group-object", "eq", "tcp", "udp"}:
                # The paste has lost its indentation.
                definition(line)
            else:
                current = self._list_of(line)
                definition = define(self.objects, line) if line.first == "object-group" else None
                interface = " ".join(line.words[1:]) if line.first == "interface" else ""
                if current is None and definition is None and not interface:
                    self._command(line)

    def _list_of(self, line: Line) -> AccessList | None:
        """Return the list that a line begins, if it does."""
        words = line.words
        shown = _SHOWN.match(line.text) if not line.indented else None
        if shown is not None:
            if (shown[1] or "").startswith("Standard"):
                self.standard.add(shown[3])
            return self._list(shown[3], line, 4 if shown[2] == "IP" else 6)
        match words:
            case ("ip", "access-list", "standard" | "extended" as kind, name):
                if kind == "standard":
                    self.standard.add(name)
                return self._list(name, line, 4)
            case ("ip" | "ipv4", "access-list", name):
                return self._list(name, line, 4)
            case ("ipv6", "access-list", name):
                return self._list(name, line, 6)
            case ("mac", "access-list", "extended", name) | ("mac", "access-list", name):
                self.frames.add(name)
                return self._list(name, line, 4)
        return None

    def _list(self, name: str, line: Line, version: IpVersion) -> AccessList:
        self.numbered.setdefault(name, [])
        return self.lists.setdefault(name, AccessList(name, line.number, frozenset({version})))

    def _inside(self, one: AccessList, line: Line) -> None:
        if line.first == "no":
            self._taken_away(line)
        else:
            self.rules.append((one, line, Words(line.words)))

    def _command(self, line: Line) -> None:
        words = line.words
        if line.first == "access-list" and len(words) > 2:
            number = int(words[1]) if words[1].isdigit() and len(words[1]) < 6 else 0
            if _within(number, _STANDARD):
                self.standard.add(words[1])
            elif not _within(number, _EXTENDED):
                self.frames.add(words[1])
            self.rules.append((self._list(words[1], line, 4), line, Words(words[2:])))
        elif line.first == "no" and "access-list" in words:
            self._taken_away(line)
        elif line.starts("ip", "nat") and not line.indented:
            self._nat(line)
        elif line.starts("ip", "route") or line.starts("ipv6", "route"):
            self._route(words[2:])
        else:
            if line.starts("zone-pair", "security"):
                text = "zone-based firewalls are not read, only access lists"
                self.notes.warning("FW108", line.number, text)
            self.others.append(line)

    def _taken_away(self, line: Line) -> None:
        text = f"{line.text}: commands that take something away are not carried out"
        self.notes.error("FW150", line.number, text, "Give the configuration as the device shows it.")

    def _nat(self, line: Line) -> None:
        self.others.append(line)
        entry = Entry(line.number, "nat", str(line.number), line.text, role=Role.NAT)
        entry.end(Fate.NOT_OURS, "FW110")
        self.entries.append(entry)

    def _route(self, words: tuple[str, ...]) -> None:
        if words[:1] == ("vrf",):
            words = words[2:]
        if len(words) < 2:
            return
        base, slash, length = words[0].partition("/")
        mask, target = (length, words[1]) if slash else (words[1], words[2] if len(words) > 2 else "")
        network = network_of(base, mask)
        if network is not None and target:
            by_address = target[0].isdigit() or ":" in target
            self.routes.append(Route(network, via=target) if by_address else Route(network, target))

    def _on_interface(self, interface: str, line: Line) -> None:
        words = line.words
        match words:
            case ("ip" | "ipv4", "access-group", name, way, *_rest) if way in _DIRECTIONS:
                self._bind(name, way, interface, 4, line)
            case ("ip", "port", "access-group", name, way, *_rest) if way in _DIRECTIONS:
                self._bind(name, way, interface, 4, line)
            case ("ipv6", "traffic-filter" | "access-group", name, way, *_rest) if way in _DIRECTIONS:
                self._bind(name, way, interface, 6, line)
            case ("ipv6", "port", "traffic-filter", name, way, *_rest) if way in _DIRECTIONS:
                self._bind(name, way, interface, 6, line)
            case ("ip" | "ipv4" | "ipv6", "access-group" | "traffic-filter", *_rest):
                self.notes.error("FW150", line.number, f"{line.text}: the list or its direction is missing")
            case ("ip" | "ipv4" | "ipv6", "address", base, *rest):
                plain, _slash, length = base.partition("/")
                network = network_of(plain, length or (rest[0] if rest else ""))
                if network is not None:
                    self.connected.append(Route(network, interface))
            case _:
                self.others.append(line)

    def _bind(self, name: str, way: str, interface: str, version: IpVersion, line: Line) -> None:
        self.bound.setdefault((name, _DIRECTIONS[way]), {})[interface] = version
        # Its rules may stand further down, or nowhere.
        self._list(name, line, version)

    def _rule(self, one: AccessList, line: Line, words: Words) -> None:
        items = self.numbered[one.name]
        words.took("sequence")
        number = max((number for number, _item in items[-1:]), default=0) + 10
        named = ""
        if words.peek().isdigit():
            named = words.take()
            number = int(named[:18])
        if words.peek() in {"statistics", "fragments", ""}:
            return
        if words.took("remark"):
            items.append((number, words.rest()))
            return
        entry = Entry(line.number, one.name, named, line.text, hits=line.hits)
        if one.name in self.frames:
            entry.end(Fate.NOT_OURS, "FW106", "the list is about frames, not about packets")
        else:
            version: IpVersion = 6 if one.versions == {6} else 4
            entry_of(self.objects, line, entry, words, version, standard=one.name in self.standard)
        items.append((number, entry))

    def _plans(self, ends: list[Entry]) -> list[Plan]:
        wanted = chosen(self.lists, self.options, self.notes)
        used = uses(self.lists, self.others)
        bound = {name for name, _way in self.bound}
        for name in sorted(bound):
            fill(self.lists[name], self.notes)
        plans = [*self._bound(wanted)]
        if bound and not wanted:
            plans += self._without(ends)
        for version in VERSIONS:
            its = [
                one for one in self.lists.values() if one.name not in bound | self.frames and version in one.versions
            ]
            alone = not any(version in self.lists[name].versions for name in bound)
            plans += unbound(its, wanted, used, self.notes, alone=alone)
        ends += settle(self.lists.values(), plans, {name: line for name, line in used.items() if name not in bound})
        return plans

    def _bound(self, wanted: set[str]) -> Iterator[Plan]:
        for (name, way), interfaces in self.bound.items():
            if not wanted or name in wanted:
                names = tuple(interfaces)
                one = self.lists[name]
                yield one.plan(incoming=names) if way == "in" else one.plan(outgoing=names)

    def _without(self, ends: list[Entry]) -> Iterator[Plan]:
        """Yield what holds of packets that come in where there is no list, for each family that has lists."""
        for version in VERSIONS:
            ways: list[Mapping[str, IpVersion]] = [
                {name: its for name, its in interfaces.items() if its == version and way == "in"}
                for (_name, way), interfaces in self.bound.items()
                if version in interfaces.values()
            ]
            if ways:
                end = default(0, WITHOUT, Action.PERMIT, "without a list everything may pass", "FW131")
                ends.append(end)
                incoming = interface_match(tuple(dict.fromkeys(name for names in ways for name in names)), negated=True)
                yield Plan(WITHOUT, tuple(steps([end])), frozenset({version}), incoming)


def _belongs(line: Line) -> bool:
    """Say whether a line belongs to the list before it, even where a paste has lost the indentation."""
    first = line.words[1] if line.first.isdigit() and len(line.words) > 1 else line.first
    return line.indented or first in _IN_LIST


def _within(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= number <= last for first, last in ranges)
