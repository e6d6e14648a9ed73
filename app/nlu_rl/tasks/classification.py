"""Tasks with a fixed set of answers.

Reward: 1 for the right answer, 0 for a wrong one, -1 for an exceptional (unparsed) one. In every metric an unparsed
answer is a class of its own, predicted and never right.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from nlu_rl.tasks.base import DatasetTask, require_rows, total
from nlu_rl.tasks.contract import Example, Extracted, Scored
from nlu_rl.tasks.extraction import extract_answer

RIGHT, WRONG, EXCEPTIONAL = 1.0, 0.0, -1.0


class ClassificationTask(DatasetTask):
    """A task whose `answers` are listed, in the order of the label codes; the last of two is the positive class."""

    answers: tuple[str, ...]
    metric = "accuracy"
    keywords: Mapping[str, str] = MappingProxyType({})
    """Further words, in small letters, and the answer each means."""
    submission_labels: Mapping[str, str] = MappingProxyType({})
    """How the official submission writes an answer; the answer itself where it is not listed."""

    def extract(self, completion: str) -> Extracted:
        return extract_answer(completion, self.answers, self.keywords)

    def score(self, example: Example, completion: str) -> Scored:
        gold = self.gold(example)
        extracted = self.extract(completion)
        correct = extracted.value == gold
        parts = {
            "correctness": RIGHT if correct else WRONG,
            "exceptional": EXCEPTIONAL if extracted.value is None else 0.0,
        }
        return Scored(total(parts), parts, correct, extracted)

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return accuracy, F1 (of the positive class of two, else the mean over the answers) and Matthews."""
        from nlu_rl.tasks.metrics import classification_metrics

        require_rows(scored, self.name)
        gold = [self.gold(example) for example, _ in scored]
        return classification_metrics(gold, [judged.extracted.value for _, judged in scored], self.answers)

    def written_label(self, answer: str) -> str:
        return self.submission_labels.get(answer, answer)
