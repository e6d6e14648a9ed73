"""Every metric on 10,000 random cases against scikit-learn, scipy, and the official definitions written out plainly."""

import random
import re
import string
from collections import Counter
from functools import cache

import numpy as np
import pytest
import scipy.stats
from sklearn import config_context
from sklearn.metrics import f1_score, matthews_corrcoef

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.metrics import classification_metrics, correlations, correlations_of_rows, metrics_of_counts
from nlu_rl.tasks.reading import exact_match, normalized, word_f1
from nlu_rl.tasks.registry import get_task

CASES = 10_000
PUNCTUATION = frozenset(string.punctuation)


@pytest.mark.parametrize("size", [2, 3, 6])
def test_classification(size: int) -> None:
    """A case is a column, so that one call takes them all; scikit-learn's Matthews has no such form."""
    rng = np.random.default_rng(size)
    rows = 11
    # From cases with a single label to balanced ones, and from always wrong to nearly always right.
    gold = (rng.random((rows, CASES)) ** rng.uniform(0.3, 6, CASES) * size).astype(int)
    right = rng.random((rows, CASES)) < rng.random(CASES)
    given = np.where(right, gold, rng.integers(0, size + 1, (rows, CASES)))  # `size` is unparsed
    counts = np.zeros((CASES, size, size + 1), np.int64)
    np.add.at(counts, (np.arange(CASES)[None], gold, given), 1)
    ours = metrics_of_counts(counts)

    np.testing.assert_allclose(ours["accuracy"], (gold == given).mean(0), atol=1e-12)
    by_answer = np.array([f1_score(gold == code, given == code, average=None, zero_division=0) for code in range(size)])
    np.testing.assert_allclose(ours["f1"], by_answer[-1] if size == 2 else by_answer.mean(0), atol=1e-12)
    np.testing.assert_allclose(ours["matthews"], multiclass_correlation(gold, given, size + 1), atol=1e-9)
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for case in range(0, CASES, 100):
            reference = matthews_corrcoef(gold[:, case], given[:, case])
            assert ours["matthews"][case] == pytest.approx(reference, abs=1e-9)

    answers = [f"answer {code}" for code in range(size)]
    for case in range(0, CASES, 10):
        named = classification_metrics(
            [answers[code] for code in gold[:, case]],
            [None if code == size else answers[code] for code in given[:, case]],
            answers,
        )
        assert named == {name: values[case] for name, values in ours.items()}


def multiclass_correlation(gold: np.ndarray, given: np.ndarray, classes: int) -> np.ndarray:
    """Gorodkin's R_K as it is defined: the correlation of the two sides' indicators, and 0 where a side is constant."""
    one, other = (side[None] == np.arange(classes)[:, None, None] for side in (gold, given))  # (classes, rows, cases)
    one, other = (side - side.mean(1, keepdims=True) for side in (one, other))
    spread = np.sqrt((one**2).sum((0, 1)) * (other**2).sum((0, 1)))
    return np.divide((one * other).sum((0, 1)), spread, out=np.zeros(gold.shape[1]), where=spread > 1e-12)


def test_correlations() -> None:
    rng = np.random.default_rng(1)
    gold = (rng.uniform(0, 5, (CASES, 14)) * 10).round() / 10
    noise = rng.normal(0, 1, gold.shape) * rng.uniform(0, 6, (CASES, 1))
    given = np.clip(gold + noise, 0, 5).round(1)  # many ties, at the ends of the scale above all
    given[rng.random(given.shape) < 0.1] = 2.5
    given[::50] = 2.5  # and some sides that do not vary at all
    varied = (given != given[:, :1]).any(1)
    ours = correlations_of_rows(gold, given)
    assert not ours["pearson"][~varied].any()
    assert not ours["spearman"][~varied].any()
    pearson = scipy.stats.pearsonr(gold[varied], given[varied], axis=1).statistic
    np.testing.assert_allclose(ours["pearson"][varied], pearson, atol=1e-9)
    ranks = [scipy.stats.rankdata(side[varied], axis=1) for side in (gold, given)]
    np.testing.assert_allclose(ours["spearman"][varied], scipy.stats.pearsonr(*ranks, axis=1).statistic, atol=1e-9)
    for case in range(1, CASES, 25):
        alone = correlations(gold[case].tolist(), given[case].tolist())
        assert alone == {name: pytest.approx(values[case], abs=1e-12) for name, values in ours.items()}
        if varied[case]:
            assert alone["spearman"] == pytest.approx(
                scipy.stats.spearmanr(gold[case], given[case]).statistic, abs=1e-9
            )


@cache
def official_normalized(text: str) -> str:
    """SQuAD's evaluate-v1.1: small letters, then punctuation, articles and surplus spaces go, in this order."""
    text = "".join(mark for mark in text.lower() if mark not in PUNCTUATION)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def official_f1(answer: str, right: str) -> float:
    one, other = official_normalized(answer).split(), official_normalized(right).split()
    same = sum(min(count, Counter(other)[word]) for word, count in Counter(one).items())
    if same == 0:
        return 0.0
    precision, recall = same / len(one), same / len(other)
    return (2 * precision * recall) / (precision + recall)


WORDS = [
    "the",
    "The",
    "an",
    "a",
    "A.",
    "Theodor",
    "U.S.",
    "New-York",
    "1,000",
    "it's",
    "größe",
    "—",
    "(b)",
    "a-b",
    "...",
]
WORDS += ["(b)", "a-b", "...", "alpha", "beta", "Beta!", "gamma", "", "\t", "\u00a0"]


def random_texts(seed: int) -> list[tuple[str, list[str]]]:
    draw = random.Random(seed)

    def text() -> str:
        return draw.choice([" ", "  "]).join(draw.choices(WORDS, k=draw.randint(0, 6)))

    return [(text(), [text() for _ in range(draw.randint(1, 4))]) for _ in range(CASES)]


def test_squads_definitions() -> None:
    exact = 0
    for answer, accepted in random_texts(1):
        assert normalized(answer) == official_normalized(answer)
        match = max(float(official_normalized(answer) == official_normalized(right)) for right in accepted)
        assert exact_match(answer, accepted) == match
        assert word_f1(answer, accepted) == pytest.approx(max(official_f1(answer, right) for right in accepted))
        exact += match
    assert 100 < exact < CASES - 100, "the cases are of both kinds"


@pytest.mark.parametrize("name", ["squad", "record"])
def test_squad_and_record_over_all_cases(name: str) -> None:
    """Both average the best match of each question over the accepted answers; no answer is an empty one."""
    task = get_task(name)
    cases = [
        (" ".join(answer.split()), [right for right in (" ".join(r.split()) for r in accepted) if right])
        for answer, accepted in random_texts(2)
    ]
    cases = [(answer, accepted) for answer, accepted in cases if accepted]
    rows = [Example(f"validation-{n}", {}, "\n".join(accepted)) for n, (_, accepted) in enumerate(cases)]
    scored = [(row, task.score(row, f"{answer}</Judgement>")) for row, (answer, _) in zip(rows, cases, strict=True)]
    metrics = task.metrics(scored)
    f1 = [max(official_f1(answer, right) for right in accepted) for answer, accepted in cases]
    same = [
        max(float(official_normalized(answer) == official_normalized(right)) for right in accepted)
        for answer, accepted in cases
    ]
    assert metrics == {"f1": pytest.approx(np.mean(f1)), "em": pytest.approx(np.mean(same))}


def test_multirc() -> None:
    """F1a is scikit-learn's binary F1 over all answers; em the share of questions with every answer right."""
    task = get_task("multirc")
    rng = np.random.default_rng(3)
    questions = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    gold = rng.random((len(questions), CASES)) < rng.random(CASES)
    given = np.where(rng.random(gold.shape) < rng.random(CASES), gold, ~gold)
    unread = rng.random(gold.shape) < 0.03  # an unparsed answer is not a "yes", and never right
    examples = {
        right: [Example(f"validation-0-{q}-{n}", {}, "yes" if right else "no") for n, q in enumerate(questions)]
        for right in (True, False)
    }
    judged = {
        (right, text): task.score(examples[right][0], text)
        for right in (True, False)
        for text in ("yes</Judgement>", "no</Judgement>", "?")
    }
    texts = np.where(unread, "?", np.where(given, "yes</Judgement>", "no</Judgement>"))
    got = []
    for case in range(CASES):
        pairs = zip(gold[:, case].tolist(), texts[:, case].tolist(), strict=True)
        got.append(task.metrics([(examples[right][n], judged[right, text]) for n, (right, text) in enumerate(pairs)]))
    yes = given & ~unread
    np.testing.assert_allclose(
        [case["f1a"] for case in got], f1_score(gold, yes, average=None, zero_division=0), atol=1e-12
    )
    correct = (gold == given) & ~unread
    whole = np.array([correct[questions == q].all(0) for q in range(3)])
    np.testing.assert_allclose([case["em"] for case in got], whole.mean(0), atol=1e-12)
    np.testing.assert_allclose([case["accuracy"] for case in got], correct.mean(0), atol=1e-12)
