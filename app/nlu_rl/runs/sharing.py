"""Can so many processes share a recipe's batches; known before any of them is started."""

from nlu_rl.errors import RecipeError
from nlu_rl.models.machine import installed_cards
from nlu_rl.recipe import Recipe


def require_divisible(recipe: Recipe, processes: int) -> None:
    """Raise RecipeError when a batch cannot be shared by this many processes."""
    batch = recipe.train.batch
    if batch < processes:
        raise RecipeError(
            f"train.batch {batch} is less than the {processes} processes.", "Use fewer, or a larger batch."
        )
    groups = processes * recipe.grpo.completions
    if recipe.method == "grpo" and processes > 1 and batch % groups:
        raise RecipeError(
            f"train.batch {batch} cannot be shared by {processes} processes in groups of {recipe.grpo.completions}.",
            f"Use a multiple of {groups}.",
        )


def require_cards(processes: int) -> None:
    """Raise RecipeError when this machine has cards, and fewer than processes; without a card, the CPU is shared."""
    cards = len(installed_cards()) if processes > 1 else 0
    if cards and processes > cards:
        raise RecipeError(
            f"{processes} processes want a card each, and this machine has {cards}.", f"Use at most {cards}."
        )
