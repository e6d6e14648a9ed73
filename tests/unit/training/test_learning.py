"""PPO, GRPO and SFT really learn: a toy task whose reward a wrong sign anywhere would drive down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.recipe import Recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Extracted, Message, Scored
from nlu_rl.training.context import Context
from nlu_rl.training.job import TRAINERS
from nlu_rl.training.rows import Rows, row_order
from tiny_model import tiny_causal_lm, tiny_tokenizer


class HighOrLow:
    """Answer A with a character below 'N' and B with one from it on; a random model is right half the time."""

    name, version, answers, metric = "high-or-low", 1, ("low", "high"), "accuracy"

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> list[Message]:
        return [{"role": "user", "content": example.fields["text"]}, {"role": "assistant", "content": ""}]

    def target(self, example: Example) -> str:
        return "!" if example.gold == "low" else "z"

    def score(self, example: Example, completion: str) -> Scored:
        answer = None if not completion else "low" if completion[0] < "N" else "high"
        correct = answer == example.gold
        reward = -1.0 if answer is None else float(correct)
        return Scored(reward, {"correctness": reward}, correct, Extracted(answer, "strict" if answer else "none"))


EXAMPLES = [Example("1", {"text": "A"}, "low"), Example("2", {"text": "B"}, "high")]
RECIPES = {
    "ppo": {"ppo": {"kl": 0.0, "minibatches": 2}},
    "ppo with td targets, k3 in the loss and clipped values": {
        "ppo": {"kl": 0.01, "kl_in": "loss", "kl_estimator": "k3", "value_target": "td", "value_clip": 0.5}
    },
    "grpo": {"grpo": {"kl": 0.0}},
    "sft": {},
}


@pytest.mark.parametrize("case", RECIPES)
def test_reward_rises_above_nine_tenths(case: str, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    method = case.split()[0]
    recipe = Recipe.model_validate(
        {
            "model": "tiny",
            "tasks": ["high-or-low"],
            "method": method,
            "generation": {"max_new_tokens": 1},
            "train": {"batch": 32, "max_steps": 30, "learning_rate": 0.01, "optimizer": "adamw"},
            "evaluate": {"every": None, "before": False},
            **RECIPES[case],
        }
    )
    model = get_peft_model(
        tiny_causal_lm(seed=1, hidden_size=64), LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")
    )
    policy, tokenizer = Policy(model, tiny_tokenizer()), tiny_tokenizer()
    per_step = 32 // (8 if method == "grpo" else 1)
    rows = Rows([HighOrLow()], [EXAMPLES], row_order([2], [1.0], per_step * 30, seed=1), tokenizer)  # type: ignore[list-item]
    run = create_run(tmp_path, "toy", Job("train", {}), recipe_yaml=recipe.to_yaml())
    before = mean_reward(policy, rows)
    with Reporter(run) as reporter:
        trainer: Any = TRAINERS[method](Context(recipe, run, reporter, policy, tokenizer, rows, None))
        trainer.train()
    after = mean_reward(policy, rows)
    assert before < 0.7
    assert after > 0.9


def mean_reward(policy: Policy, rows: Rows) -> float:
    chosen = [rows[i % 2] for i in range(200)]
    texts = policy.sample([row.prompt_ids for row in chosen], max_new_tokens=1, draws=Draws(99)).texts
    return sum(row.task.score(row.example, text).reward for row, text in zip(chosen, texts, strict=True)) / len(texts)
