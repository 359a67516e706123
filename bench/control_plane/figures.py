"""Figures and tables."""

import math
from collections.abc import Iterable, Mapping, Sequence


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that so large a part of them does not exceed; NaN if there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan


def milliseconds(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    return f"{seconds * 1000:,.1f} ms"


def spread(values: Sequence[float]) -> tuple[str, ...]:
    """Return how many there are, their median, 99th percentile and maximum."""
    known = [value for value in values if not math.isnan(value)]
    top = max(known, default=math.nan)
    return str(len(known)), *map(milliseconds, (percentile(known, 0.5), percentile(known, 0.99), top))


SPREAD = ("samples", "p50", "p99", "max")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; all columns but the first are figures."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def spreads(title: str, series: Mapping[str, Sequence[float]]) -> str:
    """Write a table with one row for each series."""
    return table((title, *SPREAD), [(name, *spread(values)) for name, values in series.items()])
