"""What so many processes cannot share is refused before one is started."""

import pytest

from nlu_rl.errors import RecipeError
from nlu_rl.models.machine import Accelerator
from nlu_rl.recipe import Recipe
from nlu_rl.runs import sharing


def recipe(method: str, batch: int) -> Recipe:
    numbers = {"train": {"batch": batch}, "grpo": {"completions": 4}}
    return Recipe.model_validate({"model": "smollm2-135m", "tasks": ["sst2"], "method": method, **numbers})


@pytest.mark.parametrize(("method", "batch", "processes"), [("ppo", 4, 4), ("grpo", 16, 4), ("grpo", 4, 1)])
def test_what_can_be_shared(method: str, batch: int, processes: int) -> None:
    sharing.require_divisible(recipe(method, batch), processes)


@pytest.mark.parametrize(("method", "batch", "processes"), [("ppo", 4, 5), ("grpo", 16, 3), ("sft", 24, 33)])
def test_what_cannot(method: str, batch: int, processes: int) -> None:
    with pytest.raises(RecipeError, match=rf"train\.batch {batch}"):
        sharing.require_divisible(recipe(method, batch), processes)


def test_a_card_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "installed_cards", lambda: [Accelerator("a", 1, "cuda", bfloat16=True)] * 2)
    sharing.require_cards(2)
    with pytest.raises(RecipeError, match="this machine has 2"):
        sharing.require_cards(3)
    monkeypatch.setattr(sharing, "installed_cards", list)
    sharing.require_cards(3)
