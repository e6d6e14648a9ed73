"""The confusion matrix: right answers against given ones, an unparsed answer being a column of its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from nlu_rl.tasks.contract import Example, Scored, Task

UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class Confusion:
    """`counts[i][j]` rows have the right answer `labels[i]` and were given `answers[j]`."""

    labels: list[str]
    answers: list[str]
    counts: list[list[int]]


def confusion_matrix(task: Task, scored: Iterable[tuple[Example, Scored]]) -> Confusion | None:
    """Count the rows; None for a task without a list of answers."""
    if task.answers is None:
        return None
    labels = list(task.answers)
    answers = [*labels, UNPARSED]
    place = {answer: column for column, answer in enumerate(labels)}
    counts = [[0] * len(answers) for _ in labels]
    for example, judged in scored:
        value = judged.extracted.value
        column = len(labels) if value is None else place[value]
        counts[place[str(example.gold)]][column] += 1
    return Confusion(labels, answers, counts)
