"""Tasks whose answer is a number.

Reward: half the width of the scale minus the distance to the right number; an unparsed answer gets minus half the
width. In the correlations an unparsed answer counts as the middle of the scale. On STS-B's scale of 0 to 5 these are
`2.5 - |error|`, -2.5 and 2.5.
"""

from collections.abc import Sequence

from nlu_rl.data.schema import number_text
from nlu_rl.tasks.base import DatasetTask, require_rows, total
from nlu_rl.tasks.contract import Example, Extracted, Scored
from nlu_rl.tasks.extraction import extract_number


class RegressionTask(DatasetTask):
    """A task whose gold is a number from `low` to `high`; an answer within a tenth of that counts as correct."""

    answers = None
    metric = "spearman"
    low: float = 0.0
    high: float = 5.0

    @property
    def correct_within(self) -> float:
        return (self.high - self.low) / 10

    @property
    def best_reward(self) -> float:  # type: ignore[override]
        """Half the width of the scale."""
        return (self.high - self.low) / 2

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def extract(self, completion: str) -> Extracted:
        return extract_number(completion, self.low, self.high)

    def score(self, example: Example, completion: str) -> Scored:
        gold = float(self.gold(example))
        extracted = self.extract(completion)
        half_width = self.best_reward
        if extracted.value is None:
            return Scored(-half_width, {"closeness": 0.0, "exceptional": -half_width}, False, extracted)
        error = abs(float(extracted.value) - gold)
        parts = {"closeness": half_width - error, "exceptional": 0.0}
        return Scored(total(parts), parts, error <= self.correct_within, extracted)

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return Spearman and Pearson (0 where one side does not vary), and the share of correct answers."""
        from nlu_rl.tasks.metrics import correlations

        require_rows(scored, self.name)
        gold = [float(self.gold(example)) for example, _ in scored]
        values = [judged.extracted.value for _, judged in scored]
        predicted = [self.middle if value is None else float(value) for value in values]
        within = sum(judged.correct for _, judged in scored) / len(scored)
        return {**correlations(gold, predicted), "accuracy": within}

    def written_label(self, answer: str) -> str:
        return number_text(float(answer))
