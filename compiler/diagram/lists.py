"""Diagrams of first-match lists, made from the top down.

At each field the numbers are cut where some rule begins or ends. Between two cuts the same rules are still possible,
and what is below depends on nothing else, so it is made once for each set of them. A rule that matches all that is left
hides those behind it, which keeps the sets small and few.
"""

from collections.abc import Iterator, Sequence
from typing import Generic

from compiler.classes import numbers_in
from compiler.diagram.space import Box, Node, Space, V


def from_rules(space: Space, rules: Sequence[tuple[Box, V]], default: V) -> Node[V]:
    """Return the function that has the value of the first rule whose box holds the point, or the default."""
    everything = tuple(field.every for field in space.fields)
    live = [(box, value) for box, value in rules if all(box)]
    return _Builder(space, [*live, (everything, default)]).built(0, (1 << len(live) + 1) - 1)


class _Builder(Generic[V]):
    """Sets of rules are bit sets: bit i is the i-th rule."""

    def __init__(self, space: Space, rules: Sequence[tuple[Box, V]]) -> None:
        self._space = space
        self._values = [space.constant(value) for _box, value in rules]
        # By field: the ranges of each rule that the field can exclude, and the rules that it cannot.
        self._ranges = [
            {number: box[level] for number, (box, _value) in enumerate(rules) if box[level] != field.every}
            for level, field in enumerate(space.fields)
        ]
        everywhere = (1 << len(rules)) - 1
        self._cutting = [sum(1 << number for number in ranges) for ranges in self._ranges]
        self._sure = [everywhere]
        for cutting in reversed(self._cutting):
            self._sure.append(self._sure[-1] & ~cutting)
        self._sure.reverse()
        # By field: for each rule all those that match the same from that field on.
        self._alike: list[list[int]] = []
        for level in range(len(space.fields)):
            same: dict[Box, int] = {}
            for number, (box, _value) in enumerate(rules):
                same[box[level:]] = same.get(box[level:], 0) | 1 << number
            self._alike.append([same[box[level:]] for box, _value in rules])
        self._known: list[dict[int, Node[V]]] = [{} for _field in space.fields]

    def built(self, level: int, rules: int) -> Node[V]:
        """Return what the rules of a set say of the fields from `level` on; there is always one that matches."""
        sure = rules & self._sure[level]
        first_sure = sure & -sure
        rules &= (first_sure << 1) - 1
        if rules == first_sure:
            return self._values[first_sure.bit_length() - 1]
        node = self._known[level].get(rules)
        if node is None:
            node = self._known[level][rules] = self._made(level, self._first_of_each(level, rules))
        return node

    def _first_of_each(self, level: int, rules: int) -> int:
        """Leave out rules that are hidden by one that matches the same from here on, as where services repeat."""
        alike = self._alike[level]
        kept = 0
        while rules:
            first = rules & -rules
            kept |= first
            rules &= ~alike[first.bit_length() - 1]
        return kept

    def _made(self, level: int, rules: int) -> Node[V]:
        known = self._known[level]
        node = known.get(rules)
        if node is None:
            cutting = rules & self._cutting[level]
            node = known[rules] = self._cut(level, rules, cutting) if cutting else self.built(level + 1, rules)
        return node

    def _cut(self, level: int, rules: int, cutting: int) -> Node[V]:
        ranges = self._ranges[level]
        changes: dict[int, int] = {}
        for number in numbers_in(cutting):
            bit = 1 << number
            for first, last in ranges[number]:
                changes[first] = changes.get(first, 0) ^ bit
                changes[last + 1] = changes.get(last + 1, 0) ^ bit
        return self._space.decision(level, self._pieces(level, rules & ~cutting, changes))

    def _pieces(self, level: int, present: int, changes: dict[int, int]) -> Iterator[tuple[int, Node[V]]]:
        end = self._space.fields[level].last
        for cut in sorted(changes):
            if cut > 0:
                yield cut - 1, self.built(level + 1, present)
            present ^= changes[cut]
            if cut > end:
                return
        yield end, self.built(level + 1, present)
