"""PPO, GRPO and SFT really learn: a toy task whose reward a wrong sign anywhere would drive down."""

from pathlib import Path
from typing import Any

import pytest

from tiny_model import tiny_causal_lm
from toy_run import mean_reward, train_toy

SECTIONS: dict[str, dict[str, Any]] = {
    "ppo": {"ppo": {"kl": 0.0, "minibatches": 2}},
    "ppo with td targets, k3 in the loss and clipped values": {
        "ppo": {"kl": 0.001, "kl_in": "loss", "kl_estimator": "k3", "value_target": "td", "value_clip": 0.5}
    },
    "grpo": {"grpo": {"kl": 0.0}},
    "sft": {},
}


@pytest.mark.parametrize("case", SECTIONS)
def test_reward_rises_above_nine_tenths(case: str, tmp_path: Path) -> None:
    assert mean_reward(tiny_causal_lm(seed=1, hidden_size=64)) < 0.7
    model, _ = train_toy(case.split()[0], tmp_path, max_steps=80, **SECTIONS[case])
    assert mean_reward(model) > 0.9
