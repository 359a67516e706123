"""Labels and the selectors over them, in canonical form: equal values select the same objects."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server puts on every Namespace (semantics.md 2.5)."""


class Labels(Mapping[str, str]):
    """An immutable, hashable set of labels."""

    __slots__ = ("_by_key", "_hash")

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        self._by_key = dict(sorted((labels or {}).items()))
        self._hash = hash(tuple(self._by_key.items()))

    def __getitem__(self, key: str) -> str:
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self._hash == other._hash and self._by_key == other._by_key
        return NotImplemented

    def __repr__(self) -> str:
        return f"Labels({self._by_key!r})"


class Operator(enum.Enum):
    """How a requirement reads its values; `NOT_IN` and `DOES_NOT_EXIST` also hold where the key is absent."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One condition on one label; `values` is sorted and without repetition, empty for the last two operators."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.operator:
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case Operator.NOT_IN if len(self.values) == 1:
                return f"{self.key}!={self.values[0]}"
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector: the conjunction of its requirements; without any it selects everything.

    Requirements are sorted and distinct, so equal selectors are ``==``. Build one with `of`.
    """

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, match_labels: Mapping[str, str] | None = None, *expressions: Requirement) -> Self:
        """Make the selector that wants every label of `match_labels` and every one of `expressions`."""
        equalities = (Requirement(key, Operator.IN, (value,)) for key, value in (match_labels or {}).items())
        return cls(tuple(sorted(_canonical([*equalities, *expressions]), key=_sort_key)))

    def __str__(self) -> str:
        return ", ".join(map(str, self.requirements)) or "everything"


EVERYTHING = Selector()
"""The empty selector."""


def _canonical(requirements: Iterable[Requirement]) -> set[Requirement]:
    return {Requirement(r.key, r.operator, tuple(sorted(set(r.values)))) for r in requirements}


def _sort_key(requirement: Requirement) -> tuple[str, str, tuple[str, ...]]:
    return requirement.key, requirement.operator.value, requirement.values
