"""The packets of one family at one hook, as the points of a space of diagrams, and questions about them as diagrams."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

from anp.analysis.prove.ends import End, Questions, Side, is_crossed
from anp.analysis.prove.language import (
    DESTINATION,
    DPORT,
    ICMP,
    ICMP_PROTOCOL,
    ICMPV6,
    ICMPV6_PROTOCOL,
    LAST,
    LONG,
    MARK,
    PORTLESS,
    PROTOCOL,
    SCTP,
    SOURCE,
    SPORT,
    STATE,
    STATES,
    TCP,
    UDP,
    Key,
    Table,
    UnknownMeaningError,
    Value,
)
from compiler import intervals
from compiler.addresses import IpVersion
from compiler.diagram.algebra import apply
from compiler.diagram.lists import from_rules
from compiler.diagram.space import Box, Field, Node, Space
from compiler.diagram.traffic import PORT
from compiler.intervals import Ranges
from compiler.ruleset import MARK_BITS, Hook

V = TypeVar("V", bound=Hashable)

Mark: TypeAlias = tuple[int, int]
"""What has become of the mark with which a packet came: ``mark & keep ^ flip``."""
UNTOUCHED: Mark = (MARK_BITS, 0)

Found: TypeAlias = tuple[Value] | None
"""What a table has for a packet, in a tuple, as a set has nothing; None where it does not hold it."""

_BIT = "mark bit {}"
_BITS = 32
_LIKELY = (TCP, UDP, ICMP_PROTOCOL, SCTP)


@dataclass(frozen=True, slots=True)
class Region:
    """Packets of one family at one hook: those of ICMPv6, which have types, or with `icmpv6` false all others."""

    hook: Hook
    version: IpVersion
    icmpv6: bool = False


_SORTS: tuple[tuple[IpVersion, bool], ...] = ((4, False), (6, False), (6, True))
REGIONS = tuple(Region(hook, version, icmpv6) for hook in Hook for version, icmpv6 in _SORTS)


class PacketSpace(Space):
    """One region's packets. Addresses are the numbers of ends, of which each role has those that cross the hook.

    Upper fields are those on which the fewest others depend; the bits of the mark come last, as rules seldom ask what a
    packet came with.
    """

    def __init__(self, region: Region, ends: Sequence[End], questions: Questions) -> None:
        self.region = region
        self.sources = tuple(end for end in ends if is_crossed(region.hook, SOURCE, end.side))
        self.destinations = tuple(end for end in ends if is_crossed(region.hook, DESTINATION, end.side))
        self._questions = questions
        upper = [Field(STATE, LAST[STATE], preferred=(STATES.index("new"),))]
        lower = [
            # ICMPv6 is a region of its own, and the numbers of other protocols close the gap.
            Field(PROTOCOL, LAST[PROTOCOL] - (region.version == 6), preferred=_LIKELY),
            Field(DPORT, LAST[DPORT], preferred=PORT.preferred),
            Field(SPORT, LAST[SPORT], preferred=(40000,)),
            Field(ICMP, LAST[ICMP], preferred=(8,)),
            Field(PORTLESS, LAST[PORTLESS], preferred=(0,)),
        ]
        if region.icmpv6:
            upper.append(Field(ICMPV6, LAST[ICMPV6], preferred=(128,)))
            lower = [field for field in lower if field.name == DPORT]
        super().__init__(
            [
                *upper,
                Field(SOURCE, len(self.sources) - 1),
                Field(DESTINATION, len(self.destinations) - 1),
                *lower,
                *(Field(_BIT.format(bit), 1) for bit in reversed(range(_BITS))),
            ]
        )
        self.missed: Node[Found] = self.constant(None)
        self._known: dict[tuple[Key, Table], Node[Found]] = {}

    def ends(self, role: str) -> tuple[End, ...]:
        """Return the ends that are the numbers of one role."""
        return self.sources if role == SOURCE else self.destinations

    def by_end(self, role: str, value: Callable[[Side], Node[V]]) -> Node[V]:
        """Return a function of one end."""
        return self.decision(
            self.level(role), ((number, value(end.side)) for number, end in enumerate(self.ends(role)))
        )

    def of_protocols(self, ranges: Ranges) -> Ranges:
        """Return the numbers of the field for some protocols."""
        if self.region.version == 4:
            return ranges
        gap = ICMPV6_PROTOCOL
        kept = intervals.difference(ranges, ((gap, gap),))
        return intervals.union((first - (first > gap), last - (last > gap)) for first, last in kept)

    def protocol(self, number: int) -> int:
        """Return the protocol of a number of the field."""
        return number + (self.region.version == 6 and number >= ICMPV6_PROTOCOL)

    def protocols(self, numbers: Ranges) -> Ranges:
        """Return the protocols of some numbers of the field."""
        found = intervals.union((self.protocol(first), self.protocol(last)) for first, last in numbers)
        gap = ICMPV6_PROTOCOL
        return intervals.difference(found, ((gap, gap),)) if self.region.version == 6 else found

    # Questions.

    def has(self, key: Key) -> Node[bool]:
        """Say of which packets a key is a number at all."""
        yes, no = self.constant(True), self.constant(False)  # noqa: FBT003
        if key.version is not None and key.version != self.region.version:
            return no
        if self.region.icmpv6:
            return yes if key.protocol in (None, ICMPV6_PROTOCOL) else no
        long: Node[bool] = yes
        if key.field in {DPORT, SPORT}:
            own = self.of_protocols(intervals.union((number, number) for number in LONG))
            long = self.literal(PROTOCOL, own, yes, self.literal(PORTLESS, ((0, 0),), yes, no))
        if key.protocol is None:
            return long
        numbers = self.of_protocols(((key.protocol, key.protocol),))
        known = self.literal(PROTOCOL, numbers, yes, no) if numbers else no
        return apply(self, lambda one, other: one and other, known, long)

    def untold(self) -> Node[bool]:
        """Say of which packets no listing tells what becomes of them: ICMP in IPv6, and ICMPv6 in IPv4.

        Of a rule that asks for one of these protocols, nft does not list whether it asks for the family as well.
        """
        yes, no = self.constant(True), self.constant(False)  # noqa: FBT003
        if self.region.icmpv6:
            return no
        odd = ICMPV6_PROTOCOL if self.region.version == 4 else ICMP_PROTOCOL
        return self.literal(PROTOCOL, self.of_protocols(((odd, odd),)), yes, no)

    def look(self, keys: tuple[Key, ...], table: Table, mark: Mark) -> Node[Found]:
        """Return what a table has for packets which have all of these keys, and the mark as it is by now.

        Raises:
            UnknownMeaningError: the table's meaning is not known, or it says two things of one packet.

        """
        if table.problem:
            raise UnknownMeaningError(table.problem)
        if len(keys) > 1:
            return self._joined(keys, table, mark)
        (key,) = keys
        if key.field == MARK:
            return self._of_mark(key, table, mark)
        known = self._known.get((key, table))
        if known is None:
            known = self._known[key, table] = self._single(key, table)
        return known

    def _single(self, key: Key, table: Table) -> Node[Found]:
        if key.field in {SOURCE, DESTINATION}:
            place = self._questions.place(table)
            answers: Iterator[Node[Found]] = (
                self.constant(cast("Found", end.answers[place])) for end in self.ends(key.field)
            )
            return self.decision(self.level(key.field), enumerate(answers))
        if self.region.icmpv6 and key.field == PROTOCOL:
            own = (value for (first, last), value in table.pieces if first <= ICMPV6_PROTOCOL <= last)
            return self.constant(next(((value,) for value in own), None))
        level = self._level(key)
        pieces: list[tuple[int, Node[Found]]] = []
        end = -1
        for numbers, value in table.pieces:
            for first, last in self.of_protocols((numbers,)) if key.field == PROTOCOL else (numbers,):
                if first > end + 1:
                    pieces.append((first - 1, self.missed))
                pieces.append((last, self.constant((value,))))
                end = last
        if end < self.fields[level].last:
            pieces.append((self.fields[level].last, self.missed))
        return self.decision(level, pieces)

    def _level(self, key: Key) -> int:
        try:
            return self.level(key.field)
        except KeyError:
            raise UnknownMeaningError(f"a rule asks packets of ICMPv6 for their {key.field}") from None

    def _of_mark(self, key: Key, table: Table, mark: Mark) -> Node[Found]:
        """Ask for bits of the mark: those that are known, and of the others bit by bit what they came with."""
        keep, flip = mark[0] & key.mask, mark[1] & key.mask

        def below(bit: int, value: int, pieces: Sequence[tuple[tuple[int, int], Value]]) -> Node[Found]:
            free = keep & (1 << bit + 1) - 1
            known = value | flip & (1 << bit + 1) - 1 & ~keep
            low, high = known, known | free
            held = [piece for piece in pieces if piece[0][0] <= high and low <= piece[0][1]]
            if not held:
                return self.missed
            if len({value for _numbers, value in held}) == 1 and intervals.union(n for n, _v in held) == ((low, high),):
                return self.constant((held[0][1],))
            if len(held) == 1 and held[0][0][0] <= low and high <= held[0][0][1]:
                return self.constant((held[0][1],))
            while not keep >> bit & 1:
                known_bit = flip & 1 << bit
                value |= known_bit
                bit -= 1
            zero, one = (below(bit - 1, value | set_to << bit, held) for set_to in (0, 1))
            if flip >> bit & 1:
                zero, one = one, zero
            return self.decision(self.level(_BIT.format(bit)), ((0, zero), (1, one)))

        return below(_BITS - 1, 0, table.pieces)

    def _joined(self, keys: tuple[Key, ...], table: Table, mark: Mark) -> Node[Found]:
        """Ask for several keys at once."""
        rules = [
            (box, (value,)) for parts, value in table.boxes for box in self._box(keys, parts, table, mark) if all(box)
        ]
        found: Node[Found] = from_rules(self, rules, None)
        if found is not from_rules(self, rules[::-1], None):
            raise UnknownMeaningError(f"elements of @{table.name or 'a map in a rule'} overlap and do not say the same")
        return found

    def _box(self, keys: tuple[Key, ...], parts: tuple[Ranges, ...], table: Table, mark: Mark) -> Iterator[Box]:
        box = [field.every for field in self.fields]
        element = next(number for number, (known, _value) in enumerate(table.boxes) if known is parts)
        for number, (key, ranges) in enumerate(zip(keys, parts, strict=True)):
            if key.field == MARK:
                if mark[0] & key.mask:
                    raise UnknownMeaningError(
                        "a rule asks for the mark that packets came with, and something else at once"
                    )
                if not intervals.contains(ranges, mark[1] & key.mask):
                    return
                continue
            numbers = ranges
            if key.field in {SOURCE, DESTINATION}:
                place = self._questions.place(table, number)
                held = (n for n, end in enumerate(self.ends(key.field)) if (_bits(end.answers[place]) >> element) & 1)
                numbers = intervals.union((n, n) for n in held)
            elif key.field == PROTOCOL:
                if self.region.icmpv6:
                    if not intervals.contains(ranges, ICMPV6_PROTOCOL):
                        return
                    continue
                numbers = self.of_protocols(ranges)
            level = self._level(key)
            box[level] = intervals.intersection(box[level], numbers)
        yield tuple(box)


def _bits(answer: object) -> int:
    return answer if isinstance(answer, int) else 0


def numbers_of(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield every number of some ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)
