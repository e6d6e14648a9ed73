"""Is one model better than another? Tests on the same examples, so that what the examples share cancels out.

For the share of right answers: McNemar's exact test on the rows where the two differ. For any other metric: the paired
bootstrap, with the share of resamples in which the difference lies on the other side of zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlu_rl.evaluation.intervals import Interval, percentiles
from nlu_rl.evaluation.resampling import Floats, Rows, blocks, count_units, resampled_metrics
from nlu_rl.tasks.contract import Task

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Paired:
    """The second model against the first: `difference` is second minus first."""

    metric: str
    score_a: float
    score_b: float
    difference: float
    interval: Interval
    p: float
    test: str
    fixed: int
    """Rows the first got wrong and the second right."""
    broken: int
    """Rows the first got right and the second wrong."""
    n: int

    @property
    def real(self) -> bool:
        return self.p < SIGNIFICANT


def compare_paired(task: Task, a: Rows, b: Rows, seed: int, metric: str | None = None) -> Paired:
    """Compare two scored predictions of the same examples, in the same order, by the task's main metric."""
    if [example.id for example, _ in a] != [example.id for example, _ in b]:
        raise ValueError("the two predictions are not of the same examples")
    name = metric or task.metric
    right_a = np.array([scored.correct for _, scored in a])
    right_b = np.array([scored.correct for _, scored in b])
    fixed, broken = int((~right_a & right_b).sum()), int((right_a & ~right_b).sum())
    differences = bootstrap_differences(task, a, b, seed, name)
    score_a, score_b = task.metrics(a)[name], task.metrics(b)[name]
    exact = name == "accuracy"
    return Paired(
        metric=name,
        score_a=score_a,
        score_b=score_b,
        difference=score_b - score_a,
        interval=percentiles(differences),
        p=mcnemar_p(fixed, broken) if exact else bootstrap_p(differences),
        test="McNemar, exact" if exact else "paired bootstrap",
        fixed=fixed,
        broken=broken,
        n=len(a),
    )


def mcnemar_p(fixed: int, broken: int) -> float:
    """Return the exact two-sided p-value: the rows that changed, as tosses of a fair coin (McNemar 1947)."""
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken, 0.5).pvalue) if fixed + broken else 1.0


def bootstrap_differences(task: Task, a: Rows, b: Rows, seed: int, metric: str) -> Floats:
    """Return the difference of the metric, second minus first, on each resample of the shared rows (R,)."""
    of_a, resamples_a = resampled_metrics(task, a)
    of_b, resamples_b = resampled_metrics(task, b)
    rng = np.random.default_rng([seed, 2])
    parts: list[NDArray[np.float64]] = [
        of_b(index)[metric] - of_a(index)[metric]
        for index in blocks(rng, count_units(task, a), min(resamples_a, resamples_b))
    ]
    return np.concatenate(parts)


def bootstrap_p(differences: Floats) -> float:
    """Return the two-sided p-value of resampled differences; never 0, as only so many were drawn."""
    below = (np.count_nonzero(differences <= 0) + 1) / (len(differences) + 1)
    above = (np.count_nonzero(differences >= 0) + 1) / (len(differences) + 1)
    return float(min(1.0, 2 * min(below, above)))
