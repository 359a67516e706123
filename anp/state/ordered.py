"""Values by key, in order, of which a few change between two looks at all of them."""

import bisect
from collections.abc import Callable
from typing import Generic

from anp.state.store import Key, Sortable, Value


class Ordered(Generic[Key, Value]):
    """Values in the order of their keys. All of them are the same tuple until one has changed."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}
        self._keys: list[Key] = []
        self._all: tuple[Value, ...] | None = ()

    def get(self, key: Key) -> Value | None:
        """Return a value, or None."""
        return self._values.get(key)

    def put(self, key: Key, value: Value | None) -> bool:
        """Set a value, or forget it if it is None; say whether that changed anything. Equal ones are kept."""
        known = self._values.get(key)
        if known == value:
            return False
        if value is None:
            del self._values[key]
            del self._keys[bisect.bisect_left(self._keys, key)]
        else:
            if known is None:
                bisect.insort(self._keys, key)
            self._values[key] = value
        self._all = None
        return True

    def all(self, order: Callable[[Value], Sortable] | None = None) -> tuple[Value, ...]:
        """Return all values, by key or in another order, which must be the same one each time."""
        if self._all is None:
            values = map(self._values.__getitem__, self._keys)
            self._all = tuple(values) if order is None else tuple(sorted(values, key=order))
        return self._all

    def __len__(self) -> int:
        return len(self._values)
