"""Can one pod be in two selections? Decided exactly, for all pods that there could be, with labels that prove it.

A selection is a conjunction of requirements, each about one label of the pod or of its namespace. Labels are free of
each other, so a conjunction can be met if for every label alone it can. The only label that is not free is the name
that the API server puts on every namespace: it is always there, and always a name.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from anp.api import syntax
from compiler.labels import NAMESPACE_NAME_LABEL, Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection


@dataclass(frozen=True, slots=True)
class Witness:
    """Labels of a pod, and of its namespace, that meet every selection."""

    namespace: Labels
    pod: Labels

    def __str__(self) -> str:
        name = self.namespace[NAMESPACE_NAME_LABEL]
        others = {key: value for key, value in self.namespace.items() if key != NAMESPACE_NAME_LABEL}
        where = f"namespace {name}" + (f" with {_text(others)}" if others else "")
        return f"a pod with {_text(self.pod) if self.pod else 'no labels'} in a {where}"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What several requirements want of one label: to be there or not, None if either, and with which values."""

    there: bool | None = None
    values: frozenset[str] | None = None
    not_values: frozenset[str] = frozenset()

    def under(self, requirement: Requirement) -> "_Wanted | None":
        """Return what is left with a further requirement; None if nothing is."""
        match requirement.operator:
            case Operator.IN:
                values = frozenset(requirement.values)
                return self.both(_Wanted(there=True, values=values))
            case Operator.NOT_IN:
                return self.both(_Wanted(not_values=frozenset(requirement.values)))
            case Operator.EXISTS:
                return self.both(_Wanted(there=True))
            case Operator.DOES_NOT_EXIST:
                return self.both(_Wanted(there=False))

    def both(self, other: "_Wanted") -> "_Wanted | None":
        """Return what both want; None if no label can."""
        if self.there is not None and other.there is not None and self.there is not other.there:
            return None
        not_values = self.not_values | other.not_values
        values = self.values
        if other.values is not None:
            values = other.values if values is None else values & other.values
        if values is not None:
            values -= not_values
            if not values:
                return None
        return _Wanted(self.there if other.there is None else other.there, values, not_values)

    def example(self, like: Iterable[str]) -> str | None:
        """Return a value, one of `like` if it may be any; None for a label that need not be there."""
        if not self.there:
            return None
        if self.values is not None:
            return min(self.values)
        return next(value for value in like if value not in self.not_values)


_Key: TypeAlias = tuple[bool, str]
"""Whether a label is the namespace's, and its key."""
_Conjunction: TypeAlias = Mapping[_Key, _Wanted]

# What any namespace has: a name that is one.
_NAME_KEY: _Key = (True, NAMESPACE_NAME_LABEL)


def witness(*selections: PodSelection) -> Witness | None:
    """Return labels that all of these selections select, or None if there are none."""
    found: _Conjunction | None = {_NAME_KEY: _Wanted(there=True)}
    for selection in selections:
        other = _conjunction(selection)
        found = None if found is None or other is None else _met(found, other)
    return None if found is None else _example(found)


def overlapping(selections: Sequence[PodSelection]) -> Iterator[tuple[int, int, Witness]]:
    """Yield every two selections, by their places, that one pod could be in, with such a pod."""
    wanted = [_conjunction(selection) for selection in selections]
    for (first, one), (second, other) in itertools.combinations(enumerate(wanted), 2):
        if one is not None and other is not None and not _apart(one, other):
            both = _met(one, other)
            if both is not None:
                yield first, second, _example(both)


class Company:
    """Some selections, to ask which of them can share a pod with another, without trying each."""

    def __init__(self, selections: Sequence[PodSelection]) -> None:
        self._wanted = [_conjunction(selection) for selection in selections]
        definite = Counter(key for wanted in self._wanted if wanted for key, each in wanted.items() if each.values)
        # The label that most of them want a value of tells most of them apart.
        self._key = definite.most_common(1)[0][0] if definite else _NAME_KEY
        self._by_value: dict[str, list[int]] = {}
        self._of_any: list[int] = []
        for place, wanted in enumerate(self._wanted):
            if wanted is not None:
                for found in self._lists(wanted, self._by_value.setdefault):
                    found.append(place)

    def _lists(self, wanted: _Conjunction, of: Callable[[str, list[int]], list[int]]) -> list[list[int]]:
        values = wanted[self._key].values if self._key in wanted else None
        return [self._of_any] if values is None else [of(value, []) for value in values]

    def before(self, place: int) -> Iterator[int]:
        """Yield the places before one of selections that can share a pod with the one there, the last first."""
        wanted = self._wanted[place]
        if wanted is None:
            return
        values = wanted[self._key].values if self._key in wanted else None
        lists = [self._of_any, *map(self._by_value.get, values)] if values else [self._of_any, *self._by_value.values()]
        candidates = {number for found in lists if found for number in found if number < place}
        for number in sorted(candidates, reverse=True):
            other = self._wanted[number]
            if other is not None and _met(wanted, other) is not None:
                yield number


def negated(requirement: Requirement) -> Requirement:
    """Return the requirement that holds exactly where another does not."""
    opposite = {
        Operator.IN: Operator.NOT_IN,
        Operator.NOT_IN: Operator.IN,
        Operator.EXISTS: Operator.DOES_NOT_EXIST,
        Operator.DOES_NOT_EXIST: Operator.EXISTS,
    }
    return replace(requirement, operator=opposite[requirement.operator])


def _conjunction(selection: PodSelection) -> _Conjunction | None:
    """Return what a selection wants of each label, the name among them; None if no pod can be in it."""
    namespaces = selection.namespaces
    if isinstance(namespaces, NamespaceNamed):
        namespaces = Selector.of({NAMESPACE_NAME_LABEL: namespaces.name})
    found: dict[_Key, _Wanted] = {_NAME_KEY: _Wanted(there=True)}
    for of_namespace, selector in ((True, namespaces), (False, selection.pods)):
        for requirement in selector.requirements:
            key = of_namespace, requirement.key
            wanted = found.get(key, _Wanted()).under(requirement)
            if wanted is None:
                return None
            found[key] = wanted
    name = found[_NAME_KEY]
    if name.values is not None:
        names = frozenset(filter(_is_name, name.values))
        if not names:
            return None
        found[_NAME_KEY] = replace(name, values=names)
    return found


def _apart(one: _Conjunction, other: _Conjunction) -> bool:
    """Say, quickly and only if it is obvious, that two cannot both be met: different values of the same label."""
    for key, wanted in one.items():
        theirs = other.get(key)
        if theirs and wanted.values is not None and theirs.values is not None and not wanted.values & theirs.values:
            return True
    return False


def _met(one: _Conjunction, other: _Conjunction) -> _Conjunction | None:
    found = dict(one)
    for key, wanted in other.items():
        mine = found.get(key)
        both = wanted if mine is None else mine.both(wanted)
        if both is None:
            return None
        found[key] = both
    return found


def _example(wanted: _Conjunction) -> Witness:
    namespace: dict[str, str] = {}
    pod: dict[str, str] = {}
    for (of_namespace, key), each in wanted.items():
        value = each.example(_words("any" if (of_namespace, key) == _NAME_KEY else "x"))
        if value is not None:
            (namespace if of_namespace else pod)[key] = value
    return Witness(Labels(namespace), Labels(pod))


def _words(stem: str) -> Iterator[str]:
    """Yield values without end; a label's may be any of them, and so may a namespace's name."""
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))


def _is_name(text: str) -> bool:
    try:
        syntax.dns_label(text)
    except ValueError:
        return False
    return True


def _text(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())
