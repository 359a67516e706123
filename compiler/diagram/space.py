"""What diagrams are made of: fields, nodes, and the one table that holds every node once.

A diagram is a total function of points, which have one number for each field, to values. On the way down every node
asks about one field, in the order of the fields, and each of its children is the answer for a range of numbers.
Ordered, reduced and held once, diagrams are canonical: two of one space are the same object exactly when they are
the same function (Strehl and Thiele call them interval decision diagrams, Gouda and Liu firewall decision diagrams).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from compiler import intervals
from compiler.intervals import Range, Ranges

V = TypeVar("V", bound=Hashable)

BELOW_ALL = 1 << 30
"""The level of values, deeper than any field's."""


@dataclass(frozen=True, slots=True)
class Field:
    """One dimension of points: the numbers from 0 to `last`; of many answers, people would rather see `preferred`."""

    name: str
    last: int
    preferred: tuple[int, ...] = ()

    @property
    def every(self) -> Ranges:
        """All of its numbers."""
        return ((0, self.last),)


class Terminal(Generic[V]):
    """The same value whatever else is asked."""

    __slots__ = ("value",)
    level = BELOW_ALL

    def __init__(self, value: V) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Terminal({self.value!r})"


class Decision(Generic[V]):
    """A question about the field of number `level`: up to ``lasts[0]`` the answer is ``children[0]``, and so on.

    Neighbours differ, there are at least two, and the last of `lasts` is the field's. Only a `Space` makes these.
    """

    __slots__ = ("children", "lasts", "level")

    def __init__(self, level: int, lasts: tuple[int, ...], children: "tuple[Node[V], ...]") -> None:
        self.level = level
        self.lasts = lasts
        self.children = children

    def edges(self) -> "Iterator[tuple[Range, Node[V]]]":
        """Yield each range with its child, ascending."""
        first = 0
        for last, child in zip(self.lasts, self.children, strict=True):
            yield (first, last), child
            first = last + 1

    def branches(self) -> "Mapping[Node[V], Ranges]":
        """Return each child once with all of its ranges, in order of their first."""
        found: dict[Node[V], list[Range]] = {}
        for numbers, child in self.edges():
            found.setdefault(child, []).append(numbers)
        return {child: tuple(ranges) for child, ranges in found.items()}

    def __repr__(self) -> str:
        return f"Decision(level={self.level}, {len(self.children)} children)"


Node: TypeAlias = Terminal[V] | Decision[V]

Box: TypeAlias = tuple[Ranges, ...]
"""Every combination of some numbers of each field, in the order of the fields; a field without numbers empties it."""

Point: TypeAlias = tuple[int, ...]
"""One number for each field, in the order of the fields."""


class Space:
    """Fields in a fixed order, and every node over them once.

    Nodes of different spaces must not meet. What a space holds is freed with it, not before; values that are ``==`` are
    one value.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self._levels = {field.name: level for level, field in enumerate(self.fields)}
        if len(self._levels) != len(self.fields):
            raise ValueError("two fields have one name")
        self._terminals: dict[Hashable, Terminal[Any]] = {}
        self._decisions: dict[tuple[int, tuple[int, ...], tuple[Node[Any], ...]], Decision[Any]] = {}

    def __len__(self) -> int:
        """Return the number of nodes ever made, which is what its memory grows with."""
        return len(self._terminals) + len(self._decisions)

    def level(self, field: str) -> int:
        """Return the place of a field by its name.

        Raises:
            KeyError: there is no such field.

        """
        return self._levels[field]

    def box(self, **numbers: Ranges) -> Box:
        """Make a box of some numbers of the fields named and all of the others.

        Raises:
            KeyError: there is no such field.
            ValueError: ranges are not canonical, or leave the field.

        """
        box = [field.every for field in self.fields]
        for name, ranges in numbers.items():
            level = self.level(name)
            if intervals.union(ranges) != ranges or intervals.difference(ranges, self.fields[level].every):
                raise ValueError(f"{ranges} are no ranges of {name} in canonical form")
            box[level] = ranges
        return tuple(box)

    def constant(self, value: V) -> Node[V]:
        """Return the function that has one value everywhere."""
        terminal = self._terminals.get(value)
        if terminal is None:
            terminal = self._terminals[value] = Terminal(value)
        return cast("Terminal[V]", terminal)

    def decision(self, level: int, pieces: Iterable[tuple[int, Node[V]]]) -> Node[V]:
        """Return the function that asks about one field: pieces are a last number and what holds up to it, ascending.

        The last piece must end where the field ends, and no child may ask about this field or one before it.
        """
        lasts: list[int] = []
        children: list[Node[V]] = []
        for last, child in pieces:
            if children and children[-1] is child:
                lasts[-1] = last
            else:
                lasts.append(last)
                children.append(child)
        if len(children) == 1:
            return children[0]
        key = (level, tuple(lasts), tuple(children))
        node = self._decisions.get(key)
        if node is None:
            node = self._decisions[key] = Decision(*key)
        return node

    def literal(self, field: str, numbers: Ranges, then: Node[V], otherwise: Node[V]) -> Node[V]:
        """Return `then` where the field has one of these numbers and `otherwise` elsewhere; neither asks about it yet.

        Raises:
            KeyError: there is no such field.
            ValueError: ranges are not canonical or leave the field, or a branch asks about it or a field before it.

        """
        level = self.level(field)
        if min(then.level, otherwise.level) <= level:
            raise ValueError(f"a branch asks about {field} or a field before it")
        return self.decision(level, _pieces(self.box(**{field: numbers})[level], self.fields[level], then, otherwise))

    def inside(self, box: Box, then: Node[V], otherwise: Node[V]) -> Node[V]:
        """Return `then` in a box and `otherwise` outside, both constants."""
        node = then
        for level in reversed(range(len(self.fields))):
            node = self.decision(level, _pieces(box[level], self.fields[level], node, otherwise))
        return node

    def evaluate(self, node: Node[V], point: Sequence[int]) -> V:
        """Return the value at a point."""
        while isinstance(node, Decision):
            number = point[node.level]
            node = next(child for last, child in zip(node.lasts, node.children, strict=True) if number <= last)
        return node.value


def _pieces(numbers: Ranges, field: Field, then: Node[V], otherwise: Node[V]) -> Iterator[tuple[int, Node[V]]]:
    end = -1
    for first, last in numbers:
        if first > end + 1:
            yield first - 1, otherwise
        yield last, then
        end = last
    if end < field.last:
        yield field.last, otherwise
