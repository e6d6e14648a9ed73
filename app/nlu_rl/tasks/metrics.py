"""The metrics of tasks, by scikit-learn and scipy. Pure functions over answers; None is an unparsed answer."""

from collections.abc import Sequence

UNPARSED = "(unparsed)"


def classification_metrics(
    gold: Sequence[str], predicted: Sequence[str | None], answers: Sequence[str]
) -> dict[str, float]:
    """Return `accuracy`, `f1` and `matthews`; an unparsed answer is one more class that is never right.

    With two answers `f1` is that of the last one, the positive class, else the unweighted mean over the answers.
    """
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    codes = {answer: code for code, answer in enumerate(answers)}
    unparsed = len(codes)
    right = [codes[answer] for answer in gold]
    given = [unparsed if answer is None else codes[answer] for answer in predicted]
    labels = [len(codes) - 1] if len(codes) == 2 else list(range(len(codes)))
    return {
        "accuracy": float(accuracy_score(right, given)),
        "f1": float(f1_score(right, given, labels=labels, average="macro", zero_division=0)),
        "matthews": float(matthews_corrcoef(right, given)),
    }


def correlations(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    """Return `spearman` and `pearson`; both are 0 where one side has a single value, for which they are undefined."""
    from scipy.stats import pearsonr, spearmanr

    if len(set(gold)) < 2 or len(set(predicted)) < 2:
        return {"spearman": 0.0, "pearson": 0.0}
    return {
        "spearman": float(spearmanr(gold, predicted).statistic),
        "pearson": float(pearsonr(gold, predicted).statistic),
    }
