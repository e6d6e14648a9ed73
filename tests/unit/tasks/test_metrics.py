"""Metrics against scikit-learn and scipy called in the plainest way, and rewards against the paper's table."""

import random

import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.metrics import classification_metrics, correlations
from nlu_rl.tasks.registry import get_task


@pytest.mark.parametrize("seed", range(5))
def test_two_answers_with_unparsed_ones(seed: int) -> None:
    draw = random.Random(seed)
    gold = [draw.choice(["no", "yes"]) for _ in range(60)]
    predicted = [draw.choice(["no", "yes", None]) for _ in range(60)]
    named = [answer or "unparsed" for answer in predicted]
    metrics = classification_metrics(gold, predicted, ("no", "yes"))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(gold, named))
    assert metrics["f1"] == pytest.approx(f1_score(gold, named, labels=["yes"], average="macro"))
    assert metrics["matthews"] == pytest.approx(matthews_corrcoef(gold, named))


def test_three_answers() -> None:
    gold, predicted = ["a", "b", "c", "a"], ["a", "c", "c", None]
    metrics = classification_metrics(gold, predicted, ("a", "b", "c"))
    assert metrics["f1"] == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)
    assert metrics["accuracy"] == 0.5


def test_an_unparsed_answer_is_never_better_than_a_wrong_one_for_accuracy() -> None:
    assert classification_metrics(["yes"], [None], ("no", "yes")) == {"accuracy": 0.0, "f1": 0.0, "matthews": 0.0}


def test_unparsed_numbers_count_as_the_middle() -> None:
    task = get_task("stsb")
    golds = ["0.0", "1.0", "3.2", "5.0", "4.0"]
    given = ["1.0", "0.5", "no idea", "4.4", "4.5"]
    rows = [Example(str(i), {"sentence1": "a", "sentence2": "b"}, gold) for i, gold in enumerate(golds)]
    metrics = task.metrics([(row, task.score(row, text)) for row, text in zip(rows, given, strict=True)])
    gold, predicted = [0.0, 1.0, 3.2, 5.0, 4.0], [1.0, 0.5, 2.5, 4.4, 4.5]
    assert metrics["spearman"] == pytest.approx(spearmanr(gold, predicted).statistic)
    assert metrics["pearson"] == pytest.approx(pearsonr(gold, predicted).statistic)
    assert metrics["accuracy"] == pytest.approx(2 / 5)


@pytest.mark.parametrize(("gold", "predicted"), [([1.0], [2.0]), ([1.0, 1.0], [0.0, 2.0]), ([0.0, 2.0], [2.5, 2.5])])
def test_a_side_that_does_not_vary_has_no_correlation(gold: list[float], predicted: list[float]) -> None:
    assert correlations(gold, predicted) == {"spearman": 0.0, "pearson": 0.0}


REWARDS = [
    ("sst2", "positive", "positive</Judgement>", 1.0, True),
    ("sst2", "positive", "negative</Judgement>", 0.0, False),
    ("sst2", "positive", "so so</Judgement>", -1.0, False),
    ("movie-snippets", "negative", "Negative, I think", 1.0, True),
    ("movie-snippets", "negative", "positive and negative", -1.0, False),
    ("cola", "acceptable", "not acceptable</Judgement>", 0.0, False),
    ("cola", "not acceptable", "not acceptable</Judgement>", 1.0, True),
    ("cola", "not acceptable", "acceptable", 0.0, False),
    ("stsb", "3.8", "3.8</Judgement>", 2.5, True),
    ("stsb", "3.8", "3.3", 2.0, True),
    ("stsb", "0.0", "5", -2.5, False),
    ("stsb", "5.0", "1.0</Judgement>", -1.5, False),
    ("stsb", "5.0", "6.0</Judgement>", -2.5, False),
    ("stsb", "2.5", "no", -2.5, False),
]


@pytest.mark.parametrize(("name", "gold", "completion", "reward", "correct"), REWARDS)
def test_reward(name: str, gold: str, completion: str, reward: float, correct: bool) -> None:
    task = get_task(name)
    scored = task.score(Example("1", dict.fromkeys(task.schema.fields, "x"), gold), completion)
    assert (scored.reward, scored.correct) == (pytest.approx(reward), correct)


def test_submissions_are_in_the_official_form() -> None:
    cases = [
        ("sst2", "SST-2.tsv", ["positive</Judgement>", "negative</Judgement>", "?"], ["1", "0", "1"]),
        ("cola", "CoLA.tsv", ["acceptable</Judgement>", "not acceptable</Judgement>", "?"], ["1", "0", "1"]),
        ("stsb", "STS-B.tsv", ["3.800</Judgement>", "0</Judgement>", "?"], ["3.8", "0.0", "2.5"]),
    ]
    for name, file_name, completions, written in cases:
        task = get_task(name)
        rows = [Example(f"test-{index}", {}, None) for index in (0, 1, 2)]
        answers = [(row, task.extract(text)) for row, text in zip(rows, completions, strict=True)]
        submission = task.submission(answers)
        assert (submission.file_name, submission.header) == (file_name, ("index", "prediction"))
        assert submission.rows == [(str(index), label) for index, label in enumerate(written)]
