"""What holds of pods for what they are: their namespace, labels and ports."""

# ruff: noqa: SLF001  what is made from one of its own class may look inside

from collections.abc import Mapping
from functools import cached_property

from compiler.atoms import Membership, Questions, numbers_in
from compiler.labels import Labels
from compiler.model import Pod, PodSelection
from compiler.selection import SelectionIndex

SPARE = 64
"""So many more than twice what is in use may be remembered of what was."""


class PodIndex:
    """Answers which atoms are true of governed pods, and remembers it by the shape of a pod."""

    def __init__(self, questions: Questions, namespaces: Mapping[str, Labels]) -> None:
        self._numbering = questions.numbering
        self._names = questions.names
        self._namespaces = namespaces
        self._peers = self._numbering.only(PodSelection, questions.peers)
        self._shapes: dict[object, Membership] = {}
        self._same: dict[Membership, Membership] = {}

    def serves(self, other: "PodIndex", pods: int) -> bool:
        """Say whether this one gives the answers of the other, of the same numbering, and is not too big for it."""
        mine, others = ((index._peers, index._names, index._namespaces) for index in (self, other))
        return mine == others and max(len(self._shapes), len(self._same)) <= 2 * pods + SPARE

    def membership(self, pod: Pod) -> Membership:
        """Return the atoms that are true of a governed pod, wherever it is."""
        shape = (pod.namespace, pod.labels, pod.ports)
        membership = self._shapes.get(shape)
        if membership is None:
            numbers, selections = self._selections
            membership = 0
            for place in numbers_in(selections.matching(pod.namespace, pod.labels)):
                membership |= 1 << numbers[place]
            for port in pod.ports:
                membership |= 1 << self._numbering.number(port) if port.name in self._names else 0
            membership = self._shapes[shape] = self.same(membership)
        return membership

    def same(self, membership: Membership) -> Membership:
        """Return the object that stands for all equal memberships: they are long, and addresses are many."""
        return self._same.setdefault(membership, membership)

    @cached_property
    def _selections(self) -> tuple[list[int], SelectionIndex]:
        found = list(self._numbering.of_kind(PodSelection, self._peers))
        return [number for _selection, number in found], SelectionIndex((each for each, _ in found), self._namespaces)
