"""The exact words of every task's prompt: changing one changes what trained adapters and quoted scores stand for."""

import pytest

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task, task_names

REVIEWS = (
    "You are an assistant that judges the sentiment of movie reviews.",
    "Classify the movie review. Answer with exactly <Judgement>positive</Judgement> or <Judgement>negative</Judgement> "
    "and nothing else.\n\nReview: A {fine} film.",
)
GOLDEN = {
    "movie-snippets": ({"text": "A {fine} film."}, *REVIEWS),
    "sst2": ({"sentence": "A {fine} film."}, *REVIEWS),
    "cola": (
        {"sentence": "Who came?"},
        "You are an assistant that analyses the linguistic properties of sentences.",
        "Decide whether the sentence is grammatically acceptable English. Answer with exactly "
        "<Judgement>acceptable</Judgement> or <Judgement>not acceptable</Judgement> and nothing else. Write "
        "<Judgement>acceptable</Judgement> when nothing is wrong with it.\n\nSentence: Who came?",
    ),
    "stsb": (
        {"sentence1": "A car.", "sentence2": "A bus."},
        "You are an assistant that compares the meaning of sentences.",
        "Rate how similar in meaning the two sentences are, from 0.0 (unrelated) to 5.0 (the same). Answer with "
        "exactly one number, such as <Judgement>0.4</Judgement>, <Judgement>2.5</Judgement> or "
        "<Judgement>4.6</Judgement>, and nothing else.\n\nSentence 1: A car.\nSentence 2: A bus.",
    ),
}


@pytest.mark.parametrize("name", task_names())
def test_golden_prompt(name: str) -> None:
    fields, system, user = GOLDEN[name]
    assert get_task(name).prompt(Example("1", fields, None)) == [
        {"role": "system", "content": system},
        {"role": "user", "content": user},
        {"role": "assistant", "content": "<Judgement>"},
    ]
