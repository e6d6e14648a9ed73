"""Rewards of a mixed batch: as the tasks give them, or brought to one range; and what events tell of each task."""

from pathlib import Path

import pytest

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task, task_names
from nlu_rl.training.judge import RuleReward, judge, task_metrics
from nlu_rl.training.rows import Row
from toy_run import HighOrLow, train_toy

SST2, STSB = get_task("sst2"), get_task("stsb")
BATCH = [
    (SST2, "positive", "positive</Judgement>", 1.0),
    (SST2, "positive", "negative</Judgement>", 0.0),
    (SST2, "positive", "well", -1.0),
    (STSB, "4.0", "4.0</Judgement>", 2.5),
    (STSB, "4.0", "1.5</Judgement>", 0.0),
    (STSB, "4.0", "well", -2.5),
]
ROWS = [Row(task, Example(str(n), {}, gold), [1], [2]) for n, (task, gold, _, _) in enumerate(BATCH)]
TEXTS = [text for _, _, text, _ in BATCH]


def test_rewards_as_the_tasks_give_them() -> None:
    reward = RuleReward(ROWS)  # type: ignore[arg-type]
    assert reward(TEXTS, range(6)) == [expected for _, _, _, expected in BATCH]


def test_unit_rewards_lie_in_one_range_and_keep_their_order() -> None:
    reward = RuleReward(ROWS, "unit")  # type: ignore[arg-type]
    assert reward(TEXTS, range(6)) == [1.0, 0.0, -1.0, 1.0, 0.0, -1.0]
    assert [scored.reward for scored in reward.judged.scored] == [expected for _, _, _, expected in BATCH]


@pytest.mark.parametrize("scale", ["task", "unit"])
def test_events_tell_each_task_in_the_scale_that_trains(scale: str) -> None:
    judged = judge(ROWS[1:], TEXTS[1:], scale)  # type: ignore[arg-type]
    metrics = task_metrics(ROWS[1:], judged)
    assert metrics["reward/stsb"] == pytest.approx(0.0)
    assert metrics["reward/sst2"] == pytest.approx(-0.5)
    assert metrics["accuracy/sst2"] == 0.0
    assert metrics["accuracy/stsb"] == pytest.approx(1 / 3)
    part = judge(ROWS[3:5], TEXTS[3:5], scale)  # type: ignore[arg-type]
    assert part.metrics()["reward"] == pytest.approx(1.25 if scale == "task" else 0.5)
    assert task_metrics(ROWS[3:], judge(ROWS[3:], TEXTS[3:])) == {}


@pytest.mark.parametrize("name", task_names())
def test_every_tasks_best_and_worst_reward(name: str) -> None:
    task = get_task(name)
    gold = task.answers[0] if task.answers else "2.0" if name == "stsb" else "a text"
    example = Example("0", dict.fromkeys(task.schema.fields, "x"), gold)
    assert task.score(example, task.target(example)).reward == pytest.approx(task.best_reward)
    assert task.score(example, "").reward == pytest.approx(-task.best_reward)


def test_events_tell_how_often_passages_were_cut() -> None:
    boolq = get_task("boolq")
    rows = [Row(boolq, Example(str(n), {}, "yes"), [1], [2], shortened=n == 0) for n in range(4)]
    judged = judge(rows, ["yes</Judgement>"] * 4)
    assert task_metrics(rows, judged) == {"shortened": 0.25}
    assert "shortened" not in task_metrics(ROWS, judge(ROWS, TEXTS))


@pytest.mark.parametrize("method", ["ppo", "grpo"])
def test_a_run_tells_its_reward_in_the_scale_that_trains(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HighOrLow, "best_reward", 2.0, raising=False)
    told = {}
    for scale in ("task", "unit"):
        _, events = train_toy(method, tmp_path / scale, max_steps=1, reward_scale=scale)
        told[scale] = next(event["metrics"]["reward"] for event in events if event["type"] == "step")
    assert told["unit"] == pytest.approx(told["task"] / 2)
    assert told["task"] != 0
