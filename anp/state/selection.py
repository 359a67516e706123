"""Which pods a selector means, asked for thousands of selectors over one set of pods.

This is for advice to people. What selectors mean to a packet is in `compiler.semantics`, which shares nothing with
this, nor with the compiler's own way of finding it out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import assert_never

from compiler.labels import Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, Pod, PodSelection


def selects(selector: Selector, labels: Labels) -> bool:
    """Say whether all requirements of a selector hold for these labels (1.2)."""
    return all(_holds(requirement, labels) for requirement in selector.requirements)


def _holds(requirement: Requirement, labels: Labels) -> bool:
    match requirement.operator:
        case Operator.IN:
            return labels.get(requirement.key) in requirement.values
        case Operator.NOT_IN:
            return labels.get(requirement.key) not in requirement.values
        case Operator.EXISTS:
            return requirement.key in labels
        case Operator.DOES_NOT_EXIST:
            return requirement.key not in labels
        case unreachable:
            assert_never(unreachable)


class PodIndex:
    """Pods by their labels and by the labels of their namespaces; each selection is looked up once."""

    def __init__(self, namespaces: Mapping[str, Labels], pods: Iterable[Pod]) -> None:
        self._namespaces = namespaces
        self._by_namespace: dict[str, list[Pod]] = defaultdict(list)
        for pod in pods:
            self._by_namespace[pod.namespace].append(pod)
        self.labelled = cache(self._labelled)
        self._matching_namespaces = cache(self._find_namespaces)

    def _labelled(self, selection: PodSelection) -> tuple[Pod, ...]:
        """Return all pods whose labels fit, in the order given, even those that policies cannot govern."""
        if isinstance(selection.namespaces, NamespaceNamed):
            names: tuple[str, ...] = (selection.namespaces.name,)
        else:
            names = self._matching_namespaces(selection.namespaces)
        return tuple(
            pod for name in names for pod in self._by_namespace.get(name, ()) if selects(selection.pods, pod.labels)
        )

    def _find_namespaces(self, selector: Selector) -> tuple[str, ...]:
        return tuple(name for name, labels in self._namespaces.items() if selects(selector, labels))

    def governed(self, selection: PodSelection) -> tuple[Pod, ...]:
        """Return the pods that the selection means, as a subject or as a peer (2.5, 2.18)."""
        return tuple(pod for pod in self.labelled(selection) if pod.governed)
