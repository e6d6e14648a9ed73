"""How uncertain a score is: the percentile bootstrap over examples, and the paper's percentiles over samples.

The bootstrap says what other examples would have given; the paper's interval (section on uncertainty: many predictions
of each example, the metric of each set, 2.5th and 97.5th percentile) says what other draws would have given.
"""

from collections.abc import Sequence

import numpy as np

from nlu_rl.evaluation.resampling import Floats, Rows, blocks, count_units, resampled_metrics
from nlu_rl.tasks.contract import Task

LEVEL = 0.95
SHARES = ("accuracy", "em")
"""Metrics that are the share of right rows (of MultiRC's `em`: questions)."""
Interval = tuple[float, float]


def bootstrap_intervals(task: Task, sets: Sequence[Rows], seed: int) -> dict[str, Interval]:
    """Return the 95 % percentile interval of each metric.

    Where every row is right, or none, resamples are all alike and say nothing; a share of right rows then has the exact
    binomial bounds (Clopper and Pearson).

    Args:
        sets: the scored rows, one set for each sample of an example. With several, a resample draws the set as well as
            the examples, so the interval is that of an evaluation with one sample.
    """
    made = [resampled_metrics(task, rows) for rows in sets]
    resamples = min(count for _, count in made)
    rng = np.random.default_rng([seed, 1])
    parts: list[dict[str, Floats]] = []
    for index in blocks(rng, count_units(task, sets[0]), resamples):
        chosen = rng.integers(0, len(sets), len(index)) if len(sets) > 1 else np.zeros(len(index), int)
        parts.extend(made[k][0](index[chosen == k]) for k in np.unique(chosen).tolist())
    bounds = {name: percentiles(np.concatenate([part[name] for part in parts])) for name in parts[0]}
    units = count_units(task, sets[0])
    return {name: _exact(found, units) if name in SHARES else found for name, found in bounds.items()}


def _exact(bounds: Interval, rows: int) -> Interval:
    """Return the bounds of 0 or all of so many rows where these are that; else the bounds themselves."""
    least = ((1 - LEVEL) / 2) ** (1 / rows)
    return {(0.0, 0.0): (0.0, 1 - least), (1.0, 1.0): (least, 1.0)}.get(bounds, bounds)


def sample_intervals(task: Task, sets: Sequence[Rows]) -> dict[str, Interval]:
    """Return the paper's interval: percentiles of each metric over the sets."""
    values = [task.metrics(rows) for rows in sets]
    return {name: percentiles(np.array([value[name] for value in values])) for name in values[0]}


def percentiles(values: Floats) -> Interval:
    """Return the bounds of the middle 95 %."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
