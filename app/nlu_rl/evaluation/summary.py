"""What predictions amount to: scores with intervals, parse rates, the confusion matrix."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nlu_rl.evaluation.confusion import Confusion, confusion_matrix
from nlu_rl.evaluation.intervals import Interval, bootstrap_intervals, sample_intervals
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.evaluation.resampling import Rows
from nlu_rl.tasks.contract import Task


@dataclass(frozen=True, slots=True)
class Summary:
    """Scores of `n` examples with `samples` predictions each.

    With several samples a score is the mean over the sets that take one prediction of each example.
    """

    scores: dict[str, float]
    intervals: dict[str, Interval]
    """95 %, over examples."""
    parse_rate: float
    """Share of completions that are exactly an answer, closed by the tag."""
    parse_rate_lenient: float
    """Share of completions in which an answer was found; those count in the scores."""
    n: int
    samples: int
    reward: float
    """Mean reward."""
    confusion: Confusion | None
    sample_intervals: dict[str, Interval] | None
    """The paper's interval, over samples; None with a single one."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarize(task: Task, predictions: Sequence[Prediction], seed: int) -> Summary:
    """Summarize labelled predictions, every example having the same number of samples."""
    sets = scored_sets(predictions)
    values = [task.metrics(rows) for rows in sets]
    pairs = [pair for rows in sets for pair in rows]
    how = [scored.extracted.how for _, scored in pairs]
    return Summary(
        scores={name: sum(value[name] for value in values) / len(values) for name in values[0]},
        intervals=bootstrap_intervals(task, sets, seed),
        parse_rate=how.count("strict") / len(how),
        parse_rate_lenient=1 - how.count("none") / len(how),
        n=len(sets[0]),
        samples=len(sets),
        reward=sum(scored.reward for _, scored in pairs) / len(pairs),
        confusion=confusion_matrix(task, pairs),
        sample_intervals=sample_intervals(task, sets) if len(sets) > 1 else None,
    )


def scored_sets(predictions: Sequence[Prediction]) -> list[Rows]:
    """Return the scored rows of each sample number, in the order of the rows."""
    sets: dict[int, list[Any]] = {}
    for prediction in predictions:
        if prediction.scored is None:
            raise ValueError("an unlabelled row cannot be scored")
        sets.setdefault(prediction.sample, []).append((prediction.example, prediction.scored))
    return [sets[sample] for sample in sorted(sets)]
