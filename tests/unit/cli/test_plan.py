"""What `plan` refuses before it counts memory."""

from pathlib import Path

import pytest

from nlu_rl.cli.plan import require_room
from nlu_rl.errors import RecipeError
from nlu_rl.recipe import Recipe


def test_a_prompt_longer_than_the_context_is_refused(home: Path) -> None:
    recipe = Recipe.model_validate(
        {"model": "llama-2-7b", "tasks": ["sst2"], "method": "ppo", "generation": {"max_new_tokens": 96}}
    )
    require_room(recipe, 4000)
    with pytest.raises(RecipeError, match=r"5000 tokens .* 4096 tokens of llama-2-7b's context.* at most 4000"):
        require_room(recipe, 5000)
