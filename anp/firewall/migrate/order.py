"""Priorities for policies that take more places than they had: in order, where they were as far as there is room."""

from collections.abc import Sequence
from dataclasses import dataclass

LAST_PRIORITY = 1000
"""The highest priority that a ClusterNetworkPolicy can have."""


@dataclass(frozen=True, slots=True)
class Place:
    """One policy in the order in which policies are asked.

    `wanted` is the priority that it had. `tied` says that it may have the same priority as the one before it, because
    both had the same before and their names still have them asked in this order.
    """

    wanted: int
    tied: bool = False


def placed(places: Sequence[Place], last: int = LAST_PRIORITY) -> tuple[int, ...] | None:
    """Return a priority for each place, None where there are more places than priorities.

    Each stays where it was unless one before it is there now. What would come after the last priority moves those
    before it down instead, which never takes them below what they need.
    """
    found: list[int] = []
    for place in places:
        least = found[-1] + (not place.tied) if found else 0
        found.append(max(place.wanted, least))
    most = last
    for index in reversed(range(len(places))):
        found[index] = min(found[index], most)
        most = found[index] - (not places[index].tied)
    return None if found and found[0] < 0 else tuple(found)
