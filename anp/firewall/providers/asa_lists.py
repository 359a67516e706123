"""Which packets of an ASA meet which list: access groups, the global one, and what the platform holds without any.

A packet that comes in by an interface with an access group meets that list, then the global one, then a deny. Without
either, it may go to interfaces of lower security levels. Whatever the lists say, it needs a word of its own to go
between interfaces of one level, or out by where it came in. Last it meets the list of the interface where it goes out.

Source: "Access Rules" and "Interfaces, security level" in the ASA configuration guides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from anp.firewall.matching import Match
from anp.firewall.model import Action, Condition
from anp.firewall.providers.cisco_assembly import Entry, Notes, Plan, Step, default, steps
from anp.firewall.providers.cisco_lists import AccessList, chosen, fill, interface_match, settle, unbound, uses
from anp.firewall.providers.cisco_text import Line
from anp.firewall.providers.provider import Options

WITHOUT = "interfaces without access-group"


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface with a name; what is for management alone lets nothing through."""

    name: str
    level: int
    line: int
    management: bool = False


@dataclass(slots=True)
class Bindings:
    """What a configuration says of lists and interfaces."""

    lists: dict[str, AccessList] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    incoming: dict[str, str] = field(default_factory=dict)
    outgoing: dict[str, str] = field(default_factory=dict)
    everywhere: str = ""
    """The name of the global list."""
    between_equals: bool = False
    back_out: bool = False
    others: list[Line] = field(default_factory=list)
    """Lines that may use lists for something else."""


def plans(bindings: Bindings, options: Options, notes: Notes, made: list[Entry]) -> list[Plan]:
    """Return the lists to be; entries that nobody wrote are added to `made`."""
    wanted = chosen(bindings.lists, options, notes)
    used = uses(bindings.lists, bindings.others)
    bound = _existing(bindings, notes)
    found = [*_planned(bindings, wanted, notes, made)]
    loose = [one for one in bindings.lists.values() if one.name not in bound]
    found += unbound(loose, wanted, used, notes, alone=not bound)
    made += settle(bindings.lists.values(), found, {name: line for name, line in used.items() if name not in bound})
    return found


def _existing(bindings: Bindings, notes: Notes) -> set[str]:
    """Return the lists that are bound, and make those that do not exist."""
    bound = {*bindings.incoming.values(), *bindings.outgoing.values(), *filter(None, [bindings.everywhere])}
    for name in sorted(bound):
        fill(bindings.lists.setdefault(name, AccessList(name, 0)), notes)
    return bound


def _planned(bindings: Bindings, wanted: set[str], notes: Notes, made: list[Entry]) -> Iterator[Plan]:
    """Yield the plans of lists that interfaces have."""
    everywhere = bindings.lists.get(bindings.everywhere) if not wanted or bindings.everywhere in wanted else None
    levels = _LevelRules(bindings, made)
    for name, interfaces in _by_list(bindings.incoming).items():
        if wanted and name not in wanted:
            continue
        own = bindings.lists[name]
        plan = own.plan(interfaces, first=levels.denials(interfaces))
        if everywhere is not None and everywhere is not own:
            # The deny at the end comes after the global list.
            plan = replace(plan, steps=(*plan.steps[:-1], *everywhere.plan().steps))
        yield plan
    if everywhere is not None:
        yield from _global(everywhere, bindings, levels)
    elif not wanted:
        yield from _without(bindings, levels, notes, made)
    for name, interfaces in _by_list(bindings.outgoing).items():
        if not wanted or name in wanted:
            yield bindings.lists[name].plan(outgoing=interfaces)


def _by_list(bound: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the interfaces that have each list."""
    found: dict[str, list[str]] = {}
    for interface, name in bound.items():
        found.setdefault(name, []).append(interface)
    return found


def _rest(bindings: Bindings) -> list[str]:
    """Return the interfaces that have no list for what comes in, and let anything through at all."""
    return [
        one.name for one in bindings.interfaces.values() if one.name not in bindings.incoming and not one.management
    ]


def _without(bindings: Bindings, levels: "_LevelRules", notes: Notes, made: list[Entry]) -> Iterator[Plan]:
    """Yield what holds of packets that come in where there is no list, if there are lists elsewhere."""
    rest = _rest(bindings)
    if bindings.incoming and not bindings.interfaces:
        yield _unknown(bindings.incoming, notes, made)
    elif rest and (bindings.incoming or bindings.outgoing):
        yield Plan(WITHOUT, tuple(levels.without_list(rest)), incoming=interface_match(rest))


def _global(everywhere: AccessList, bindings: Bindings, levels: "_LevelRules") -> Iterator[Plan]:
    rest = _rest(bindings)
    if rest or not bindings.interfaces:
        plan = everywhere.plan(rest, first=levels.denials(rest))
        # Without interface sections: wherever no list of its own is.
        others = interface_match(rest) or interface_match(tuple(bindings.incoming), negated=True)
        yield Plan(everywhere.name, plan.steps, plan.versions, others)


def _unknown(names: Iterable[str], notes: Notes, made: list[Entry]) -> Plan:
    text = "the text has no interface sections, so it is not known what other interfaces let through"
    notes.warning("FW131", 0, text, "Add the sections with nameif and security-level.")
    permit = default(0, WITHOUT, Action.PERMIT, "from higher to lower security level", "FW131")
    permit.matches = (Match(conditions=(Condition("FW131", "the security levels of the interfaces let it pass"),)),)
    deny = default(0, WITHOUT, Action.DENY, "implicit deny", "FW131")
    made += (permit, deny)
    return Plan(WITHOUT, tuple(steps([permit, deny])), incoming=interface_match(tuple(names), negated=True))


class _LevelRules:
    """The rules that come from security levels; each is one entry, however many interfaces it is about."""

    def __init__(self, bindings: Bindings, made: list[Entry]) -> None:
        self._bindings = bindings
        self._made = made
        self._entries: dict[str, Entry] = {}

    def denials(self, names: Sequence[str]) -> Iterator[Step]:
        """Yield what packets that come in by these interfaces may not do whatever a list says."""
        for name in names:
            if name not in self._bindings.interfaces:
                continue
            if not self._bindings.back_out:
                yield self._step(Action.DENY, "no same-security-traffic permit intra-interface", name, [name])
            equal = self._others(name, 0)
            if equal and not self._bindings.between_equals:
                yield self._step(Action.DENY, "no same-security-traffic permit inter-interface", name, equal)

    def without_list(self, names: Sequence[str]) -> Iterator[Step]:
        """Yield all rules for packets that come in by interfaces without a list."""
        yield from self.denials(names)
        for name in names:
            lower = self._others(name, -1)
            if lower:
                yield self._step(Action.PERMIT, "from higher to lower security level", name, lower)
            own = [*(self._others(name, 0) if self._bindings.between_equals else [])]
            own += [name] if self._bindings.back_out else []
            if own:
                yield self._step(Action.PERMIT, "same-security-traffic permit", name, own)
        end = self._entry(Action.DENY, "from lower to higher security level")
        yield Step(end, Action.DENY, Match())

    def _others(self, name: str, order: int) -> list[str]:
        """Return the other interfaces whose level is lower (-1) or the same (0)."""
        level = self._bindings.interfaces[name].level
        return [
            one.name
            for one in self._bindings.interfaces.values()
            if one.name != name and not one.management and (one.level > level) - (one.level < level) == order
        ]

    def _step(self, action: Action, text: str, incoming: str, outgoing: Sequence[str]) -> Step:
        match = Match(incoming=interface_match([incoming]), outgoing=interface_match(outgoing))
        return Step(self._entry(action, text), action, match)

    def _entry(self, action: Action, text: str) -> Entry:
        if text not in self._entries:
            line = max((one.line for one in self._bindings.interfaces.values()), default=0)
            self._entries[text] = default(line, "security levels", action, text, "FW131")
            self._made.append(self._entries[text])
        return self._entries[text]
