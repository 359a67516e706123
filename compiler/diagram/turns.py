"""What changes at one end of a flow, and what that makes of the flow.

Of each end we keep only whether it accepts before and after, and who says so where the two differ. Programs that differ
in nothing but names, or in who accepts, are then the same diagram, and are compared once.
"""

import enum
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from compiler.diagram.algebra import Combination, relabel
from compiler.diagram.queries import values
from compiler.diagram.space import Node
from compiler.diagram.traffic import TrafficSpace
from compiler.model import Direction
from compiler.profiles import Outcome


class Way(enum.Enum):
    """Which way an end turns."""

    OPENED = "opened"
    SHUT = "shut"


@dataclass(frozen=True, slots=True)
class Turn:
    """One end accepts after and not before, or the other way round; the outcomes say by whose word."""

    before: Outcome
    after: Outcome

    @property
    def way(self) -> Way:
        """Which way it turns."""
        return Way.OPENED if self.after.accept else Way.SHUT

    @property
    def direction(self) -> Direction:
        """Which end it is: egress at the source, ingress at the destination."""
        return self.after.origin.direction


EndChange: TypeAlias = Turn | bool
"""What becomes of one end: a turn, or what it says before and after."""

OtherEnd: TypeAlias = Way | bool
"""The same for the other end, whoever says it."""


class Turns:
    """The arithmetic of changes, with all that it remembers."""

    def __init__(self, space: TrafficSpace) -> None:
        self._space = space
        self.open: Node[EndChange] = space.constant(True)  # noqa: FBT003
        self.nothing: Node[Turn | None] = space.constant(None)
        self.at_end = Combination(space, _at_end)
        self._of_flow = Combination(space, _of_flow)
        self._some: dict[Node[EndChange], bool] = {}
        self._other: dict[Node[EndChange], Node[OtherEnd]] = {}

    def any_in(self, node: Node[EndChange]) -> bool:
        """Say whether an end turns for some packet."""
        some = self._some.get(node)
        if some is None:
            some = self._some[node] = any(isinstance(value, Turn) for value in values(node))
        return some

    def of_flow(self, end: Node[EndChange], other: Node[EndChange]) -> Node[Turn | None]:
        """Return where a turn at one end turns the flow: where the other end accepts all along, or turns as well."""
        return self.of_seen(end, self.seen(other))

    def of_seen(self, end: Node[EndChange], seen: Node[OtherEnd]) -> Node[Turn | None]:
        """Return the same, given what is seen of the other end."""
        return self._of_flow(end, seen) if self.any_in(end) else self.nothing

    def seen(self, other: Node[EndChange]) -> Node[OtherEnd]:
        """Return what matters of one end to the turns of the other: not who says it, so that many ends are alike."""
        seen = self._other.get(other)
        if seen is None:
            seen = self._other[other] = relabel(self._space, other, _seen_from_afar)
        return seen


def _at_end(before: Outcome, after: Outcome) -> EndChange:
    return before.accept if before.accept == after.accept else Turn(before, after)


def _seen_from_afar(change: EndChange) -> OtherEnd:
    return change.way if isinstance(change, Turn) else change


def _of_flow(end: EndChange, other: OtherEnd) -> Turn | None:
    if not isinstance(end, Turn):
        return None
    match other:
        case bool():
            return end if other else None
        case Way():
            # What one end opens while the other shuts goes through neither before nor after.
            return end if other is end.way else None
        case unreachable:
            assert_never(unreachable)
