"""Exact match and F1 as the official SQuAD script computes them, and the tasks that use them."""

import json
import random
import re
import string
from collections import Counter

import pytest

from nlu_rl.tasks.contract import Example, Extracted
from nlu_rl.tasks.reading import exact_match, normalized, word_f1
from nlu_rl.tasks.registry import get_task

WORDS = [
    "the",
    "A",
    "an",
    "red",
    "Red",
    "car,",
    "25",
    "March",
    "--",
    "it's",
    "Ünï",
    "(the)",
    "U.S.",
    "\u2019s",
    "",
    "\t",
]


def reference_normalized(text: str) -> str:
    """The steps of the official script, one by one: lower, punctuation, articles, white space."""
    lowered = text.lower()
    plain = "".join(mark for mark in lowered if mark not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def reference_f1(answer: str, right: str) -> float:
    one, other = reference_normalized(answer).split(), reference_normalized(right).split()
    same = sum((Counter(one) & Counter(other)).values())
    if same == 0:
        return 0.0
    precision, recall = 1.0 * same / len(one), 1.0 * same / len(other)
    return (2 * precision * recall) / (precision + recall)


def test_agreement_with_the_official_steps_on_random_texts() -> None:
    draw = random.Random(1)
    for _ in range(10_000):
        answer, *accepted = (" ".join(draw.choices(WORDS, k=draw.randint(0, 5))) for _ in range(3))
        assert normalized(answer) == reference_normalized(answer)
        match = max(float(reference_normalized(answer) == reference_normalized(right)) for right in accepted)
        assert exact_match(answer, accepted) == match
        assert word_f1(answer, accepted) == max(reference_f1(answer, right) for right in accepted)


EXTRACTED = [
    ("Denver Broncos</Judgement>", "Denver Broncos", "strict"),
    (" the  Broncos </Judgement> and more", "the Broncos", "strict"),
    ("<Judgement>Broncos</Judgement>", "Broncos", "strict"),
    ("Broncos", "Broncos", "lenient"),
    ("Broncos\nThey won.", "Broncos", "lenient"),
    ("one\ntwo</Judgement>", "one", "lenient"),
    ("Broncos</judgement>", "Broncos", "lenient"),
    ("word " * 200, None, "none"),
    ("", None, "none"),
    (" \n</Judgement>", None, "none"),
]


@pytest.mark.parametrize(("completion", "value", "how"), EXTRACTED)
def test_extraction(completion: str, value: str | None, how: str) -> None:
    assert get_task("squad").extract(completion) == Extracted(value, how)


@pytest.mark.parametrize(
    ("name", "completion", "reward"),
    [
        ("squad", "The Denver Broncos</Judgement>", 1.0),
        ("squad", "Broncos</Judgement>", 1.0),
        ("squad", "Denver</Judgement>", 0.5 * 2 / 3),
        ("squad-f1", "Denver</Judgement>", 2 / 3),
        ("squad-em", "Denver</Judgement>", 0.0),
        ("squad-em", "denver broncos!", 1.0),
        ("squad", "Panthers</Judgement>", 0.0),
        ("squad", "", -1.0),
    ],
)
def test_reward(name: str, completion: str, reward: float) -> None:
    example = Example("1", {"context": "c", "question": "q"}, "Denver Broncos\nBroncos")
    task = get_task(name)
    scored = task.score(example, completion)
    assert scored.reward == pytest.approx(reward)
    assert scored.reward == pytest.approx(sum(scored.parts.values()))
    assert task.target(example) == "Denver Broncos</Judgement>"


def test_metrics_are_means_over_questions_and_no_answer_is_an_empty_one() -> None:
    task = get_task("squad-em")
    rows = [Example(str(n), {}, gold) for n, gold in enumerate(["a b\nx", "c d", "e"])]
    scored = [(row, task.score(row, text)) for row, text in zip(rows, ["X", "c", ""], strict=True)]
    assert task.metrics(scored) == {"em": pytest.approx(1 / 3), "f1": pytest.approx((1 + 2 / 3 + 0) / 3)}


def test_the_predictions_file_of_the_official_script() -> None:
    task = get_task("squad")
    answers = [
        (Example("56be", {}, None), task.extract("Ann</Judgement>")),
        (Example("57", {}, None), task.extract("")),
    ]
    submission = task.submission(answers)
    assert submission.file_name == "predictions.json"
    assert json.loads(submission.text()) == {"56be": "Ann", "57": ""}
