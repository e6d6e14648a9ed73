"""A task's metrics over many resamples of its rows at once.

What is drawn is a row, or where rows belong together in a metric (MultiRC's answers to a question) all of them: a unit.
Classification metrics follow from counts of (gold, answer), correlations from sums, and tasks with units state what
each adds, so thousands of resamples are a few array operations. The first two formulas are used only where they give
what `task.metrics` gives on the rows themselves; any other metric is computed by the task, resample by resample.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu_rl.tasks.contract import Example, Scored, Task
from nlu_rl.tasks.metrics import correlations_of_rows, metrics_of_counts

Rows = Sequence[tuple[Example, Scored]]
Index = NDArray[np.int64]
Floats = NDArray[np.float64]
MetricsOfResamples = Callable[[Index], dict[str, Floats]]
"""From unit indices (R, n) to each metric (R,)."""

QUICK_RESAMPLES = 10_000
CORRELATION_RESAMPLES = 2_000
SUM_RESAMPLES = 2_000
SLOW_RESAMPLES = 1_000
BLOCK_CELLS = 2_000_000
_AGREE = 1e-9


def resampled_metrics(task: Task, scored: Rows) -> tuple[MetricsOfResamples, int]:
    """Return the function, and how many resamples it can afford."""
    by_sums = _by_sums(task, scored)
    if by_sums is not None:
        return by_sums, SUM_RESAMPLES
    expected = task.metrics(scored)
    itself = np.arange(len(scored))[None]
    for make, resamples in ((_by_counts, QUICK_RESAMPLES), (_by_correlation, CORRELATION_RESAMPLES)):
        quick = make(task, scored)
        if quick is None:
            continue
        got = quick(itself)
        if got.keys() >= expected.keys() and all(abs(got[k][0] - v) <= _AGREE for k, v in expected.items()):
            return _only(quick, list(expected)), resamples
    return _one_by_one(task, scored), SLOW_RESAMPLES


def count_units(task: Task, scored: Rows) -> int:
    """Return how many units a resample is drawn from."""
    units = getattr(task, "units", None)
    return len(scored) if units is None else len(units(scored))


def blocks(rng: np.random.Generator, units: int, resamples: int) -> "list[Index] | Any":
    """Yield index arrays (R, units) with `resamples` rows in all, each of bounded size."""
    step = max(1, BLOCK_CELLS // units)
    for start in range(0, resamples, step):
        yield rng.integers(0, units, (min(step, resamples - start), units))


def _only(function: MetricsOfResamples, names: list[str]) -> MetricsOfResamples:
    def chosen(index: Index) -> dict[str, Floats]:
        values = function(index)
        return {name: values[name] for name in names}

    return chosen


def _one_by_one(task: Task, scored: Rows) -> MetricsOfResamples:
    def each(index: Index) -> dict[str, Floats]:
        results = [task.metrics([scored[i] for i in row]) for row in index.tolist()]
        return {name: np.array([result[name] for result in results], float) for name in results[0]}

    return each


def _by_sums(task: Task, scored: Rows) -> MetricsOfResamples | None:
    """Use what the task says each unit adds and what sums amount to (`tasks/sums.py`); None for a task of rows."""
    units, of_sums = getattr(task, "units", None), getattr(task, "of_sums", None)
    if units is None or of_sums is None:
        return None
    added = units(scored)
    columns = {name: np.array([unit[name] for unit in added]) for name in added[0]}

    def sums(index: Index) -> dict[str, Floats]:
        return dict(of_sums({name: column[index].sum(1) for name, column in columns.items()}))

    return sums


def _by_counts(task: Task, scored: Rows) -> MetricsOfResamples | None:
    answers = {answer: code for code, answer in enumerate(task.answers or ())}
    size = len(answers)
    given = [size if s.extracted.value is None else answers.get(s.extracted.value, -1) for _, s in scored]
    gold = [answers.get(str(example.gold), -1) for example, _ in scored]
    if not answers or min(*given, *gold) < 0:
        return None
    codes = np.array(gold) * (size + 1) + np.array(given)
    cells = size * (size + 1)

    def count(index: Index) -> dict[str, Floats]:
        flat = codes[index] + np.arange(len(index))[:, None] * cells
        counts = np.bincount(flat.ravel(), minlength=len(index) * cells).reshape(-1, size, size + 1)
        return metrics_of_counts(counts)

    return count


def _by_correlation(task: Task, scored: Rows) -> MetricsOfResamples | None:
    middle = getattr(task, "middle", None)
    if task.answers is not None or middle is None:
        return None
    try:
        gold = np.array([float(str(example.gold)) for example, _ in scored])
        values = [s.extracted.value for _, s in scored]
        given = np.array([middle if value is None else float(value) for value in values], float)
    except ValueError:
        return None
    correct = np.array([s.correct for _, s in scored], float)

    def correlate(index: Index) -> dict[str, Floats]:
        return {**correlations_of_rows(gold[index], given[index]), "accuracy": correct[index].mean(1)}

    return correlate
