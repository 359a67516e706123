"""Putting functions in place of values: what becomes of every packet next, where it depends on what it is now."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast

from compiler.diagram.space import Decision, Node, Space, Terminal

V = TypeVar("V", bound=Hashable)


class Binding:
    """Puts a diagram in place of each value of another, point by point, and remembers what it made.

    The diagrams put in are restricted on the way down to what is left of them there, so that the work is done for pairs
    of nodes that meet and for no others.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._values: dict[Node[Any], tuple[Hashable, ...]] = {}
        self._known: dict[tuple[Node[Any], tuple[Node[Any] | None, ...]], Node[Any]] = {}

    def __call__(self, node: Node[Any], images: Mapping[Any, Node[V]]) -> Node[V]:
        """Return the function that has at each point what the image of its value has there; others stay as they are."""
        return self._bound(node, tuple(images.get(value) for value in self.values(node)))

    def values(self, node: Node[V]) -> tuple[V, ...]:
        """Return every value that a function has, each once, in an order that depends on nothing but the function."""
        found = self._values.get(node)
        if found is None:
            if isinstance(node, Terminal):
                found = (node.value,)
            else:
                below = (value for child in dict.fromkeys(node.children) for value in self.values(child))
                found = tuple(dict.fromkeys(below))
            self._values[node] = found
        return cast("tuple[V, ...]", found)

    def _bound(self, node: Node[Any], images: tuple[Node[Any] | None, ...]) -> Node[Any]:
        if isinstance(node, Terminal):
            return node if images[0] is None else images[0]
        upper = min((image.level for image in images if image is not None), default=None)
        if upper is None:
            return node
        key = (node, images)
        found = self._known.get(key)
        if found is None:
            by_value = dict(zip(self.values(node), images, strict=True))
            if node.level < upper:
                pieces = (
                    (last, self._below(child, by_value)) for last, child in zip(node.lasts, node.children, strict=True)
                )
                found = self._space.decision(node.level, pieces)
            else:
                found = self._space.decision(upper, self._cut(upper, node, by_value))
            self._known[key] = found
        return found

    def _below(self, node: Node[Any], images: Mapping[Any, Node[Any] | None]) -> Node[Any]:
        return self._bound(node, tuple(images[value] for value in self.values(node)))

    def _cut(
        self, level: int, node: Decision[Any], images: Mapping[Any, Node[Any] | None]
    ) -> list[tuple[int, Node[Any]]]:
        """Return what holds between the places where the node or an image changes."""
        asking = [image for image in images.values() if isinstance(image, Decision) and image.level == level]
        lasts: set[int] = set(node.lasts) if node.level == level else set()
        for image in dict.fromkeys(asking):
            lasts.update(image.lasts)
        places = dict.fromkeys(asking, 0)
        place = 0
        pieces: list[tuple[int, Node[Any]]] = []
        for last in sorted(lasts):
            here: dict[Node[Any], Node[Any]] = {}
            for image, at in places.items():
                moved = at + 1 if image.lasts[at] < last else at
                places[image] = moved
                here[image] = image.children[moved]
            below: Node[Any] = node
            if node.level == level:
                place += node.lasts[place] < last
                below = node.children[place]
            left = {value: here.get(image, image) if image is not None else None for value, image in images.items()}
            pieces.append((last, self._below(below, left)))
        return pieces
