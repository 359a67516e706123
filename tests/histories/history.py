"""What becomes of a cluster, step by step, and how the news of it comes: strategies for whole histories.

A history is drawn as a value, so that a failing one shrinks as a whole and can be written down (see
`tests.histories.written`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from tests.histories.changes import KINDS, LAB_NODES, Builder, applicable, beginning
from tests.histories.documents import Document, Key

Learned: TypeAlias = Mapping[str, tuple[str, ...]]
News: TypeAlias = tuple[Key, Document | None]
"""An object as somebody saw it, or that it is not there."""

STRANGER: Key = ("Pod", "x", "nobody")
"""Whom nobody ever heard of, until it is said to be gone."""


@dataclass(frozen=True)
class Step:
    """What happens (`changes`, in order), why (`kinds`), and what an unreliable source says of it (`news`).

    After all news the last word on every object is what it is now. `learned` is what is known of domain names from
    now on.
    """

    kinds: tuple[str, ...]
    changes: tuple[News, ...]
    learned: Learned
    news: tuple[News, ...]

    @property
    def name(self) -> str:
        """What happens, in words."""
        return ", ".join(self.kinds)


@dataclass(frozen=True)
class Moment:
    """A cluster after a step."""

    step: Step
    objects: Mapping[Key, Document]


@dataclass(frozen=True, repr=False)
class History:
    """A cluster and what becomes of it; the first step makes the cluster."""

    steps: tuple[Step, ...]

    def moments(self) -> Iterator[Moment]:
        """Yield the cluster after each step."""
        objects: dict[Key, Document] = {}
        for step in self.steps:
            for key, document in step.changes:
                if document is None:
                    objects.pop(key, None)
                else:
                    objects[key] = document
            yield Moment(step, dict(objects))

    def __repr__(self) -> str:
        from tests.histories.written import written  # noqa: PLC0415 - it needs this module, and only failures need it

        return written(self)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:  # noqa: FBT001 - as Hypothesis asks
        """Show a failing history as a scenario."""
        printer.text("\n" + repr(self))


@st.composite
def histories(draw: st.DrawFn, *, lab: bool = False, most: int = 8) -> History:
    """Draw a history of at most so many steps after the first; with `lab`, one in which nodes stay what they are."""
    builder = Builder(movable_nodes=not lab)
    beginning(draw, builder, LAB_NODES if lab else None)
    past: dict[Key, list[Document | None]] = {}
    steps = [_step(draw, builder, ("the beginning",), past)]
    for _ in range(draw(st.sampled_from((1, *range(most, 1, -1))))):
        kinds = tuple(_happen(draw, builder) for _ in range(draw(st.sampled_from((1, 1, 2, 3)))))
        steps.append(_step(draw, builder, kinds, past))
    return History(tuple(steps))


def _happen(draw: st.DrawFn, builder: Builder) -> str:
    kind = draw(st.sampled_from(applicable(builder)))
    KINDS[kind].happen(draw, builder)
    return kind


def _step(draw: st.DrawFn, builder: Builder, kinds: tuple[str, ...], past: dict[Key, list[Document | None]]) -> Step:
    changes = builder.take_changes()
    news = draw(_news(changes, past))
    for key, document in changes:
        past.setdefault(key, []).append(document)
    return Step(kinds, changes, dict(builder.learned), news)


# News.


@st.composite
def _news(draw: st.DrawFn, changes: tuple[News, ...], past: Mapping[Key, list[Document | None]]) -> tuple[News, ...]:
    """Draw how changes are told: in any order, repeated, merged, and backwards, but the last word is right."""
    told: dict[Key, list[Document | None]] = {}
    for key, document in changes:
        told.setdefault(key, []).append(document)
    for key, versions in told.items():
        match draw(st.sampled_from(("one by one", "merged", "repeated", "backwards"))):
            case "merged":
                versions[:] = versions[-1:]
            case "repeated":
                versions[:] = [version for version in versions for _ in range(2)]
            case "backwards":
                older = draw(st.sampled_from((None, *past.get(key, ()), *versions[:-1])))
                versions += [older, versions[-1]]
    others = [key for key in past if key not in told]
    match draw(st.sampled_from(("no more", "no more", "backwards", "unheard of", "all again"))):
        case "all again":
            told |= {key: [past[key][-1]] for key in others}
        case "backwards" if others:
            key = draw(st.sampled_from(others))
            told[key] = [draw(st.sampled_from((None, *past[key]))), past[key][-1]]
        case "unheard of":
            told[STRANGER] = [None]
    tickets = [key for key, versions in told.items() for _ in versions]
    order = draw(st.permutations(tickets)) if len(tickets) > 1 else tickets
    queues = {key: iter(versions) for key, versions in told.items()}
    return tuple((key, next(queues[key])) for key in order)
