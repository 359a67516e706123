"""Values that nobody expects, and one change at a random place of a value as JSON has them."""

import copy
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

HOSTILE = (
    *("", " ", "\t", "\n", "\r\n", "\0", "\x7f", "\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u2028", "\u202ename"),
    *("\ufeff", "\ufffe", "\U0010ffff", "é", "e\u0301", "政策", "🔥", "\u0660", "ǆ", "İ", "ß"),
    *('"', "'", "`", "\\", "{", "}", ";", "#", "$(reboot)", "`reboot`", "%s", "{0}", "{net of x/a}", "@map", "*"),
    *('accept comment "x"; add rule inet anp forward accept', "}\nadd table inet evil\n", "-", "--", "--help", "../.."),
    *("a" * 64, "a" * 254, "x" * 5000, "a." * 200, "/", "a/b/c", "null", "~", "yes", "NaN", "0x10", "1e9", "<<", "="),
    *("10.0.0.0/8", "10.0.0.1", "::", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.0/33", "010.0.0.1/8", "0"),
)
"""Texts that something could take for more than a text."""

texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
numbers = st.one_of(
    st.sampled_from((0, -1, 1, 65535, 65536, 2**31, 2**63, 2**64, 10**100, -(10**100), 80.5, 1e300, -0.0)),
    st.sampled_from((math.nan, math.inf, -math.inf)),
    st.integers(),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything below `value`."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in entries:
        yield (*path, step)
        yield from places(child, (*path, step))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what stands at a path."""
    for step in path:
        value = value[step]
    return value


def nested(value: Any, depth: int) -> Any:
    """Return the value in so many lists and mappings."""
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


@st.composite
def mutated(draw: st.DrawFn, tree: Any, most: int = 3) -> Any:  # noqa: C901 - a case for each change
    """Draw a copy of `tree` with one to `most` changes: dropped, doubled, renamed, replaced, nested, moved."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, most))):
        paths = list(places(tree))
        if not paths:
            return draw(values)
        path = draw(st.sampled_from(paths))
        parent, step = at(tree, path[:-1]), path[-1]
        match draw(st.sampled_from(("drop", "double", "rename", "replace", "word", "nest", "move", "swap"))):
            case "drop":
                del parent[step]
            case "double" if isinstance(parent, list):
                parent.insert(step, copy.deepcopy(parent[step]))
            case "double" | "rename" if isinstance(parent, dict):
                kept = parent[step]
                name = draw(st.one_of(texts, st.sampled_from((f"{step}s", str(step).upper(), str(step)[:-1]))))
                if draw(st.booleans()):
                    del parent[step]
                parent[name] = copy.deepcopy(kept)
            case "nest":
                parent[step] = nested(parent[step], draw(st.sampled_from((1, 2, 5, 150))))
            case "move":
                parent[step] = copy.deepcopy(at(tree, draw(st.sampled_from(paths))))
            case "swap" if isinstance(parent, list) and len(parent) > 1:
                other = draw(st.integers(0, len(parent) - 1))
                parent[step], parent[other] = parent[other], parent[step]
            case "word":
                parent[step] = draw(texts)
            case _:
                parent[step] = draw(values)
    return tree
