import math

import numpy as np
import pytest

from nlu_rl.evaluation.confusion import confusion_matrix
from nlu_rl.evaluation.intervals import bootstrap_intervals, percentiles, sample_intervals
from nlu_rl.evaluation.paired import bootstrap_differences, bootstrap_p, compare_paired, mcnemar_p
from nlu_rl.evaluation.request import metric_names
from nlu_rl.evaluation.resampling import SLOW_RESAMPLES, _one_by_one, resampled_metrics
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.metrics import metrics_of_counts
from nlu_rl.tasks.registry import get_task, task_names

SST2, COLA, STSB = get_task("sst2"), get_task("cola"), get_task("stsb")


def scored(task, pairs):
    """Return scored rows from (gold, completion) pairs."""
    examples = [Example(str(i), {}, gold) for i, (gold, _) in enumerate(pairs)]
    return [(example, task.score(example, text)) for example, (_, text) in zip(examples, pairs, strict=True)]


def classified(task, count: int, seed: int, right: float = 0.7):
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        gold = task.answers[rng.integers(2)]
        other = task.answers[0] if gold == task.answers[1] else task.answers[1]
        pairs.append((gold, rng.choice([gold, other, "?"], p=[right, 0.9 - right, 0.1])))
    return scored(task, pairs)


def rated(count: int, seed: int, noise: float = 1.0):
    rng = np.random.default_rng(seed)
    gold = rng.uniform(0, 5, count).round(1)
    given = np.clip(gold + rng.normal(0, noise, count), 0, 5).round(1)
    return scored(
        STSB, [(f"{g}", "?" if i % 9 == 0 else f"{v}") for i, (g, v) in enumerate(zip(gold, given, strict=True))]
    )


@pytest.mark.parametrize(
    ("task", "rows"), [(SST2, classified(SST2, 60, 1)), (COLA, classified(COLA, 61, 2)), (STSB, rated(50, 3))]
)
def test_vectorised_metrics_equal_the_tasks_own_on_every_resample(task, rows) -> None:
    quick, resamples = resampled_metrics(task, rows)
    assert resamples > SLOW_RESAMPLES, "the quick path must be taken for the shipped tasks"
    index = np.random.default_rng(0).integers(0, len(rows), (40, len(rows)))
    index[0] = index[0][0]  # one row many times: every metric is degenerate
    slow = _one_by_one(task, rows)(index)
    fast = quick(index)
    assert fast.keys() == slow.keys()
    for name, values in slow.items():
        np.testing.assert_allclose(fast[name], values, atol=1e-9, err_msg=name)


def test_counts_of_three_answers_agree_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    rng = np.random.default_rng(5)
    gold, given = rng.integers(0, 3, 80), rng.integers(0, 4, 80)
    counts = np.zeros((1, 3, 4), int)
    np.add.at(counts[0], (gold, given), 1)
    got = metrics_of_counts(counts)
    assert got["accuracy"][0] == pytest.approx(accuracy_score(gold, given))
    assert got["matthews"][0] == pytest.approx(matthews_corrcoef(gold, given))
    expected = f1_score(gold, given, labels=[0, 1, 2], average="macro", zero_division=0)
    assert got["f1"][0] == pytest.approx(expected)


class OddTask:
    """A task with a metric nobody has a formula for."""

    name, answers, metric = "odd", SST2.answers, "worst"

    def metrics(self, rows):
        return {"worst": min(s.reward for _, s in rows)}


def test_any_other_metric_is_computed_by_the_task() -> None:
    rows = classified(SST2, 30, 1)
    function, resamples = resampled_metrics(OddTask(), rows)
    assert resamples == SLOW_RESAMPLES
    assert function(np.arange(30)[None])["worst"].tolist() == [-1.0]


def test_the_bootstrap_interval_of_a_share_is_the_binomials() -> None:
    rows = scored(SST2, [("positive", "positive")] * 160 + [("positive", "negative")] * 40)
    low, high = bootstrap_intervals(SST2, [rows], seed=1)["accuracy"]
    deviation = math.sqrt(0.8 * 0.2 / 200)
    assert low == pytest.approx(0.8 - 1.96 * deviation, abs=0.006)
    assert high == pytest.approx(0.8 + 1.96 * deviation, abs=0.006)


@pytest.mark.parametrize("answer", ["positive", "negative"])
def test_all_rows_alike_are_not_certainty(answer: str) -> None:
    from scipy.stats import binomtest

    rows = scored(SST2, [("positive", answer)] * 20)
    exact = binomtest(20 if answer == "positive" else 0, 20).proportion_ci(method="exact")
    assert bootstrap_intervals(SST2, [rows], seed=1)["accuracy"] == pytest.approx((exact.low, exact.high))


def test_the_bootstrap_agrees_with_scipys() -> None:
    from scipy.stats import bootstrap

    rows = classified(SST2, 150, 4)
    right = np.array([s.correct for _, s in rows], float)
    reference = bootstrap((right,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    low, high = bootstrap_intervals(SST2, [rows], seed=9)["accuracy"]
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.015)


def test_intervals_are_seeded() -> None:
    rows = rated(40, 1)
    assert bootstrap_intervals(STSB, [rows], 1) == bootstrap_intervals(STSB, [rows], 1)
    assert bootstrap_intervals(STSB, [rows], 1) != bootstrap_intervals(STSB, [rows], 2)


def test_the_papers_interval_is_over_samples() -> None:
    sets = [scored(SST2, [("positive", "positive")] * k + [("positive", "negative")] * (100 - k)) for k in range(101)]
    assert sample_intervals(SST2, sets)["accuracy"] == pytest.approx((0.025, 0.975))
    # The bootstrap over examples of many such sets is wider than that of a single one.
    low, high = bootstrap_intervals(SST2, sets, 1)["accuracy"]
    assert low < 0.05
    assert high > 0.95


def test_percentiles_by_hand() -> None:
    assert percentiles(np.arange(1001, dtype=float)) == pytest.approx((25.0, 975.0))


# Two-sided exact binomial probabilities, worked by hand: 2 * sum(C(n, k), k <= min) / 2^n.
@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [(0, 0, 1.0), (1, 1, 1.0), (5, 0, 2 / 32), (6, 0, 2 / 64), (1, 8, 2 * 10 / 512), (10, 3, 2 * 378 / 8192)],
)
def test_mcnemar_by_hand(fixed: int, broken: int, p: float) -> None:
    assert mcnemar_p(fixed, broken) == pytest.approx(p)
    assert mcnemar_p(broken, fixed) == pytest.approx(p)


def test_compare_counts_fixed_and_broken_by_hand() -> None:
    a = scored(SST2, [("positive", t) for t in ["positive", "negative", "negative", "positive", "?"]])
    b = scored(SST2, [("positive", t) for t in ["positive", "positive", "positive", "negative", "positive"]])
    paired = compare_paired(SST2, a, b, seed=1)
    assert (paired.fixed, paired.broken, paired.n) == (3, 1, 5)
    assert paired.difference == pytest.approx(0.4)
    assert (paired.score_a, paired.score_b) == (0.4, 0.8)
    assert paired.p == pytest.approx(2 * 5 / 16)
    assert not paired.real
    back = compare_paired(SST2, b, a, seed=1)
    assert (back.fixed, back.broken) == (1, 3)
    assert back.difference == pytest.approx(-0.4)


def test_a_clear_difference_is_real_and_its_interval_is_right() -> None:
    golds = ["positive", "negative"] * 100
    a = scored(SST2, [(g, g if i % 10 < 6 else "?") for i, g in enumerate(golds)])
    b = scored(SST2, [(g, g if i % 10 < 8 else "?") for i, g in enumerate(golds)])
    paired = compare_paired(SST2, a, b, seed=1)
    assert (paired.fixed, paired.broken) == (40, 0)
    assert paired.real
    deviation = math.sqrt(0.2 * 0.8 / 200)  # the difference is 1 on a fifth of the rows, else 0
    assert paired.interval == pytest.approx((0.2 - 1.96 * deviation, 0.2 + 1.96 * deviation), abs=0.008)


@pytest.mark.parametrize(("task", "make"), [(STSB, rated), (COLA, classified)])
def test_other_metrics_by_the_paired_bootstrap(task, make) -> None:
    a = make(80, 1) if task is STSB else make(COLA, 80, 1)
    same = compare_paired(task, a, a, seed=1)
    assert (same.difference, same.p, same.interval) == (0.0, 1.0, (0.0, 0.0))
    if task is STSB:
        b = [(example, STSB.score(example, str(example.gold))) for example, _ in a]
    else:
        b = [(example, COLA.score(example, str(example.gold))) for example, _ in a]
    better = compare_paired(task, a, b, seed=1)
    assert better.metric == task.metric
    assert better.test == "paired bootstrap"
    assert better.p < 0.01
    assert better.interval[0] > 0
    assert compare_paired(task, b, a, seed=1).difference == pytest.approx(-better.difference)


def test_the_bootstrap_of_a_difference_is_paired() -> None:
    a = classified(SST2, 200, 1)
    spread = bootstrap_differences(SST2, a, a, 1, "f1")
    assert np.abs(spread).max() == 0


def test_bootstrap_p_by_hand() -> None:
    assert bootstrap_p(np.array([1.0] * 99)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.array([1.0] * 94 + [-1.0] * 5)) == pytest.approx(2 * 6 / 100)
    assert bootstrap_p(np.zeros(10)) == 1.0


def test_null_differences_are_rarely_called_real() -> None:
    rejected = 0
    for seed in range(60):
        a = classified(SST2, 120, 2 * seed)
        texts = classified(SST2, 120, 2 * seed + 1)
        b = [(e, SST2.score(e, e.gold if s.correct else "?")) for (e, _), (_, s) in zip(a, texts, strict=True)]
        rejected += compare_paired(SST2, a, b, seed=1).real
    assert rejected <= 8


def test_predictions_of_different_rows_cannot_be_paired() -> None:
    a = classified(SST2, 10, 1)
    with pytest.raises(ValueError, match="same examples"):
        compare_paired(SST2, a, a[::-1], seed=1)


def test_confusion_by_hand() -> None:
    rows = scored(
        SST2, [("positive", "positive"), ("positive", "??"), ("negative", "positive"), ("negative", "negative")]
    )
    matrix = confusion_matrix(SST2, rows)
    assert matrix is not None
    assert matrix.labels == ["negative", "positive"]
    assert matrix.answers == ["negative", "positive", "unparsed"]
    assert matrix.counts == [[1, 1, 0], [0, 1, 1]]
    assert confusion_matrix(STSB, rated(5, 1)) is None


@pytest.mark.parametrize("name", task_names())
def test_a_task_names_its_metrics_without_data(name: str) -> None:
    task = get_task(name)
    assert task.metric in metric_names(task)
