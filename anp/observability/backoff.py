"""How long to wait before something is tried again: longer each time, and never at the same moment as others."""

import random


class Backoff:
    """Delays that double from `first` to `most` seconds, each a random part of that."""

    def __init__(self, first: float = 0.1, most: float = 15.0) -> None:
        self._first = first
        self._most = most
        self._now = first

    def next(self) -> float:
        """Return how long to wait now."""
        delay, self._now = self._now, min(self._now * 2, self._most)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - nobody is to be surprised by it

    def reset(self) -> None:
        """Begin anew, as it has worked."""
        self._now = self._first
