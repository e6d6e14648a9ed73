"""Tasks answered with a text, judged against accepted answers by exact match and word-level F1.

The gold of a row holds the accepted answers, one a line; the first is what a model is taught. Reward: exact match, F1,
or the mean of both, between 0 and 1, and -1 where nothing was answered. In the metrics no answer is an empty one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nlu_rl.tasks.base import DatasetTask, require_rows, total
from nlu_rl.tasks.contract import CLOSE_TAG, Example, Extracted, Scored
from nlu_rl.tasks.extraction import NOTHING, inside_tags
from nlu_rl.tasks.reading import exact_match, word_f1
from nlu_rl.tasks.sums import Sums, add_up, means

RewardOf = Literal["em", "f1", "mean"]
EXCEPTIONAL = -1.0
_WEIGHTS = {"em": (1.0, 0.0), "f1": (0.0, 1.0), "mean": (0.5, 0.5)}
MOST_WORDS = 60
"""A longer text without closing tag is taken for talk, not for an answer."""


class FreeTextTask(DatasetTask):
    """A task without a list of answers. An answer is `correct` when it matches exactly."""

    answers = None
    metric = "f1"
    reward_of: RewardOf = "mean"
    submission_default = ""

    def extract(self, completion: str) -> Extracted:
        """Return the text before the closing tag; without one, leniently the first line."""
        text, closed = inside_tags(completion)
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            return NOTHING
        if closed and CLOSE_TAG in completion and len(lines) == 1:
            return Extracted(" ".join(text.split()), "strict")
        words = lines[0].split()
        return Extracted(" ".join(words), "lenient") if len(words) <= MOST_WORDS else NOTHING

    def accepted(self, example: Example) -> list[str]:
        """Return the accepted answers, the one that is taught first."""
        return self.gold(example).split("\n")

    def target(self, example: Example) -> str:
        return self.accepted(example)[0] + CLOSE_TAG

    def score(self, example: Example, completion: str) -> Scored:
        accepted = self.accepted(example)
        extracted = self.extract(completion)
        if extracted.value is None:
            return Scored(EXCEPTIONAL, {"em": 0.0, "f1": 0.0, "exceptional": EXCEPTIONAL}, False, extracted)
        match, overlap = exact_match(extracted.value, accepted), word_f1(extracted.value, accepted)
        of_match, of_overlap = _WEIGHTS[self.reward_of]
        parts = {"em": of_match * match, "f1": of_overlap * overlap, "exceptional": 0.0}
        return Scored(total(parts), parts, match == 1.0, extracted)

    def units(self, scored: Sequence[tuple[Example, Scored]]) -> list[Sums]:
        """Return what each row adds."""
        rows = []
        for example, judged in scored:
            answer, accepted = judged.extracted.value or "", self.accepted(example)
            rows.append({"em": exact_match(answer, accepted), "f1": word_f1(answer, accepted), "n": 1.0})
        return rows

    def of_sums(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        return means(sums)

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return the mean exact match and F1."""
        require_rows(scored, self.name)
        return self.of_sums(add_up(self.units(scored)))

    def written_label(self, answer: str) -> str:
        return answer
