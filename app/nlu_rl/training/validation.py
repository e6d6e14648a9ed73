"""Validation during training: the same rows every time, scored as evaluation scores them, and which step was best."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from nlu_rl.errors import DataError
from nlu_rl.evaluation.job import evaluate_policy
from nlu_rl.evaluation.rows import choose_rows
from nlu_rl.evaluation.summary import Summary
from nlu_rl.policy.policy import Policy
from nlu_rl.recipe import Recipe
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Task


@dataclass
class BestStep:
    """The best validation so far, and how many have passed without a better one."""

    score: float | None = None
    step: int = 0
    without_better: int = 0

    def update(self, score: float, step: int) -> bool:
        """Take in a validation and return whether it is the best so far."""
        better = self.score is None or score > self.score
        if better:
            self.score, self.step, self.without_better = score, step, 0
        else:
            self.without_better += 1
        return better

    def state(self) -> dict[str, float | int | None]:
        return asdict(self)


class Validation:
    """Scores a policy on fixed validation rows of every task of the recipe."""

    def __init__(self, recipe: Recipe, tasks: Sequence[Task], reporter: Reporter) -> None:
        self._recipe = recipe
        self._reporter = reporter
        self._rows = [(task, _rows(task, recipe)) for task in tasks]

    def run(self, policy: Policy, step: int) -> float:
        """Validate, write a `validation` event for each task, and return the mean of the tasks' main metrics.

        One sample at temperature 1 a row, as the paper evaluates; the draws are the same at every step, and those of
        an evaluation of as many rows with the run's seed.
        """
        scores = []
        for task, rows in self._rows:
            summary: Summary = evaluate_policy(
                policy,
                task,
                [example for _, example in rows],
                rows=[number for number, _ in rows],
                temperature=1.0,
                max_new_tokens=self._recipe.generation.max_new_tokens,
                seed=self._recipe.seed,
                progress=lambda done, total: self._reporter.progress("validation", done, total),
            )
            self._reporter.event(
                "validation",
                step=step,
                task=task.name,
                metric=task.metric,
                scores=summary.scores,
                intervals=summary.intervals,
                parse_rate=summary.parse_rate,
                parse_rate_lenient=summary.parse_rate_lenient,
                n=summary.n,
            )
            scores.append(summary.scores[task.metric])
        return float(np.mean(scores))


def _rows(task: Task, recipe: Recipe) -> list[tuple[int, Example]]:
    """Return the rows an evaluation of as many would take, with their numbers in the split."""
    examples = task.load("validation")
    if all(example.gold is None for example in examples):
        raise DataError(
            f"Task '{task.name}' has no labelled validation rows.",
            "Import a validation split, or set evaluate.every=null and evaluate.before=false.",
        )
    return choose_rows(examples, recipe.evaluate.examples, what=f"The validation split of {task.name}", task=task)
