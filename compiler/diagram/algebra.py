"""Making diagrams of diagrams: all work is done once for each pair of nodes, whatever the number of points."""

from collections.abc import Callable, Hashable, Iterator
from functools import reduce
from typing import Generic, TypeVar

from compiler.diagram.space import Box, Decision, Node, Space, Terminal, V

A = TypeVar("A", bound=Hashable)
B = TypeVar("B", bound=Hashable)
C = TypeVar("C", bound=Hashable)


class Combination(Generic[A, B, C]):
    """An operation on values, taken point by point: ``combination(f, g)`` has ``operation(f(p), g(p))`` at p.

    It remembers every pair of nodes that it met, for as long as it is kept. `shortcut`, where given, may know the
    result for two nodes without looking below them; it must then be the one that the operation gives.
    """

    def __init__(
        self,
        space: Space,
        operation: Callable[[A, B], C],
        shortcut: Callable[[Node[A], Node[B]], Node[C] | None] | None = None,
    ) -> None:
        self._space = space
        self._operation = operation
        self._shortcut = shortcut
        self._known: dict[tuple[Node[A], Node[B]], Node[C]] = {}

    def __call__(self, left: Node[A], right: Node[B]) -> Node[C]:
        """Combine two diagrams."""
        if self._shortcut is not None:
            short = self._shortcut(left, right)
            if short is not None:
                return short
        key = (left, right)
        node = self._known.get(key)
        if node is None:
            if isinstance(left, Terminal) and isinstance(right, Terminal):
                node = self._space.constant(self._operation(left.value, right.value))
            else:
                node = self._space.decision(min(left.level, right.level), self._merged(left, right))
            self._known[key] = node
        return node

    def _merged(self, left: Node[A], right: Node[B]) -> Iterator[tuple[int, Node[C]]]:
        """Walk both nodes' ranges in step; the one that does not ask about the upper field stays as it is."""
        if isinstance(left, Decision) and isinstance(right, Decision) and left.level == right.level:
            i = j = 0
            while i < len(left.lasts):
                ends, others = left.lasts[i], right.lasts[j]
                yield min(ends, others), self(left.children[i], right.children[j])
                i += ends <= others
                j += others <= ends
        elif isinstance(left, Decision) and left.level < right.level:
            for last, child in zip(left.lasts, left.children, strict=True):
                yield last, self(child, right)
        elif isinstance(right, Decision):
            for last, other in zip(right.lasts, right.children, strict=True):
                yield last, self(left, other)


def apply(space: Space, operation: Callable[[A, B], C], left: Node[A], right: Node[B]) -> Node[C]:
    """Combine two diagrams once; to combine many in one way, keep a `Combination`."""
    return Combination(space, operation)(left, right)


def relabel(space: Space, node: Node[A], change: Callable[[A], B]) -> Node[B]:
    """Return the diagram with every value changed, as by forgetting where it comes from."""
    known: dict[Node[A], Node[B]] = {}

    def relabelled(node: Node[A]) -> Node[B]:
        found = known.get(node)
        if found is None:
            if isinstance(node, Terminal):
                found = space.constant(change(node.value))
            else:
                pieces = zip(node.lasts, map(relabelled, node.children), strict=True)
                found = space.decision(node.level, pieces)
            known[node] = found
        return found

    return relabelled(node)


def restrict(space: Space, node: Node[V], field: str, number: int) -> Node[V]:
    """Return the function of the other fields that is left when one has this number.

    Raises:
        KeyError: there is no such field.
        ValueError: the field has no such number.

    """
    level = space.level(field)
    if not 0 <= number <= space.fields[level].last:
        raise ValueError(f"{field} is never {number}")
    return _without(space, node, level, lambda asked: next(c for (_, last), c in asked.edges() if number <= last))


def project(space: Space, node: Node[V], field: str, operation: Callable[[V, V], V]) -> Node[V]:
    """Return the function of the other fields that brings together what holds for any number of one.

    With `or` on truth values this says for what else some number exists, with `and` for what else it is so for all. The
    operation must be associative, commutative, and have ``operation(v, v) == v``.

    Raises:
        KeyError: there is no such field.

    """
    combine: Combination[V, V, V] = Combination(space, operation, lambda left, right: left if left is right else None)
    return _without(space, node, space.level(field), lambda asked: reduce(combine, asked.branches()))


def _without(space: Space, node: Node[V], level: int, answer: Callable[[Decision[V]], Node[V]]) -> Node[V]:
    """Put in place of every node that asks about one field what `answer` makes of it."""
    known: dict[Node[V], Node[V]] = {}

    def rid(node: Node[V]) -> Node[V]:
        if not isinstance(node, Decision) or node.level > level:
            return node
        found = known.get(node)
        if found is None:
            if node.level == level:
                found = answer(node)
            else:
                found = space.decision(node.level, zip(node.lasts, map(rid, node.children), strict=True))
            known[node] = found
        return found

    return rid(node)


class _Undecided:
    """Stands for a value where there is none yet."""


_UNDECIDED = _Undecided()


def overlay(space: Space) -> Combination[V | None, V | None, V | None]:
    """Return the combination that has the first diagram's value, or the second's where the first has None."""
    nothing: Node[None] = space.constant(None)

    def shortcut(left: Node[V | None], right: Node[V | None]) -> Node[V | None] | None:
        if left is right or right is nothing:
            return left
        return right if left is nothing else None

    return Combination(space, lambda left, right: right if left is None else left, shortcut)


def choose(space: Space, condition: Node[bool], then: Node[A], otherwise: Node[B]) -> Node[A | B]:
    """Return `then` where the condition holds, and `otherwise` elsewhere."""

    def held(holds: bool, value: A) -> A | _Undecided:  # noqa: FBT001
        return value if holds else _UNDECIDED

    def filled(value: A | _Undecided, more: B) -> A | B:
        return more if isinstance(value, _Undecided) else value

    return apply(space, filled, apply(space, held, condition, then), otherwise)


def within(space: Space, node: Node[V], box: Box, outside: V) -> Node[V]:
    """Return the diagram inside a box, and one value outside."""
    return choose(space, space.inside(box, space.constant(True), space.constant(False)), node, space.constant(outside))  # noqa: FBT003
