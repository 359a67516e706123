"""One packet's way through listed rules, step by step: to tell people, and to check what the diagrams say."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMP,
    ICMPV6,
    LONG,
    MARK,
    PROTOCOL,
    SOURCE,
    SPORT,
    STATE,
    STATES,
    Continue,
    Key,
    Listed,
    Look,
    Match,
    SetMark,
    Table,
    Unknown,
    UnknownMeaningError,
    Value,
    Verdict,
)
from compiler import intervals
from compiler.addresses import Address
from compiler.ruleset import Accept, Drop, Goto, Hook, Jump, Return

_DEEP = 32


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet at a hook. `state` is what connection tracking calls it, `kind` its type where it is ICMP of a sort.

    A `portless` one ends where ports would begin, unless its protocol has them.
    """

    hook: Hook
    source: Address
    destination: Address
    protocol: int
    dport: int = 0
    sport: int = 40000
    kind: int = 0
    state: str = "new"
    mark: int = 0
    portless: bool = False

    def number(self, key: Key, mark: int) -> int | None:
        """Return what a key is for this packet with its mark as it is by now; None where it has no such number."""
        version = self.source.version
        if key.version not in (None, version) or key.protocol not in (None, self.protocol):
            return None
        if key.field in {DPORT, SPORT} and self.portless and self.protocol not in LONG:
            return None
        numbers = {
            SOURCE: int(self.source),
            DESTINATION: int(self.destination),
            PROTOCOL: self.protocol,
            DPORT: self.dport,
            SPORT: self.sport,
            ICMP: self.kind,
            ICMPV6: self.kind,
            STATE: STATES.index(self.state),
            MARK: mark & key.mask,
        }
        return numbers[key.field]


@dataclass(frozen=True, slots=True)
class Asked:
    """A named table was asked for some numbers, and had this, in a tuple, or nothing."""

    table: str
    numbers: tuple[int, ...]
    found: tuple[Value] | None


@dataclass(frozen=True, slots=True)
class Entered:
    """The packet came into a chain."""

    chain: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule of a chain, by its place, had a say about the packet."""

    chain: str
    place: int


@dataclass(slots=True)
class Way:
    """Whether a packet gets through, and what it met."""

    accepted: bool = True
    steps: list[Asked | Entered | Ruled] = field(default_factory=list)

    @property
    def chains(self) -> list[str]:
        """The chains that it came into, in order."""
        return [step.chain for step in self.steps if isinstance(step, Entered)]

    @property
    def asked(self) -> list[Asked]:
        """What was asked for it, in order."""
        return [step for step in self.steps if isinstance(step, Asked)]


def follow(listed: Listed, packet: Packet) -> Way:
    """Follow a packet through the base chains of our table at its hook.

    Raises:
        UnknownMeaningError: it comes to something whose meaning is not known.

    """
    run = _Run(listed, packet, packet.mark)
    for name in listed.at(packet.hook.value):
        end = run.chain(name, 0)
        base = listed.chains[name].base
        if isinstance(end, Drop) or (isinstance(end, Return) and base is not None and not base.accepts):
            run.way.accepted = False
            break
    return run.way


@dataclass(slots=True)
class _Run:
    listed: Listed
    packet: Packet
    mark: int
    way: Way = field(default_factory=Way)

    def chain(self, name: str, depth: int) -> Accept | Drop | Return:
        if name not in self.listed.chains or depth > _DEEP:
            raise UnknownMeaningError(f"a rule leads to the chain {name}, which is not listed, or to itself")
        self.way.steps.append(Entered(name))
        for place, rule in enumerate(self.listed.chains[name].rules):
            verdict = self._verdict(rule.statements)
            if verdict is None:
                continue
            self.way.steps.append(Ruled(name, place))
            match verdict:
                case Jump(target):
                    end = self.chain(target, depth + 1)
                    if not isinstance(end, Return):
                        return end
                case Goto(target):
                    return self.chain(target, depth + 1)
                case Accept() | Drop() | Return():
                    return verdict
        return Return()

    def _verdict(self, statements: tuple[object, ...]) -> Accept | Drop | Return | Jump | Goto | None:
        for statement in statements:
            said: Verdict | None = None
            match statement:
                case Match(keys, table, negated):
                    numbers = self._numbers(keys)
                    if numbers is None or (self._found(table, numbers) is None) is not negated:
                        return None
                case Look(keys, table):
                    numbers = self._numbers(keys)
                    found = None if numbers is None else self._found(table, numbers)
                    if found is None:
                        return None
                    said = found[0]
                case SetMark(keep, flip):
                    self.mark = self.mark & keep ^ flip
                case Unknown(text):
                    raise UnknownMeaningError(f"a rule says {text}, whose meaning is not known here")
                case Accept() | Drop() | Return() | Jump() | Goto():
                    said = statement
            if said is not None and not isinstance(said, Continue):
                return said
        return None

    def _numbers(self, keys: tuple[Key, ...]) -> tuple[int, ...] | None:
        numbers = tuple(self.packet.number(key, self.mark) for key in keys)
        return None if None in numbers else tuple(number for number in numbers if number is not None)

    def _found(self, table: Table, numbers: tuple[int, ...]) -> tuple[Value] | None:
        if table.problem:
            raise UnknownMeaningError(table.problem)
        found = lookup(table, numbers)
        if table.name:
            self.way.steps.append(Asked(table.name, numbers, found))
        return found


def lookup(table: Table, numbers: tuple[int, ...]) -> tuple[Value] | None:
    """Return what a table has for some numbers, in a tuple; None where it does not hold them."""
    if table.boxes:
        return next(_held(table, numbers), None)
    place = bisect.bisect_right(table.pieces, numbers[0], key=lambda piece: piece[0][0]) - 1
    if place < 0 or numbers[0] > table.pieces[place][0][1]:
        return None
    return (table.pieces[place][1],)


def _held(table: Table, numbers: tuple[int, ...]) -> Iterator[tuple[Value]]:
    for box, value in table.boxes:
        if all(intervals.contains(ranges, number) for ranges, number in zip(box, numbers, strict=True)):
            yield (value,)
