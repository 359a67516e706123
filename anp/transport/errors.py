"""What can go wrong with a generation on its way.

* TransportError: an object says what cannot be
* IncompleteError: slices are not here yet
"""

from collections.abc import Iterable


class TransportError(Exception):
    """An object that carries a generation is damaged, or was not made by us; nothing of it may be used."""

    def __init__(self, where: str, trouble: str) -> None:
        super().__init__(f"{where}: {trouble}")
        self.where = where
        self.trouble = trouble


class IncompleteError(Exception):
    """A generation cannot be taken yet; `missing` are the slices to get first."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = frozenset(missing)
        some = ", ".join(sorted(self.missing)[:3])
        super().__init__(f"{len(self.missing)} slices are missing: {some}{', …' if len(self.missing) > 3 else ''}")
