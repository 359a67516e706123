"""The four tables of one generation, and what they add up to, as a receiver puts them together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from anp.transport.checksum import added, check_of, removed, weight
from anp.transport.encoding import TABLES, Entry
from anp.transport.errors import TransportError
from anp.transport.manifest import Change
from anp.transport.slices import TableSlice


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables of generation `number`: entries, and their weights. Tables that a change leaves alone are shared."""

    number: int
    values: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, Mapping[str, int]]
    total: int

    @classmethod
    def of(cls, number: int, slices: Iterable[tuple[str, TableSlice]]) -> Self:
        """Put together what slices hold.

        Raises:
            TransportError: two of them have the same entry.

        """
        values: dict[str, dict[str, Entry]] = {table: {} for table in TABLES}
        weights: dict[str, dict[str, int]] = {table: {} for table in TABLES}
        total = 0
        for name, part in slices:
            if not part.values.keys().isdisjoint(values[part.table]):
                raise TransportError(name, "has an entry that another slice has")
            values[part.table].update(part.values)
            known = {key: weight(part.table, key, value) for key, value in part.entries.items()}
            weights[part.table].update(known)
            total = added(total, *known.values())
        return cls(number, MappingProxyType(values), MappingProxyType(weights), total)

    @property
    def check(self) -> str:
        """What the manifest of this generation says."""
        return check_of(self.number, self.total)

    def after(self, changes: Iterable[Change]) -> Self:
        """Return the contents after these changes.

        Raises:
            TransportError: a change takes away what is not there, or does not follow.

        """
        number, total = self.number, self.total
        values: dict[str, Any] = dict(self.values)
        weights: dict[str, Any] = dict(self.weights)
        copied: set[str] = set()
        for change in changes:
            number += 1
            if change.number != number:
                raise TransportError(f"change {change.number}", f"does not follow {number - 1}")
            for table in (change.entries.keys() | change.gone.keys()) - copied:
                values[table], weights[table] = dict(values[table]), dict(weights[table])
                copied.add(table)
            for table, keys in change.gone.items():
                for key in keys:
                    if key not in values[table]:
                        raise TransportError(f"change {number}", f"takes away {key} of {table}, which is not there")
                    del values[table][key]
                    total = removed(total, weights[table].pop(key))
            for table, entries in change.entries.items():
                for key, (value, its_weight) in entries.items():
                    total = added(removed(total, weights[table].get(key, 0)), its_weight)
                    values[table][key], weights[table][key] = value, its_weight
        return type(self)(number, values, weights, total)
