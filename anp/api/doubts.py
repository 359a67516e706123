"""Failing closed: what stands in for a rule that cannot be understood (2.10)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from anp.api.meta import LabelSelector
from anp.api.problems import Path, Problem
from anp.api.structure import ApiModel
from compiler.labels import Selector
from compiler.model import Action, Anyone, Rule

Read = TypeVar("Read")
Meant = TypeVar("Meant")

CLOSED_ACCEPT = "so this rule accepts nothing"
CLOSED_DENY = "so this rule denies everything, whoever and whatever it is, that gets as far as here"


class DoubtError(Exception):
    """Something in a rule cannot be understood; raised and caught within translation."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Notes:
    """What translation has to say about an object, as it goes along."""

    warnings: list[Problem] = field(default_factory=list)

    def add(self, path: Path, message: str) -> None:
        """Add one warning."""
        self.warnings.append(Problem(path, message))


def unread(part: ApiModel, path: Path) -> tuple[Problem, ...]:
    """Return what of `part` itself was not understood."""
    return tuple(Problem(path, f"`{name}` is not understood") for name in part.unread)


def certain(part: ApiModel, path: Path) -> None:
    """Raise DoubtError unless all of `part` was understood."""
    if problems := unread(part, path):
        raise DoubtError(*problems)


def selector_of(selector: LabelSelector, path: Path) -> Selector:
    """Return what a selector selects; raise DoubtError where that is not certain."""
    exact, problems = selector.read(path)
    if problems:
        raise DoubtError(*problems)
    return exact


def each(
    entries: Iterable[Read], path: Path, read: Callable[[Read, Path], Meant]
) -> tuple[tuple[Meant, ...], tuple[Problem, ...]]:
    """Read every entry of a list, and return what was understood and all of what was not."""
    meant: list[Meant] = []
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        try:
            meant.append(read(entry, (*path, index)))
        except DoubtError as doubt:
            problems += doubt.problems
    return tuple(meant), tuple(problems)


def closed(index: int, action: Action, name: str, problems: Sequence[Problem]) -> Rule:
    """Return what stands in for a rule that could not be understood.

    A single doubtful peer closes its whole rule. Deny and Pass become a Deny of everything in the rule's
    place; earlier rules still win.
    """
    why = "; ".join(map(str, problems))
    if action is Action.ACCEPT:
        return Rule(index, Action.ACCEPT, (), name=name, failed_closed=f"{why}: {CLOSED_ACCEPT}")
    return Rule(index, Action.DENY, (Anyone(),), name=name, failed_closed=f"{why}: {CLOSED_DENY}")
