"""Validation takes the rows an evaluation of as many takes, questions whole."""

from pathlib import Path

import pytest

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import DataError
from nlu_rl.evaluation.rows import load_rows
from nlu_rl.recipe import parse_recipe
from nlu_rl.tasks.registry import get_task
from nlu_rl.training.validation import _rows

RECIPE = parse_recipe("{model: m, tasks: [multirc], method: ppo, evaluate: {examples: 10}}")


def write(gold: str | None) -> None:
    schema = get_schema("multirc")
    rows = [
        {
            "id": f"validation-{q // 3}-{q}-{4 * q + a}",
            "fields": {"paragraph": "p", "question": f"q{q}", "answer": str(a)},
            "gold": gold,
        }
        for q in range(9)
        for a in range(4)
    ]
    write_splits(schema.name, [SplitRows(schema, "validation", "a test", rows)])


def test_questions_stay_whole(home: Path) -> None:
    write("yes")
    task = get_task("multirc")
    rows = _rows(task, RECIPE)
    assert len(rows) == 8, "two questions of four answers, not ten answers of five questions"
    assert len({example.fields["question"] for _, example in rows}) == 2
    assert rows == load_rows(task, {"split": "validation", "examples": 10})


def test_no_labels(home: Path) -> None:
    write(None)
    with pytest.raises(DataError, match="no labelled validation rows"):
        _rows(get_task("multirc"), RECIPE)
