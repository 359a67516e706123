"""Objects as last seen, whatever way the news of them came."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar


class Sortable(Hashable, Protocol):
    """What can be a key: hashable, and in an order."""

    def __lt__(self, other: Any, /) -> bool: ...


Key = TypeVar("Key", bound=Sortable)
Value = TypeVar("Value")


class Store(Generic[Key, Value]):
    """The last word on every object.

    News may be repeated, merged, late, or of something never heard of: only what was put last under a key counts.
    Give `essence` to say what of a value can matter to anybody; by default all of it does.
    """

    def __init__(self, essence: Callable[[Value], object] = lambda value: value) -> None:
        self._values: dict[Key, Value] = {}
        self._essence = essence

    def put(self, key: Key, value: Value | None) -> bool:
        """Remember `value`, or forget the object if it is None; say whether that changed anything that matters."""
        known = self._values.get(key)
        if value is None:
            self._values.pop(key, None)
            return known is not None
        self._values[key] = value
        return known is None or self._essence(known) != self._essence(value)

    def __len__(self) -> int:
        return len(self._values)

    def snapshot(self) -> tuple[Value, ...]:
        """Return all values there are now, in the order of their keys."""
        return tuple(value for _key, value in sorted(self._values.items(), key=lambda entry: entry[0]))
