"""The memory plan of a recipe on a machine: the model's shape, the compute type, and what to change."""

import os
from dataclasses import asdict, replace
from typing import Any

from nlu_rl.errors import ModelError
from nlu_rl.models.catalogue import ModelEntry, resolve_reference
from nlu_rl.models.machine import Accelerator, wanted_precision
from nlu_rl.models.memory import COMFORTABLE_SHARE, RunNumbers, numbers_of, plan_memory, what_to_change
from nlu_rl.models.quantized import stored_quantization
from nlu_rl.models.shape import ModelShape, shape_of_folder
from nlu_rl.models.step_cost import speed_of, step_cost
from nlu_rl.recipe import Recipe

PROMPT_TOKENS = 256
"""Longest prompt assumed when none is stated: a sentence task with its instructions."""


def plan_recipe(
    recipe: Recipe,
    accelerator: Accelerator,
    prompt_tokens: int = PROMPT_TOKENS,
    usd_per_hour: float | None = None,
    shards: int = 1,
    shared_tokens: int = 0,
    own_tokens: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return the plan as one plain object.

    Sizes in bytes; `fits`, and `change`, the overrides that make it fit; `tight`, whether it fits with next to nothing
    left, and `roomier`, the overrides that leave more; `step_seconds` and `usd_per_step`, None for a card whose speed
    is not known, such as a CPU.

    `shards`: processes over which the base's layers are cut up. `shared_tokens`: what all prompts begin with;
    `own_tokens`: mean and standard deviation of what they have besides, where that is known.

    Raises:
        ModelError: unknown model, or one whose sizes are not known before it is fetched; or a precision that
            is none.
    """
    name, shape = shape_of(recipe.model)
    if stored_quantization(resolve_reference(recipe.model).folder) == "nf4":
        recipe = recipe.model_copy(update={"quantize": "nf4"})
    compute_bytes = _compute_bytes(recipe.precision, accelerator)
    numbers = numbers_of(
        recipe,
        prompt_tokens=prompt_tokens,
        compute_bytes=compute_bytes,
        device=accelerator.kind,
        shards=shards,
        shared_tokens=shared_tokens,
        own_tokens=own_tokens,
    )
    budget = accelerator.memory_bytes
    plan = plan_memory(shape, numbers, budget)
    tight = plan.fits and plan.total_bytes > budget * (1 - COMFORTABLE_SHARE)
    speed = speed_of(accelerator.name) if accelerator.kind == "cuda" else None
    cost = step_cost(shape, numbers, speed, usd_per_hour) if speed else None
    return {
        "model": name,
        "parameters": shape.parameters,
        "gpu": accelerator.name,
        "compute_type": "float32" if compute_bytes == 4 else "bfloat16",
        "prompt_tokens": prompt_tokens,
        "shared_tokens": shared_tokens,
        **asdict(plan),
        "steps": recipe.train.max_steps,
        "step_seconds": cost.step_seconds if cost else None,
        "usd_per_step": cost.usd_per_step if cost else None,
        "tight": tight,
        "roomier": _roomier(shape, numbers, budget, accelerator) if tight else [],
        "change": [] if plan.fits else _change(shape, numbers, budget, accelerator),
    }


def _change(shape: ModelShape, numbers: RunNumbers, budget: int, accelerator: Accelerator) -> list[str]:
    """Return the mildest overrides that make it fit, with COMFORTABLE_SHARE left free where any do."""
    comfortable = int(budget * (1 - COMFORTABLE_SHARE))
    found = (what_to_change(shape, numbers, room, bfloat16=accelerator.bfloat16) for room in (comfortable, budget))
    return next(filter(None, found), [])


def _roomier(shape: ModelShape, numbers: RunNumbers, budget: int, accelerator: Accelerator) -> list[str]:
    """Return the mildest overrides that leave COMFORTABLE_SHARE free: smaller micro-batches where they do."""
    budget = int(budget * (1 - COMFORTABLE_SHARE))
    smaller = plan_memory(shape, replace(numbers, micro_batch_tokens=None), budget)
    if smaller.fits:
        return [f"train.micro_batch_tokens={smaller.micro_batch_tokens}"]
    return what_to_change(shape, numbers, budget, bfloat16=accelerator.bfloat16)


def shape_of(reference: str) -> tuple[str, ModelShape]:
    """Return a model's name and shape, from the catalogue or its folder. Raises ModelError when neither has it."""
    model = resolve_reference(reference)
    if isinstance(model.entry, ModelEntry):
        return model.name, model.entry.shape
    if os.path.isdir(model.folder):
        return model.name, shape_of_folder(model.folder)
    raise ModelError(
        f"The sizes of {model.name} are not known before it is here.", f"Run 'nlu-rl models fetch {model.name}'."
    )


def _compute_bytes(precision: str, accelerator: Accelerator) -> int:
    """Return the bytes of a number; `auto` on a CPU is planned as float32, the larger of what it may choose."""
    wanted = wanted_precision(precision)
    if wanted == "auto":
        return 2 if accelerator.kind == "cuda" and accelerator.bfloat16 else 4
    return 4 if wanted == "float32" else 2
