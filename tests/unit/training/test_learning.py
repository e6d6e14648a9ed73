"""PPO, GRPO and SFT really learn: a toy task whose reward a wrong sign anywhere would drive down."""

from pathlib import Path
from typing import Any

import pytest

import toy_run
from nlu_rl.training.rows import Rows, row_order
from tiny_model import tiny_causal_lm, tiny_tokenizer
from toy_run import EXAMPLES, HighOrLow, mean_reward, train_toy

SECTIONS: dict[str, dict[str, Any]] = {
    "ppo": {"ppo": {"kl": 0.0, "minibatches": 2}},
    "ppo with td targets, k3 in the loss and clipped values": {
        "ppo": {"kl": 0.001, "kl_in": "loss", "kl_estimator": "k3", "value_target": "td", "value_clip": 0.5}
    },
    "grpo": {"grpo": {"kl": 0.0}},
    "sft": {},
}


class AnotherTask(HighOrLow):
    name = "another"


def test_supervised_training_on_a_mix_tells_the_loss_of_each_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: Any = [HighOrLow(), AnotherTask()]

    def rows(count: int) -> Rows:
        return Rows(tasks, [EXAMPLES, EXAMPLES], row_order([2, 2], [0.5, 0.5], count, seed=1), tiny_tokenizer())

    monkeypatch.setattr(toy_run, "toy_rows", rows)
    _, events = train_toy("sft", tmp_path, max_steps=2, train={"batch": 32, "max_steps": 2, "micro_batch_tokens": 64})
    for event in (event for event in events if event["type"] == "step"):
        batch = [rows(64)[position] for position in range(32 * event["step"] - 32, 32 * event["step"])]
        tokens = {task.name: sum(len(row.target_ids) for row in batch if row.task.name == task.name) for task in tasks}
        parts = sum(event["metrics"][f"loss/{name}"] * count for name, count in tokens.items())
        assert parts / sum(tokens.values()) == pytest.approx(event["metrics"]["loss"], rel=1e-5)
        assert event["metrics"]["loss/another"] != event["metrics"]["loss/high-or-low"]


@pytest.mark.parametrize("case", SECTIONS)
def test_reward_rises_above_nine_tenths(case: str, tmp_path: Path) -> None:
    assert mean_reward(tiny_causal_lm(seed=1, hidden_size=64)) < 0.7
    model, _ = train_toy(case.split()[0], tmp_path, max_steps=80, **SECTIONS[case])
    assert mean_reward(model) > 0.9
