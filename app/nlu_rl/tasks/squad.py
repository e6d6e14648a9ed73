"""SQuAD v1.1: a question about a paragraph, answered with words of it. (Exact match and word-level F1.)

The paper trains on exact match and F1 as the reward: `squad` takes their mean, `squad-em` and `squad-f1` one of them.
All three have the same data, prompt and metrics, so their adapters are compared on any of them.
"""

import json
from collections.abc import Sequence

from nlu_rl.tasks.contract import Example, Extracted, Submission
from nlu_rl.tasks.free_text import FreeTextTask


class Squad(FreeTextTask):
    name = "squad"
    dataset = "squad"
    passage = "context"
    title = "Questions about a paragraph, answered with its words (SQuAD v1.1)"
    note = "The reward is the mean of exact match and F1; squad-em and squad-f1 are the same task with one of them."
    system = "You are an assistant that answers questions with words of a text."
    instructions = (
        "Answer the question with as few words of the text as possible. Answer with exactly "
        "<Judgement>the words</Judgement> and nothing else."
    )
    query = "Text: {context}\nQuestion: {question}"
    submission_file = "predictions.json"

    def submission(self, answers: Sequence[tuple[Example, Extracted]]) -> Submission:
        """Return the official script's file: one JSON object from question id to answer."""
        given = {example.id: extracted.value or self.submission_default for example, extracted in answers}
        return Submission(self.submission_file, (), [(json.dumps(given, ensure_ascii=False),)])


class SquadExactMatch(Squad):
    name = "squad-em"
    reward_of = "em"
    title = "SQuAD v1.1 with exact match as the reward"
    note = "The task squad with another reward."


class SquadF1(Squad):
    name = "squad-f1"
    reward_of = "f1"
    title = "SQuAD v1.1 with word-level F1 as the reward"
    note = "The task squad with another reward."
