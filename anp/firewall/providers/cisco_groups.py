"""Named groups that hold things and other groups."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_parts import Ends, Traffic
from anp.firewall.providers.provider import Options

T = TypeVar("T")


@dataclass(slots=True)
class Group(Generic[T]):
    """What one group says: its own things, and the groups in it with the lines that say so."""

    line: int
    things: list[T] = field(default_factory=list)
    inner: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Groups(Generic[T]):
    """The groups of one kind; `join` makes one thing of several, `missing` one for a name that a line only uses."""

    join: Callable[[Iterable[T]], T]
    missing: Callable[[str, int], T]
    notes: Notes
    named: dict[str, Group[T]] = field(default_factory=dict)
    _known: dict[str, T] = field(default_factory=dict)

    def define(self, name: str, line: int) -> Group[T]:
        """Return a group to be filled; what is defined twice goes on."""
        return self.named.setdefault(name, Group(line))

    def __contains__(self, name: str) -> bool:
        return name in self.named

    def get(self, name: str, line: int) -> T:
        """Return all that is in a group, for a line that asks."""
        if name not in self._known:
            self._known[name] = self._all(name) if name in self.named else self.missing(name, line)
        return self._known[name]

    def _all(self, name: str) -> T:
        # All that can be come to from here is in the group: a loop adds nothing, but no device takes one.
        seen = {name}
        todo = [name]
        things: list[T] = []
        while todo:
            group = self.named[todo.pop()]
            things += group.things
            for inner, at in group.inner:
                if inner == name:
                    self.notes.error("FW151", at, f"group {name} contains itself")
                if inner in seen:
                    continue
                seen.add(inner)
                if inner in self.named:
                    todo.append(inner)
                else:
                    things.append(self.missing(inner, at))
        return self.join(things)


def ends_groups(notes: Notes, options: Options) -> Groups[Ends]:
    """Make groups of addresses; names that are not defined may have addresses in the options."""

    def missing(name: str, line: int) -> Ends:
        if name in options.groups:
            return Ends.known(options.groups[name])
        notes.error("FW151", line, f"{name} is not defined")
        return Ends.unknown("FW151", f"in {name}, which is not defined")

    return Groups(Ends.union, missing, notes)


def traffic_groups(notes: Notes) -> Groups[Traffic]:
    """Make groups of services."""

    def missing(name: str, line: int) -> Traffic:
        notes.error("FW151", line, f"{name} is not defined")
        return Traffic.unknown("FW151", f"service {name}, which is not defined")

    return Groups(Traffic.union, missing, notes)
