"""Sets of whole numbers as sorted, disjoint, never adjacent ranges: the arithmetic under addresses and ports."""

import bisect
from collections.abc import Iterable
from operator import itemgetter
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""First and last number, both included."""

Ranges: TypeAlias = tuple[Range, ...]


def union(ranges: Iterable[Range]) -> Ranges:
    """Bring ranges, given in any order, into canonical form; a range that ends before it begins is empty."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def contains(ranges: Ranges, number: int) -> bool:
    """Say whether a canonical set holds `number`."""
    # The last range that begins at or before the number is the only one it can be in.
    place = bisect.bisect_right(ranges, number, key=itemgetter(0)) - 1
    return place >= 0 and number <= ranges[place][1]


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """Return what is in both of two canonical sets."""
    common: list[Range] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            common.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(left: Ranges, right: Ranges) -> Ranges:
    """Return what is in the first of two canonical sets and not in the second."""
    kept: list[Range] = []
    j = 0
    for first, last in left:
        start = first
        while j < len(right) and right[j][1] < start:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= last:
            if start < right[k][0]:
                kept.append((start, right[k][0] - 1))
            start = right[k][1] + 1
            k += 1
        if start <= last:
            kept.append((start, last))
    return tuple(kept)
