"""The metrics of tasks as functions of counts and ranks, for one set of answers or thousands at once.

The definitions are scikit-learn's and scipy's, which the tests compare with; the array forms are here because intervals
take every metric ten thousand times. None is an unparsed answer: one more class that is predicted and never right.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def classification_metrics(
    gold: Sequence[str], predicted: Sequence[str | None], answers: Sequence[str]
) -> dict[str, float]:
    """Return `accuracy`, `f1` and `matthews` of one set of answers; see `metrics_of_counts`."""
    codes = {answer: code for code, answer in enumerate(answers)}
    right = np.array([codes[answer] for answer in gold])
    given = np.array([len(codes) if answer is None else codes[answer] for answer in predicted])
    counts = np.zeros((1, len(codes), len(codes) + 1), np.int64)
    np.add.at(counts[0], (right, given), 1)
    return {name: float(value[0]) for name, value in metrics_of_counts(counts).items()}


def metrics_of_counts(counts: NDArray[np.int64]) -> dict[str, Floats]:
    """Return accuracy, F1 and Matthews of counts (R, answers, answers + 1), the last column being unparsed.

    With two answers `f1` is that of the last one, the positive class, else the unweighted mean over the answers. What
    is undefined is 0.
    """
    size = counts.shape[1]
    total = counts.sum((1, 2)).astype(float)
    right = np.einsum("rii->ri", counts[:, :, :size]).astype(float)
    gold = counts.sum(2).astype(float)
    given = counts.sum(1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.nan_to_num(2 * right / (gold + given[:, :size]))
        covariance = right.sum(1) * total - (gold * given[:, :size]).sum(1)
        spread = (total**2 - (given**2).sum(1)) * (total**2 - (gold**2).sum(1))
        matthews = np.where(spread > 0, covariance / np.sqrt(spread), 0.0)
    return {
        "accuracy": right.sum(1) / total,
        "f1": f1[:, -1] if size == 2 else f1.mean(1),
        "matthews": matthews,
    }


def correlations(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    """Return `spearman` and `pearson`; both are 0 where one side has a single value, for which they are undefined."""
    found = correlations_of_rows(np.array([gold], float), np.array([predicted], float))
    return {name: float(value[0]) for name, value in found.items()}


def correlations_of_rows(gold: Floats, predicted: Floats) -> dict[str, Floats]:
    """As `correlations`, of each row (R, n)."""
    from scipy.stats import rankdata

    ranks: Any = rankdata(gold, axis=1), rankdata(predicted, axis=1)
    return {"spearman": _pearson(*ranks), "pearson": _pearson(gold, predicted)}


def _pearson(one: Floats, other: Floats) -> Floats:
    """Return the correlation of each row (R,); 0 where a side does not vary."""
    varies = (one != one[:, :1]).any(1) & (other != other[:, :1]).any(1)
    one = one - one.mean(1, keepdims=True)
    other = other - other.mean(1, keepdims=True)
    spread = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(varies & (spread > 0), np.clip((one * other).sum(1) / spread, -1, 1), 0.0)
