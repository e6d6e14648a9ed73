"""What `plan` refuses before it counts memory, and what it says of a plan that fits only just."""

from pathlib import Path
from typing import Any

import pytest

from nlu_rl.cli.plan import _verdict, require_room
from nlu_rl.errors import RecipeError
from nlu_rl.models.machine import Accelerator
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.recipe import Recipe


def test_a_prompt_longer_than_the_context_is_refused(home: Path) -> None:
    recipe = Recipe.model_validate(
        {"model": "llama-2-7b", "tasks": ["sst2"], "method": "ppo", "generation": {"max_new_tokens": 96}}
    )
    require_room(recipe, 4000)
    with pytest.raises(RecipeError, match=r"5000 tokens .* 4096 tokens of llama-2-7b's context.* at most 4000"):
        require_room(recipe, 5000)


def plan(memory: int, train: dict[str, object]) -> dict[str, Any]:
    recipe = Recipe.model_validate({"model": "smollm2-135m", "tasks": ["sst2"], "method": "ppo", "train": train})
    return plan_recipe(recipe, Accelerator("a card", memory, "cuda", bfloat16=True))


def test_a_micro_batch_that_is_not_stated_leaves_room(home: Path) -> None:
    whole = plan(80 << 30, {"batch": 8})
    memory = int(whole["total_bytes"] / 0.999)
    smaller = plan(memory, {"batch": 8})
    assert smaller["fits"]
    assert not smaller["tight"]
    assert smaller["micro_batch_tokens"] < whole["micro_batch_tokens"]


def test_a_plan_that_fits_only_just_says_so_and_what_leaves_room(home: Path) -> None:
    train: dict[str, object] = {"micro_batch_tokens": 1024, "batch": 8}
    whole = plan(80 << 30, train)
    assert (whole["tight"], whole["roomier"]) == (False, [])
    assert _verdict(whole).startswith("It fits. ")
    needed = whole["total_bytes"]
    assert plan(int(needed / 0.94), train)["tight"] is False
    tight = plan(int(needed / 0.999), train)
    assert tight["fits"]
    assert tight["tight"]
    assert _verdict(tight) == f"It fits only just: 0.1% is left. More room is left with: {' '.join(tight['roomier'])}"
    [change] = tight["roomier"]
    key, _, value = change.rpartition("=")
    assert key == "train.micro_batch_tokens"
    changed = plan(int(needed / 0.999), {**train, "micro_batch_tokens": int(value)})
    assert changed["fits"]
    assert not changed["tight"]


def test_where_no_setting_leaves_room_a_larger_card_is_named() -> None:
    report = {"fits": True, "tight": True, "roomier": [], "change": [], "total_bytes": 98, "budget_bytes": 100}
    assert _verdict(report) == "It fits only just: 2.0% is left. Use a smaller model, shorter prompts or a larger card."
