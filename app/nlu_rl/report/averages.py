"""The averages of a benchmark: the paper's, and the official server's beside it. Pure functions over scores.

GLUE: the paper takes the plain mean of nine columns, one metric each, without WNLI and AX, both MNLI counting. The
server takes nine tasks with WNLI: MNLI's two halves are averaged first, and so are the two metrics of MRPC and QQP
(F1 and accuracy) and of STS-B (Spearman and Pearson). SuperGLUE: both take eight tasks without the diagnostic sets, two
metrics of a task averaged first. Transfer: the paper's mean of the six sets; there is no server.

A score may be a share or a percentage, as long as all are alike. An average of fewer scores than it is made of is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nlu_rl.errors import RecipeError, unknown_name

Scores = Mapping[str, Mapping[str, float]]
"""From task to metric to score, as evaluations give them."""
Column = tuple[tuple[str, str], ...]
"""The (task, metric) pairs whose mean is one column."""


@dataclass(frozen=True, slots=True)
class Average:
    """A benchmark's average: None unless every score is there. `missing` names the others as `task metric`."""

    value: float | None
    columns: int
    """Of how many columns it is the mean."""
    missing: tuple[str, ...]
    of_present: float | None
    """The mean of the columns that are whole; None when none is. Comparable only between rows with the same ones."""


@dataclass(frozen=True, slots=True)
class Averages:
    """Both averages of a benchmark; `official` is None where there is no official one."""

    paper: Average
    official: Average | None


def _one(task: str, *metrics: str) -> Column:
    return tuple((task, metric) for metric in metrics)


_GLUE_PAPER = (
    _one("mnli", "accuracy"),
    _one("mnli-mm", "accuracy"),
    _one("qqp", "f1"),
    _one("qnli", "accuracy"),
    _one("sst2", "accuracy"),
    _one("cola", "matthews"),
    _one("stsb", "spearman"),
    _one("mrpc", "f1"),
    _one("rte", "accuracy"),
)
_GLUE_OFFICIAL = (
    _one("cola", "matthews"),
    _one("sst2", "accuracy"),
    _one("mrpc", "f1", "accuracy"),
    _one("stsb", "spearman", "pearson"),
    _one("qqp", "f1", "accuracy"),
    (("mnli", "accuracy"), ("mnli-mm", "accuracy")),
    _one("qnli", "accuracy"),
    _one("rte", "accuracy"),
    _one("wnli", "accuracy"),
)
_SUPERGLUE = (
    _one("boolq", "accuracy"),
    _one("cb", "f1", "accuracy"),
    _one("copa", "accuracy"),
    _one("multirc", "f1a", "em"),
    _one("record", "f1", "em"),
    _one("superglue-rte", "accuracy"),
    _one("wic", "accuracy"),
    _one("wsc", "accuracy"),
)
_TRANSFER = tuple(
    _one(task, "accuracy")
    for task in ("financial-phrasebank", "financial-news", "mental-health", "emotion", "babi-nli", "siga-nli")
)

AVERAGED: Mapping[str, tuple[tuple[Column, ...], tuple[Column, ...] | None]] = {
    "glue": (_GLUE_PAPER, _GLUE_OFFICIAL),
    "superglue": (_SUPERGLUE, _SUPERGLUE),
    "transfer": (_TRANSFER, None),
}
"""By benchmark, the columns of the paper's average and of the official one."""

SHOWN: Mapping[str, tuple[Column, ...]] = {
    "glue": (*_GLUE_PAPER, _one("wnli", "accuracy"), _one("ax", "matthews")),
    "superglue": (*_SUPERGLUE, _one("ax-b", "matthews"), _one("ax-g", "gender_parity", "accuracy")),
    "transfer": _TRANSFER,
}
"""By benchmark, the columns of the paper's table in its order, with their metrics as it prints them."""


def averages(benchmark: str, scores: Scores) -> Averages:
    """Return the paper's average of a benchmark and the official one.

    Raises:
        RecipeError: a benchmark that is none of `AVERAGED`.
    """
    if benchmark not in AVERAGED:
        raise RecipeError(unknown_name("benchmark", benchmark, AVERAGED), "Give one of them.")
    paper, official = AVERAGED[benchmark]
    return Averages(_average(paper, scores), None if official is None else _average(official, scores))


def column_score(column: Column, scores: Scores) -> float | None:
    """Return a column's score, the mean of its metrics; None where one is missing."""
    values = [scores.get(task, {}).get(metric) for task, metric in column]
    there = [value for value in values if value is not None]
    return sum(there) / len(values) if len(there) == len(values) else None


def _average(columns: Sequence[Column], scores: Scores) -> Average:
    values = [value for column in columns if (value := column_score(column, scores)) is not None]
    wanted = [pair for column in columns for pair in column]
    missing = tuple(f"{task} {metric}" for task, metric in wanted if scores.get(task, {}).get(metric) is None)
    mean = sum(values) / len(values) if values else None
    return Average(mean if not missing else None, len(columns), missing, mean)
