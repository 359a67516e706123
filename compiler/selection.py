"""Which of many selectors match an object, without trying each of them.

A selector that wants a label to have one of a few values is filed under those labels, so that an object
meets only the selectors filed under labels it has, and those that want nothing so definite.
"""

from collections.abc import Iterable, Iterator, Mapping

from compiler.labels import Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Say whether `labels` meet every requirement of `selector`."""
    return all(_meets(labels, requirement) for requirement in selector.requirements)


def _meets(labels: Mapping[str, str], requirement: Requirement) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.IN:
            return value is not None and value in requirement.values
        case Operator.NOT_IN:
            return value is None or value not in requirement.values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None


class SelectorIndex:
    """Answers which selectors, named by number, match given labels."""

    def __init__(self, selectors: Iterable[tuple[int, Selector]]) -> None:
        self._by_label: dict[tuple[str, str], list[tuple[int, Selector]]] = {}
        self._indefinite: list[tuple[int, Selector]] = []
        for number, selector in selectors:
            definite = [r for r in selector.requirements if r.operator is Operator.IN]
            if definite:
                rarest = min(definite, key=lambda requirement: len(requirement.values))
                for value in rarest.values:
                    self._by_label.setdefault((rarest.key, value), []).append((number, selector))
            else:
                self._indefinite.append((number, selector))

    def matching(self, labels: Labels) -> Iterator[int]:
        """Yield the numbers of the selectors that match, in no particular order, each once."""
        for number, selector in self._indefinite:
            if matches(selector, labels):
                yield number
        for label in labels.items():
            for number, selector in self._by_label.get(label, ()):
                if matches(selector, labels):
                    yield number


class SelectionIndex:
    """Answers which pod selections match a pod, as a bit set: bit i stands for the i-th selection given.

    There is one index of pod selectors for each way in which selections speak of namespaces, whatever the number
    of namespaces that it fits, so that the whole takes room for each selection once.
    """

    def __init__(self, selections: Iterable[PodSelection], namespaces: Mapping[str, Labels]) -> None:
        self._namespaces = namespaces
        members: dict[Selector | NamespaceNamed, list[tuple[int, Selector]]] = {}
        for number, selection in enumerate(selections):
            members.setdefault(selection.namespaces, []).append((number, selection.pods))
        self._pods = {where: SelectorIndex(found) for where, found in members.items()}
        self._selectors = tuple(where for where in members if isinstance(where, Selector))
        self._by_namespace_labels = SelectorIndex(enumerate(self._selectors))
        self._pods_in: dict[str, tuple[SelectorIndex, ...]] = {}
        self._found: dict[tuple[str, Labels], int] = {}

    def __len__(self) -> int:
        """Count the answers that are remembered."""
        return len(self._found)

    def matching(self, namespace: str, labels: Labels) -> int:
        """Return the bit set of the selections that match a pod with these labels in that namespace."""
        found = self._found.get((namespace, labels))
        if found is None:
            found = 0
            for index in self._indexes(namespace):
                for number in index.matching(labels):
                    found |= 1 << number
            self._found[namespace, labels] = found
        return found

    def _indexes(self, namespace: str) -> tuple[SelectorIndex, ...]:
        indexes = self._pods_in.get(namespace)
        if indexes is None:
            fitting = self._by_namespace_labels.matching(self._namespaces[namespace])
            own = self._pods.get(NamespaceNamed(namespace))
            selected = (self._pods[self._selectors[number]] for number in fitting)
            indexes = self._pods_in[namespace] = (*selected, own) if own else tuple(selected)
        return indexes
