"""The part of `TrainingArguments` that SFT, PPO and GRPO share, from the recipe."""

from typing import Any

from nlu_rl.recipe import Recipe
from nlu_rl.runs.layout import RunDirectory

OPTIMIZERS = {"adafactor": "adafactor", "adamw": "adamw_torch"}


def training_arguments(recipe: Recipe, run: RunDirectory, device_type: str) -> dict[str, Any]:
    """Return keyword arguments for a `TrainingArguments` class.

    The engine autocasts for itself, so the trainer runs in full precision whatever the base model's type.
    """
    train = recipe.train
    return {
        "output_dir": str(run.checkpoints_dir / ".partial"),
        "max_steps": train.max_steps,
        "learning_rate": train.learning_rate,
        "optim": OPTIMIZERS[train.optimizer],
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": train.gradient_checkpointing,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": train.save_every,
        "eval_strategy": "no",
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "report_to": list(recipe.report_to),
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_drop_last": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": device_type == "cuda",
        "use_cpu": device_type == "cpu",
        "bf16": False,
        "fp16": False,
    }
