"""Averages against rows of the paper's own tables, whose columns and averages it prints."""

import pytest

from nlu_rl.errors import RecipeError
from nlu_rl.evaluation.request import metric_names
from nlu_rl.report.averages import AVERAGED, SHOWN, averages, column_score
from nlu_rl.tasks.registry import get_task

GLUE_TASKS = ("mnli", "mnli-mm", "qqp", "qnli", "sst2", "cola", "stsb", "mrpc", "rte", "wnli", "ax")
GLUE_METRICS = dict(
    zip(GLUE_TASKS, ("accuracy", "accuracy", "f1", "accuracy", "accuracy", "matthews", "spearman", "f1"), strict=False)
) | {"rte": "accuracy", "wnli": "accuracy", "ax": "matthews"}


def glue(*values: float) -> dict[str, dict[str, float]]:
    return {task: {GLUE_METRICS[task]: value} for task, value in zip(GLUE_TASKS, values, strict=False)}


@pytest.mark.parametrize(
    ("row", "average"),
    [
        ((38.3, 39.7, 31.3, 58.5, 75.7, 18.6, 27.5, 66.3, 59.3, 44.5, 9.2), 46.1),
        ((88.8, 88.2, 70.5, 93.2, 96.4, 59.9, 92.6, 89.4, 84.3, 74.7, 52.7), 84.8),
        ((87.0, 86.5, 63.8, 93.6, 73.8, 50.7, 84.7, 85.8, 80.4, 63.7, 45.1), 78.5),
        ((84.6, 83.4, 71.2, 90.5, 93.5, 52.1, 85.8, 88.9, 66.4), 79.6),
    ],
)
def test_the_papers_glue_average(row: tuple[float, ...], average: float) -> None:
    value = averages("glue", glue(*row)).paper.value
    assert value is not None
    assert value == pytest.approx(average, abs=0.051)


def test_the_official_glue_average_by_hand() -> None:
    scores = {
        "cola": {"matthews": 50.0},
        "sst2": {"accuracy": 90.0},
        "mrpc": {"f1": 88.0, "accuracy": 84.0},
        "stsb": {"spearman": 80.0, "pearson": 82.0},
        "qqp": {"f1": 70.0, "accuracy": 88.0},
        "mnli": {"accuracy": 85.0},
        "mnli-mm": {"accuracy": 83.0},
        "qnli": {"accuracy": 91.0},
        "rte": {"accuracy": 66.0},
        "wnli": {"accuracy": 65.0},
        "ax": {"matthews": 0.0},
    }
    found = averages("glue", scores).official
    assert found is not None
    assert found.value == pytest.approx((50 + 90 + 86 + 81 + 79 + 84 + 91 + 66 + 65) / 9)
    assert found.columns == 9


@pytest.mark.parametrize(
    ("row", "average"),
    [
        ((77.4, (75.7, 83.6), 70.6, (70.0, 24.0), (72.0, 71.3), 71.6, 69.5, 64.3), 69.0),
        ((79.0, (84.7, 90.4), 73.8, (70.0, 24.1), (72.0, 71.3), 79.0, 69.5, 64.3), 71.5),
        ((75.8, (26.4, 43.6), 57.0, (51.9, 20.3), (27.0, 26.2), 59.2, 54.4, 52.1), 49.5),
        ((80.2, (49.8, 66.0), 73.4, (46.6, 15.4), (36.3, 35.3), 72.9, 54.4, 62.3), 58.5),
    ],
)
def test_the_papers_superglue_average(row: tuple, average: float) -> None:
    boolq, cb, copa, multirc, record, rte, wic, wsc = row
    scores = {
        "boolq": {"accuracy": boolq},
        "cb": {"f1": cb[0], "accuracy": cb[1]},
        "copa": {"accuracy": copa},
        "multirc": {"f1a": multirc[0], "em": multirc[1], "accuracy": 1.0},
        "record": {"f1": record[0], "em": record[1]},
        "superglue-rte": {"accuracy": rte},
        "wic": {"accuracy": wic},
        "wsc": {"accuracy": wsc},
        "ax-b": {"matthews": 0.0},
    }
    found = averages("superglue", scores)
    assert found.paper.value == pytest.approx(average, abs=0.051)
    assert found.official == found.paper


def test_the_papers_transfer_average() -> None:
    row = (97.2, 70.2, 67.2, 78.0, 68.3, 46.2)
    scores = {column[0][0]: {"accuracy": value} for column, value in zip(SHOWN["transfer"], row, strict=True)}
    found = averages("transfer", scores)
    assert found.paper.value == pytest.approx(71.2, abs=0.051)
    assert found.official is None


def test_a_missing_score_leaves_no_average_and_is_named() -> None:
    found = averages("glue", {"sst2": {"accuracy": 0.9}, "mrpc": {"f1": 0.8}})
    assert found.paper.value is None
    assert found.paper.of_present == pytest.approx(0.85)
    assert "qqp f1" in found.paper.missing
    assert "mrpc f1" not in found.paper.missing
    assert found.official is not None
    assert "mrpc accuracy" in found.official.missing
    assert found.official.of_present == pytest.approx(0.9), "half a column is none"
    assert averages("superglue", {}).paper.of_present is None


def test_an_unknown_benchmark_is_refused() -> None:
    with pytest.raises(RecipeError, match="glue"):
        averages("glu", {})


@pytest.mark.parametrize("benchmark", AVERAGED)
def test_every_column_names_metrics_that_tasks_give(benchmark: str) -> None:
    paper, official = AVERAGED[benchmark]
    for column in (*paper, *(official or ()), *SHOWN[benchmark]):
        for task, metric in column:
            assert metric in metric_names(get_task(task))


def test_a_column_of_two_metrics_is_their_mean() -> None:
    (column,) = [column for column in SHOWN["superglue"] if column[0][0] == "ax-g"]
    assert column_score(column, {"ax-g": {"gender_parity": 0.9, "accuracy": 0.5}}) == pytest.approx(0.7)
    assert column_score(column, {"ax-g": {"accuracy": 0.5}}) is None
