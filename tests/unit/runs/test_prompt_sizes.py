"""What a plan knows of a recipe's prompts, counted in rows and tokenizer that are here."""

import math
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import write_rows
from nlu_rl.models.chat import encode_prompt
from nlu_rl.models.light_tokenizer import LightTokenizer
from nlu_rl.models.machine import named_accelerator
from nlu_rl.models.memory import RunNumbers
from nlu_rl.recipe import Recipe
from nlu_rl.runs.prompt_sizes import plan_on_rows, prompt_sizes
from nlu_rl.tasks.registry import get_task


def recipe(model: Path, **changed: Any) -> Recipe:
    return Recipe.model_validate({"model": str(model), "tasks": ["sst2"], "method": "ppo", **changed})


def test_prompts_are_counted_in_the_rows(home: Path, tiny_model_dir: Path) -> None:
    assert prompt_sizes(recipe(tiny_model_dir)) is None, "the rows are not here"
    write_rows("sst2")
    sizes = prompt_sizes(recipe(tiny_model_dir))
    assert sizes is not None
    task, tokenizer = get_task("sst2"), LightTokenizer(tiny_model_dir)
    prompts = [encode_prompt(tokenizer, task.prompt(example)) for example in task.load("train")]
    assert sizes.longest == max(map(len, prompts))
    assert all(prompt[: sizes.shared] == prompts[0][: sizes.shared] for prompt in prompts)
    assert len({prompt[sizes.shared] for prompt in prompts}) > 1
    assert sizes.shared + sizes.own[0] == pytest.approx(sum(map(len, prompts)) / len(prompts))


def test_a_plan_of_rows_that_are_here_asks_for_less(home: Path, tiny_model_dir: Path) -> None:
    card = named_accelerator("cpu")
    assumed, counted = plan_on_rows(recipe(tiny_model_dir), card)
    assert (assumed["shared_tokens"], counted) == (0, False)
    write_rows("sst2")
    known, counted = plan_on_rows(recipe(tiny_model_dir), card)
    assert counted
    assert known["shared_tokens"] > 0
    assert known["activation_bytes"] < assumed["activation_bytes"]


def test_a_batch_is_as_long_as_one_in_a_thousand() -> None:
    known: dict[str, Any] = {"method": "grpo", "quantize": "none", "rank": 16, "batch": 64, "optimizer": "adamw"}
    more: dict[str, Any] = {"gradient_checkpointing": False, "micro_batch_tokens": None, "compute_bytes": 4}
    numbers = RunNumbers(
        **known,
        **more,
        device="cpu",
        prompt_tokens=100,
        max_new_tokens=8,
        group=4,
        shared_tokens=60,
        own_tokens=(20, 4),
    )
    assert numbers.packed_tokens(64) == 60 + math.ceil(16 * (20 + 3 * 4 / 4)) + 64 * 8
    assert numbers.packed_tokens(4) == 60 + 32 + 4 * 8  # of one prompt, three deviations
    assert [numbers.rows_in(tokens) for tokens in (1, 123, 124, 10_000)] == [1, 3, 4, 64]
    assert all(numbers.rows_in(numbers.packed_tokens(rows)) == rows for rows in range(1, 65))
