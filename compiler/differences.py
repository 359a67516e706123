"""What changed between two collections that are mostly made of the very same objects, and how to follow it.

Every stage of an incremental compilation compares what it is given with what it was given last time and patches a
copy of what it made of that. Comparing and copying a hundred thousand entries has to be quick for that, so it goes
by identity first, without a step of Python for each entry; values that are other objects are asked whether they are
equal, so a copy is as good as the original.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, count
from operator import is_not
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def changed_keys(before: Mapping[K, V], after: Mapping[K, V]) -> list[K]:
    """Return the keys under which the two hold different values, or only one of them holds any; none is None."""
    if before is after:
        return []
    suspects = compress(before, map(is_not, map(after.get, before), before.values()))
    changed = [key for key in suspects if after.get(key) != before[key]]
    coming = len(after) - len(before) + sum(key not in after for key in changed)
    # What is new in a patched copy stands at its end.
    for key in reversed([*after]) if coming else ():
        if key not in before:
            changed.append(key)
            coming -= 1
            if not coming:
                break
    return changed


def patched(kept: Mapping[K, V], changed: Iterable[K], value: Callable[[K], V | None]) -> Mapping[K, V]:
    """Return a copy of `kept` with the values of those keys made anew, without those for which there is none.

    It is `kept` itself if that comes to the same.
    """
    news = {key: found for key in changed if (found := value(key)) != kept.get(key)}
    if not news:
        return kept
    result = dict(kept)
    for key, found in news.items():
        if found is None:
            del result[key]
        else:
            result[key] = found
    return result


def changed_members(before: Sequence[V], after: Sequence[V], name: Callable[[V], object]) -> tuple[list[V], list[V]]:
    """Return what has to go from one sequence and to come to make the other, whatever their order.

    Members of the same name that are equal do neither.
    """
    shorter = min(len(before), len(after))
    first = next(compress(count(), map(is_not, before, after)), shorter)
    last = next(compress(count(), map(is_not, reversed(before), reversed(after))), shorter)
    last = min(last, shorter - first)
    gone = list(before[first : len(before) - last])
    come: list[V] = []
    left: dict[int, list[V]] = {}
    for member in gone:
        left.setdefault(id(member), []).append(member)
    for member in after[first : len(after) - last]:
        if not (same := left.get(id(member))):
            come.append(member)
        else:
            same.pop()
    gone = [member for members in left.values() for member in members]
    return _without_equals(gone, come, name) if gone and come else (gone, come)


def _without_equals(gone: list[V], come: list[V], name: Callable[[V], object]) -> tuple[list[V], list[V]]:
    """Strike out pairs of equal members that are not the same object."""
    named: dict[object, list[V]] = {}
    for member in gone:
        named.setdefault(name(member), []).append(member)
    new: list[V] = []
    for member in come:
        candidates = named.get(name(member), [])
        if member in candidates:
            candidates.remove(member)
        else:
            new.append(member)
    return [member for members in named.values() for member in members], new
