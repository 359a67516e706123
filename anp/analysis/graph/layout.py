"""Where boxes stand: tiers, then programs, then classes, in bands from top to bottom; in a band from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass

from anp.analysis.graph.model import Detail, Picture

BOX, ROW, GAP, HEAD = 250, 20, 26, 26
"""Width of a box, height of a row in it, space between boxes, height of a title."""
_ACROSS = 5
"""Boxes beside each other, before the next go below."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        """Half-way down."""
        return self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class Layout:
    """A place for everything, by name: bands, boxes, and rows in boxes."""

    width: int
    height: int
    bands: tuple[tuple[str, Place], ...]
    boxes: dict[str, Place]


def laid_out(picture: Picture) -> Layout:
    """Give everything its place."""
    with_rules = picture.detail is not Detail.POLICIES
    bands: list[tuple[str, list[tuple[str, Sequence[str]]]]] = []
    for band in picture.bands:
        rows = [(policy.id, [rule.id for rule in policy.rules] if with_rules else []) for policy in band.policies]
        bands.append((f"{band.tier.title} tier", [*rows]))
    if picture.programs:
        bands.append(("Programs", [(program.id, ()) for program in picture.programs]))
    if picture.classes:
        bands.append(("Classes of addresses", [(one.id, ()) for one in picture.classes]))
    across = max(1, min(_ACROSS, max((len(boxes) for _title, boxes in bands), default=1)))
    width = 2 * GAP + across * (BOX + GAP)
    places: dict[str, Place] = {}
    frames: list[tuple[str, Place]] = []
    y = GAP
    for title, boxes in bands:
        top = y
        y += HEAD + GAP // 2
        for start in range(0, len(boxes), across):
            line = boxes[start : start + across]
            for column, (name, rows_of) in enumerate(line):
                x = GAP + GAP // 2 + column * (BOX + GAP)
                places[name] = Place(x, y, BOX, HEAD + ROW * len(rows_of))
                for number, row in enumerate(rows_of):
                    places[row] = Place(x, y + HEAD + ROW * number, BOX, ROW)
            y += max(HEAD + ROW * len(rows_of) for _name, rows_of in line) + GAP
        frames.append((title, Place(GAP // 2, top, width - GAP, y - top)))
        y += GAP
    return Layout(width, y, tuple(frames), places)
