"""PPO's settings under the names TRL has for them, and the recipe's values in them."""

from dataclasses import dataclass
from typing import Any, Literal

from transformers import TrainingArguments

from nlu_rl.recipe import Recipe
from nlu_rl.training import ppo_math


@dataclass
class PPOConfig(TrainingArguments):
    """`TrainingArguments` and PPO's own, under TRL's names where TRL has one."""

    num_ppo_epochs: int = 4
    num_mini_batches: int = 1
    cliprange: float = 0.2
    cliprange_value: float | None = None
    gamma: float = 1.0
    lam: float = 0.95
    vf_coef: float = 0.5
    kl_coef: float = 0.05
    kl_in: Literal["reward", "loss"] = "reward"
    kl_estimator: ppo_math.KlEstimator = "k1"
    kl_target: float | None = None
    value_target: Literal["returns", "td"] = "returns"
    value_learning_rate: float = 1e-3
    entropy_coef: float = 0.0
    whiten_advantages: bool = True
    temperature: float = 1.0
    max_completion_length: int = 32


def ppo_config(recipe: Recipe, **common: Any) -> PPOConfig:
    """Return the recipe's `ppo` section under TRL's names."""
    ppo = recipe.ppo
    return PPOConfig(
        **common,
        per_device_train_batch_size=recipe.train.batch,
        num_ppo_epochs=ppo.epochs,
        num_mini_batches=ppo.minibatches,
        cliprange=ppo.clip,
        cliprange_value=ppo.value_clip,
        gamma=ppo.gamma,
        lam=ppo.gae_lambda,
        vf_coef=ppo.value_coefficient,
        kl_coef=ppo.kl,
        kl_in=ppo.kl_in,
        kl_estimator=ppo.kl_estimator,
        kl_target=ppo.kl_target,
        value_target=ppo.value_target,
        value_learning_rate=ppo.value_learning_rate,
        entropy_coef=ppo.entropy,
        whiten_advantages=ppo.whiten,
        temperature=recipe.generation.temperature,
        max_completion_length=recipe.generation.max_new_tokens,
    )
