"""Curves as people look at them: smoothed, and thinned without losing peaks. Pure functions over (step, value)."""

from collections.abc import Sequence

Point = tuple[float, float]


def smooth(points: Sequence[Point], weight: float) -> list[Point]:
    """Return the exponential moving average; `weight` 0 changes nothing, 0.9 averages over about ten points.

    It is corrected for its start (as Adam's moments are), so the first values are not drawn towards zero.
    """
    total, share, smoothed = 0.0, 0.0, []
    for step, value in points:
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        smoothed.append((step, total / share))
    return smoothed


def extremes(points: Sequence[Point], buckets: int) -> list[Point]:
    """Return the lowest and the highest point of each of `buckets` stretches, in their order: what a chart can show."""
    if len(points) <= 2 * buckets:
        return list(points)
    kept: list[Point] = []
    for number in range(buckets):
        part = points[number * len(points) // buckets : (number + 1) * len(points) // buckets]
        low, high = min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])
        kept.extend(sorted({low, high}))
    return kept


def means(values: Sequence[float], buckets: int) -> list[float]:
    """Return the mean of each of at most `buckets` stretches: a line of small bars."""
    count = min(buckets, len(values))
    parts = (values[n * len(values) // count : (n + 1) * len(values) // count] for n in range(count))
    return [sum(part) / len(part) for part in parts]
