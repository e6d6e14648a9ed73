"""The order of rows is a function of the seed, and visits every row before any row twice."""

from typing import Any

import pytest

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task
from nlu_rl.training.rows import Rows, mix_weights, row_order
from tiny_model import tiny_tokenizer


def test_one_task_is_a_sequence_of_permutations() -> None:
    order = row_order([5], [1.0], 12, seed=3)
    rows = [row for _, row in order]
    assert sorted(rows[:5]) == sorted(rows[5:10]) == [0, 1, 2, 3, 4]
    assert rows[:5] != rows[5:10]
    assert order == row_order([5], [1.0], 12, seed=3)
    assert order != row_order([5], [1.0], 12, seed=4)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert row_order([50], [1.0], 200, seed=1)[:80] == row_order([50], [1.0], 80, seed=1)


def test_a_mix_follows_its_weights() -> None:
    order = row_order([10, 1000], [0.25, 0.75], 4000, seed=1)
    assert sum(task == 0 for task, _ in order) / 4000 == pytest.approx(0.25, abs=0.03)


def test_mix_weights() -> None:
    assert mix_weights(None, ["a", "b"], [100, 300]) == [0.25, 0.75]
    assert mix_weights("proportional", ["a", "b"], [100, 300]) == [0.25, 0.75]
    assert mix_weights("equal", ["a", "b"], [100, 300]) == [0.5, 0.5]
    assert mix_weights({"b": 3.0, "a": 1.0}, ["a", "b"], [100, 300]) == [0.25, 0.75]


def test_a_limit_below_every_right_answer_is_told() -> None:
    task: Any = get_task("sst2")
    examples = [Example(str(n), {"sentence": "A film."}, task.answers[n % 2]) for n in range(4)]
    order = [(0, row) for row in range(4)]
    shortest = len("negative</Judgement>")  # of the tiny tokenizer, which has a token a byte
    assert Rows([task], [examples], order, tiny_tokenizer(), answer_tokens=shortest).answers_cut() == []
    [message] = Rows([task], [examples], order, tiny_tokenizer(), answer_tokens=shortest - 1).answers_cut()
    assert f"takes {shortest}" in message
    assert f"generation.max_new_tokens={shortest + 2}" in message
