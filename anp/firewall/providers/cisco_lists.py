"""Access lists of Cisco devices, and which of them are to be translated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from anp.firewall.matching import Match
from anp.firewall.model import Action, Condition, Fate, InterfaceMatch, Reason
from anp.firewall.providers.cisco_assembly import Entry, Notes, Plan, Step, default, steps
from anp.firewall.providers.cisco_text import Line
from anp.firewall.providers.provider import Options
from compiler.addresses import VERSIONS, IpVersion

_FOR_ITSELF = frozenset({"access-class", "snmp-server", "ntp", "http", "ssh", "telnet", "control-plane", "vty"})


@dataclass(slots=True, eq=False)
class AccessList:
    """One list; a remark among its items is the comment of the entry that follows."""

    name: str
    line: int
    versions: frozenset[IpVersion] = frozenset(VERSIONS)
    items: list[Entry | str] = field(default_factory=list)
    last: Entry | None = None
    """What holds of packets that no entry matches, made when it is asked for."""

    @property
    def entries(self) -> list[Entry]:
        """The entries, in order."""
        return [item for item in self.items if isinstance(item, Entry)]

    def finish(self) -> None:
        """Give each entry the remarks before it, and its place as a name where it has none."""
        remarks: list[str] = []
        place = 0
        for item in self.items:
            if isinstance(item, Entry):
                place += 1
                item.name = item.name or str(place)
                item.comment = " ".join(remarks)
                remarks.clear()
            else:
                remarks.append(item)

    def implicit_deny(self) -> Entry:
        """Return the deny at the end that nobody writes."""
        if self.last is None:
            line = max((entry.line for entry in self.entries), default=self.line)
            self.last = default(line, self.name, Action.DENY, "implicit deny at the end of the list", "FW004", "FW131")
        return self.last

    def plan(self, incoming: Sequence[str] = (), outgoing: Sequence[str] = (), *, first: Iterable[Step] = ()) -> Plan:
        """Return the list as packets by these interfaces meet it; `first` goes before it."""
        end = self.implicit_deny()
        return Plan(
            self.name,
            (*first, *steps([*self.entries, end])),
            self.versions,
            interface_match(incoming),
            interface_match(outgoing),
        )


def interface_match(names: Sequence[str], *, negated: bool = False) -> tuple[InterfaceMatch, ...]:
    """Match interfaces with these names; no name is no match."""
    return (InterfaceMatch(tuple(names), negated),) if names else ()


def chosen(lists: Mapping[str, AccessList], options: Options, notes: Notes) -> set[str]:
    """Return the names that somebody chose, as far as there are such lists."""
    for name in options.lists:
        if name not in lists:
            notes.error("FW151", 0, f"there is no access list {name}", f"There are: {', '.join(lists) or 'none'}.")
    return set(options.lists) & set(lists)


def unbound(
    lists: Iterable[AccessList], wanted: set[str], used: Mapping[str, Line], notes: Notes, *, alone: bool
) -> list[Plan]:
    """Return plans of lists that no interface has: those that are `wanted`, or the only one if there is but one.

    `used` are lines that use a list for something else; `alone` says that no list at all is bound to an interface.
    """
    lists = list(lists)
    candidates = [one for one in lists if one.entries and one.name not in used]
    meet = [one for one in lists if one.name in wanted]
    if not wanted and alone and len(candidates) == 1:
        meet = candidates
    elif not wanted and alone and candidates:
        names = ", ".join(one.name for one in candidates)
        text = f"no interface has any of the access lists {names}, so it is not known which packets meet which"
        notes.error("FW133", candidates[0].line, text, "Choose with --list, or add the lines that bind them.")
    for one in meet:
        text = f"no interface has the access list {one.name}, so all packets between segments meet it"
        notes.warning("FW133", one.line, text)
        end = one.implicit_deny()
        end.reasons = (*end.reasons, Reason("FW133", text))
    return [one.plan() for one in meet]


def set_aside(one: AccessList, used: Mapping[str, Line]) -> None:
    """Say of a list's entries why they are not translated."""
    line = used.get(one.name)
    for entry in one.entries:
        if line is None:
            entry.end(Fate.IMPLIED, "FW132", f"no interface has the access list {one.name}")
        elif {"nat", "global", "static"} & set(line.words):
            entry.end(Fate.NOT_OURS, "FW110", f"the list is for address translation: {line.text}")
        elif _FOR_ITSELF & set(line.words):
            entry.end(Fate.NOT_OURS, "FW107", f"the list is for the device itself: {line.text}")
        else:
            entry.end(Fate.NOT_OURS, "FW132", f"the list is for something else: {line.text}")


def uses(lists: Mapping[str, AccessList], lines: Iterable[Line]) -> dict[str, Line]:
    """Return for each list the first of some lines that has its name among its words."""
    found: dict[str, Line] = {}
    for line in lines:
        # The first word is the command, never the name.
        for word in line.words[1:]:
            if word in lists:
                found.setdefault(word, line)
    return found


def fill(one: AccessList, notes: Notes) -> None:
    """Give a list that an interface has and that is not there, or is empty, a rule that leaves everything open.

    Devices differ in what they make of that, and a text that is not whole looks the same.
    """
    if one.entries:
        return
    text = f"an interface has the access list {one.name}, but it has no rules here"
    notes.error("FW151", one.line, text, "Add its rules.")
    match = Match(conditions=(Condition("FW151", f"access list {one.name}, which is not here, permits it"),))
    one.items.append(Entry(one.line, one.name, "?", f"access list {one.name}", Action.PERMIT, (match,)))


def settle(lists: Iterable[AccessList], plans: Iterable[Plan], used: Mapping[str, Line]) -> list[Entry]:
    """Give fates to the entries of lists that no plan has; return the ends of those that one has."""
    having = {id(step.entry) for plan in plans for step in plan.steps}
    ends: list[Entry] = []
    for one in lists:
        end = one.last
        if end is not None and id(end) in having:
            ends.append(end)
        elif not any(id(entry) in having for entry in one.entries):
            set_aside(one, used)
    return ends
