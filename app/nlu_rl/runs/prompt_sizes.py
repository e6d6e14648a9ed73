"""How long the prompts of a recipe are, and how much of them all share, looked up in its rows: what a plan goes by.

Without heavy libraries; nothing is known where the rows or the model's tokenizer are not here.
"""

import itertools
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from nlu_rl.errors import NluRlError
from nlu_rl.recipe import Recipe

if TYPE_CHECKING:
    from nlu_rl.models.machine import Accelerator

LONGEST_ROWS, SPREAD_ROWS = 24, 150
"""Rows of a task whose prompts are counted: those with the most characters, and some from all over the file."""


@dataclass(frozen=True, slots=True)
class PromptSizes:
    """In tokens, template included: the longest prompt, what all begin with, and mean and deviation of the rest."""

    longest: int
    shared: int
    own: tuple[float, float]


def prompt_sizes(recipe: Recipe) -> PromptSizes | None:
    """Return the sizes of the prompts a recipe trains on; None where rows or tokenizer are not here, or not whole.

    A prompt that a model does not take whole counts as long as it can be: its passage is cut.
    """
    from nlu_rl.data.cache import read_meta
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.chat import encode_prompt
    from nlu_rl.models.light_tokenizer import light_tokenizer
    from nlu_rl.models.recipe_plan import shape_of
    from nlu_rl.tasks.registry import get_task

    try:
        tokenizer = light_tokenizer(resolve_reference(recipe.model).folder)
        most = shape_of(recipe.model)[1].context - recipe.generation.max_new_tokens
        tasks = [get_task(name) for name in recipe.tasks]
        if tokenizer is None or any(read_meta(name) is None for task in tasks for name in task.datasets()):
            return None
        longest_rows, spread_rows = [], []
        for task in tasks:
            rows = task.load("train")
            by_length = sorted(rows, key=lambda example: -sum(map(len, example.fields.values())))
            longest_rows += [(task, example) for example in by_length[:LONGEST_ROWS]]
            spread_rows += [(task, example) for example in rows[:: max(1, len(rows) // SPREAD_ROWS)]]
        long, spread = (
            [encode_prompt(tokenizer, task.prompt(example)) for task, example in chosen]
            for chosen in (longest_rows, spread_rows)
        )
    except NluRlError:
        return None
    if not spread:
        return None
    low, high = min(long + spread), max(long + spread)
    alike = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    longest = min(most, max(map(len, long + spread)))
    shared = min(longest - 1, alike)
    own = [min(most, len(prompt)) - shared for prompt in spread]
    return PromptSizes(longest, shared, (fmean(own), pstdev(own)))


def plan_on_rows(
    recipe: Recipe, accelerator: "Accelerator", usd_per_hour: float | None = None
) -> tuple[dict[str, Any], bool]:
    """Return the plan of a recipe by its own prompts, else by `PROMPT_TOKENS`, and whether it is by its own.

    Raises:
        ModelError: as `plan_recipe`.
    """
    from nlu_rl.models.recipe_plan import PROMPT_TOKENS, plan_recipe

    sizes = prompt_sizes(recipe)
    if sizes is None:
        return plan_recipe(recipe, accelerator, PROMPT_TOKENS, usd_per_hour), False
    known: dict[str, Any] = {"shared_tokens": sizes.shared, "own_tokens": sizes.own}
    return plan_recipe(recipe, accelerator, sizes.longest, usd_per_hour, **known), True
