"""Labels that are spelt almost like ones that exist: the selector is valid, and selects others than was meant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from anp.analysis.lint.desk import Desk, subject_path
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.selectors import peers
from anp.sources.diagnostics import FieldPath
from compiler.labels import Operator, Requirement, Selector
from compiler.model import NodeSelection, PodSelection, Policy

_SHORTEST = 4
"""Words shorter than this differ by one letter too often to tell anything."""


def spelling(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    snapshot = desk.snapshot
    namespaces = _Vocabulary("namespace", snapshot.namespaces.values())
    pods = _Vocabulary("pod", (pod.labels for pod in snapshot.pods))
    nodes = _Vocabulary("node", (node.labels for node in snapshot.nodes))
    for policy in snapshot.policies:
        for path, selection in ((subject_path(policy), policy.subject), *peers(policy)):
            if isinstance(selection, PodSelection):
                if isinstance(selection.namespaces, Selector):
                    yield from _misspelt(desk, policy, path, selection.namespaces, namespaces)
                yield from _misspelt(desk, policy, path, selection.pods, pods)
            elif isinstance(selection, NodeSelection):
                yield from _misspelt(desk, policy, path, selection.nodes, nodes)


class _Vocabulary:
    """The labels of all objects of one kind."""

    def __init__(self, kind: str, labels: Iterable[Mapping[str, str]]) -> None:
        self.kind = kind
        self.values: dict[str, set[str]] = defaultdict(set)
        for own in labels:
            for key, value in own.items():
                self.values[key].add(value)
        self.near_key = cache(lambda key: _near(key, self.values))
        self.near_value = cache(lambda key, value: _near(value, self.values[key]))


def _misspelt(
    desk: Desk, policy: Policy, path: FieldPath, selector: Selector, vocabulary: _Vocabulary
) -> Iterator[Finding]:
    for requirement in selector.requirements:
        for what, written, near in _doubts(requirement, vocabulary):
            wider = requirement.operator in (Operator.NOT_IN, Operator.DOES_NOT_EXIST)
            effect = "so this selects more than it seems to" if wider else "so this selects nobody by it"
            yield desk.finding(
                "ANP204",
                policy,
                path,
                f"no {vocabulary.kind} has the label {what} {written!r}, but there is {near!r}: "
                f"{effect} ({requirement})",
            )


def _doubts(requirement: Requirement, vocabulary: _Vocabulary) -> Iterator[tuple[str, str, str]]:
    key = requirement.key
    if key not in vocabulary.values:
        near = vocabulary.near_key(key)
        if near:
            yield "key", key, near
        return
    for value in requirement.values:
        if value not in vocabulary.values[key]:
            near = vocabulary.near_value(key, value)
            if near:
                yield f"{key} with the value", value, near


def _near(word: str, known: Iterable[str]) -> str:
    """Return the first known word that is one slip from a word, and no other number; or nothing."""
    return next((other for other in sorted(known) if _one_slip(word, other)), "")


def _one_slip(left: str, right: str) -> bool:
    """Say whether two words differ by one letter, more, less or other, by two that changed places, or by case."""
    if left == right or min(len(left), len(right)) < _SHORTEST:
        return False
    if left.lower() == right.lower():
        return True
    if abs(len(left) - len(right)) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    one, other = left[start:], right[start:]
    if len(one) > len(other):
        return one[1:] == other and not one[0].isdigit()
    if len(one) < len(other):
        return one == other[1:] and not other[0].isdigit()
    changed = one[1:] == other[1:] and not (one[0].isdigit() or other[0].isdigit())
    return changed or (one[:2] == other[1::-1] and one[2:] == other[2:])
