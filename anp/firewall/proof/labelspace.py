"""Every combination of selectors that some pod can meet, with labels that meet it.

What selectors can tell of a label is which of the values that they mention it has, if it is there at all. So labels
are points of a finite space, one dimension for each key, and a selector is a box in it. Cutting the space at all boxes
leaves the kinds of pods that there can ever be (translation.md 4.3).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.labels import NAMESPACE_NAME_LABEL, Labels, Operator, Requirement, Selector
from compiler.model import NamespaceNamed, PodSelection

Key = tuple[bool, str]
"""Whether a label is the namespace's, and its key."""

_NAME: Key = (True, NAMESPACE_NAME_LABEL)


@dataclass(frozen=True, slots=True)
class PodKind:
    """Pods that the same selections select: bit i of `selected` stands for the i-th, and labels that such a pod has."""

    selected: int
    namespace: str
    namespace_labels: Labels
    labels: Labels


class LabelSpace:
    """What some selections can tell of pods."""

    def __init__(self, selections: Sequence[PodSelection]) -> None:
        mentioned: dict[Key, set[str]] = {_NAME: set()}
        for selection in selections:
            for key, requirement in _requirements(selection):
                mentioned.setdefault(key, set()).update(requirement.values)
        # By key: the values in order, then one that nobody mentions, then none at all. Bits of a mask in that order.
        self._values: dict[Key, list[str | None]] = {
            key: [*sorted(values), _unmentioned(key, values), *([] if key == _NAME else [None])]
            for key, values in mentioned.items()
        }
        self._every = {key: (1 << len(values)) - 1 for key, values in self._values.items()}
        self._boxes = [self._box(selection) for selection in selections]

    def kinds(self) -> Iterator[PodKind]:
        """Yield one kind of pod for each combination of selections that labels can meet, always in the same order."""
        pieces: list[tuple[int, dict[Key, int]]] = [(0, {})]
        for number, box in enumerate(self._boxes):
            if box is None:
                continue
            cut: list[tuple[int, dict[Key, int]]] = []
            for selected, piece in pieces:
                inside = self._common(piece, box)
                if inside is None:
                    cut.append((selected, piece))
                    continue
                cut += ((selected, outside) for outside in self._without(piece, box))
                cut.append((selected | 1 << number, inside))
            pieces = cut
        seen: set[int] = set()
        namespaces: dict[Labels, str] = {}
        for selected, piece in sorted(pieces, key=lambda found: found[0]):
            if selected not in seen:
                seen.add(selected)
                yield self._kind(selected, piece, namespaces)

    def _kind(self, selected: int, piece: Mapping[Key, int], namespaces: dict[Labels, str]) -> PodKind:
        chosen = {key: self._choice(key, piece.get(key, self._every[key])) for key in self._values}
        labels = Labels({key: value for (of_namespace, key), value in chosen.items() if value and not of_namespace})
        about = {key: value for (of_namespace, key), value in chosen.items() if value and of_namespace}
        name = about[NAMESPACE_NAME_LABEL]
        if name == self._values[_NAME][-1]:
            # Nobody's name: as many namespaces as it takes, each with labels of its own.
            others = Labels({key: value for key, value in about.items() if key != NAMESPACE_NAME_LABEL})
            name = namespaces.setdefault(others, f"{name}-{len(namespaces) + 1}")
            about[NAMESPACE_NAME_LABEL] = name
        return PodKind(selected, name, Labels(about), labels)

    def _choice(self, key: Key, mask: int) -> str | None:
        """Choose no label where that is possible, then one that is mentioned."""
        values = self._values[key]
        if values[-1] is None and mask >> len(values) - 1:
            return None
        return values[(mask & -mask).bit_length() - 1]

    def _box(self, selection: PodSelection) -> dict[Key, int] | None:
        box: dict[Key, int] = {}
        for key, requirement in _requirements(selection):
            box[key] = box.get(key, self._every[key]) & self._mask(key, requirement)
            if not box[key]:
                return None
        return box

    def _mask(self, key: Key, requirement: Requirement) -> int:
        values = self._values[key]
        absent = 1 << len(values) - 1 if values[-1] is None else 0
        named = sum(1 << values.index(value) for value in requirement.values)
        match requirement.operator:
            case Operator.IN:
                return named
            case Operator.NOT_IN:
                return self._every[key] & ~named
            case Operator.EXISTS:
                return self._every[key] & ~absent
            case Operator.DOES_NOT_EXIST:
                return absent

    def _common(self, piece: Mapping[Key, int], box: Mapping[Key, int]) -> dict[Key, int] | None:
        inside = dict(piece)
        for key, mask in box.items():
            inside[key] = inside.get(key, self._every[key]) & mask
            if not inside[key]:
                return None
        return inside

    def _without(self, piece: Mapping[Key, int], box: Mapping[Key, int]) -> Iterator[dict[Key, int]]:
        left = dict(piece)
        for key, mask in box.items():
            here = left.get(key, self._every[key])
            if here & ~mask:
                yield {**left, key: here & ~mask}
            left[key] = here & mask


def _requirements(selection: PodSelection) -> Iterator[tuple[Key, Requirement]]:
    where = selection.namespaces
    if isinstance(where, NamespaceNamed):
        yield _NAME, Requirement(NAMESPACE_NAME_LABEL, Operator.IN, (where.name,))
    else:
        yield from _of(where, of_namespace=True)
    yield from _of(selection.pods, of_namespace=False)


def _of(selector: Selector, *, of_namespace: bool) -> Iterator[tuple[Key, Requirement]]:
    for requirement in selector.requirements:
        yield (of_namespace, requirement.key), requirement


def _unmentioned(key: Key, values: Iterable[str]) -> str:
    known = set(values)
    base = "other" if key == _NAME else "unmentioned"
    return next(name for name in (base, *(f"{base}-{number}" for number in range(len(known) + 1))) if name not in known)
