"""What to ask of a diagram: where it has which values, and where and why two are not the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic

from compiler import intervals
from compiler.diagram.algebra import apply
from compiler.diagram.space import Box, Decision, Node, Point, Space, Terminal, V


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """Two values that are not the same."""

    before: V
    after: V


def nodes(node: Node[V]) -> Iterator[Node[V]]:
    """Yield every node of a diagram once, itself first."""
    seen: set[Node[V]] = {node}
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        if isinstance(found, Decision):
            new = dict.fromkeys(child for child in found.children if child not in seen)
            seen.update(new)
            waiting.extend(new)


def values(node: Node[V]) -> frozenset[V]:
    """Return every value that the function has somewhere."""
    return frozenset(found.value for found in nodes(node) if isinstance(found, Terminal))


def boxes(space: Space, node: Node[V]) -> Iterator[tuple[Box, V]]:
    """Yield disjoint boxes that together hold every point, each with the one value there.

    There is one for each way down through different nodes, so a value can have more boxes than it would need.
    """
    yield from _boxes(node, tuple(field.every for field in space.fields))


def _boxes(node: Node[V], box: Box) -> Iterator[tuple[Box, V]]:
    if isinstance(node, Terminal):
        yield box, node.value
        return
    for child, ranges in node.branches().items():
        yield from _boxes(child, (*box[: node.level], ranges, *box[node.level + 1 :]))


def count(space: Space, node: Node[V], value: V) -> int:
    """Return the number of points at which the function has a value."""
    sizes = [field.last + 1 for field in space.fields]
    known: dict[Node[V], int] = {}

    def of(level: int, node: Node[V]) -> int:
        """Count from a field on, at and above that of the node."""
        total = below(node)
        for size in sizes[level : node.level]:
            total *= size
        return total

    def below(node: Node[V]) -> int:
        if isinstance(node, Terminal):
            return int(node.value == value)
        found = known.get(node)
        if found is None:
            found = sum((last - first + 1) * of(node.level + 1, child) for (first, last), child in node.edges())
            known[node] = found
        return found

    return of(0, node)


def difference(space: Space, left: Node[V], right: Node[V]) -> Node[Change[V] | None]:
    """Return the function that is None where two have the same value, and elsewhere says what they have."""
    if left is right:
        return space.constant(None)
    return apply(space, lambda before, after: None if before == after else Change(before, after), left, right)


def differing(space: Space, left: Node[V], right: Node[V]) -> Iterator[tuple[Box, Change[V]]]:
    """Yield disjoint boxes that hold exactly the points where two functions differ, with what they have there."""
    for box, change in boxes(space, difference(space, left, right)):
        if change is not None:
            yield box, change


def find(space: Space, node: Node[V], wanted: Callable[[V], bool]) -> Point | None:
    """Return a point whose value is wanted, always the same one: field by field, a preferred number or the lowest."""
    known: dict[Node[V], bool] = {}

    def leads(node: Node[V]) -> bool:
        if isinstance(node, Terminal):
            return wanted(node.value)
        found = known.get(node)
        if found is None:
            found = known[node] = any(map(leads, node.branches()))
        return found

    if not leads(node):
        return None
    point: list[int] = []
    for level, field in enumerate(space.fields):
        if not isinstance(node, Decision) or node.level > level:
            point.append(next(iter(field.preferred), 0))
            continue
        good = intervals.union(numbers for numbers, child in node.edges() if leads(child))
        number = next((number for number in field.preferred if intervals.contains(good, number)), good[0][0])
        point.append(number)
        node = next(child for (_, last), child in node.edges() if number <= last)
    return tuple(point)


def witness(space: Space, left: Node[V], right: Node[V]) -> Point | None:
    """Return a point at which two functions differ, always the same one; None if they are the same function."""
    return find(space, difference(space, left, right), lambda change: change is not None)
