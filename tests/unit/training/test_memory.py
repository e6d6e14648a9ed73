"""Running out of memory costs time, not the run and not the result."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nlu_rl.policy.policy import Policy
from nlu_rl.policy.trie import build_trie
from nlu_rl.recipe import Recipe
from nlu_rl.tasks.contract import Example
from nlu_rl.training.dry_step import longest_rows, worst_case_step
from nlu_rl.training.rows import Rows, row_order
from tiny_model import tiny_causal_lm, tiny_tokenizer
from toy_run import TOY_STEPS, HighOrLow, train_toy


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
def test_the_micro_batch_is_halved_and_the_result_stays(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train_toy(method, tmp_path / "whole", max_steps=TOY_STEPS)
    right, calls = Policy.score_together, 0

    def tight(policy: Policy, *arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if policy.max_tokens > 300:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return right(policy, *arguments, **options)

    monkeypatch.setattr(Policy, "score_together", tight)
    tightened, events = train_toy(method, tmp_path / "tight", max_steps=TOY_STEPS)
    warnings = [event["message"] for event in events if event["type"] == "warning"]
    assert warnings == [f"Out of memory: going on with micro-batches of {n} tokens." for n in (2048, 1024, 512, 256)]
    for name, parameter in tightened.named_parameters():
        assert torch.allclose(parameter, whole.get_parameter(name), atol=1e-4), name


def test_what_cannot_fit_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Policy, "score_together", never)
    with pytest.raises(torch.OutOfMemoryError):
        train_toy("sft", tmp_path, max_steps=1)


def rows_of_lengths(*lengths: int) -> Rows:
    examples = [Example(str(n), {"text": "A" * n}, "low") for n in lengths]
    return Rows([HighOrLow()], [examples], row_order([len(lengths)], [1.0], 40, seed=1), tiny_tokenizer())


def test_the_longest_rows_are_found_and_filled() -> None:
    prompts, completions = longest_rows(rows_of_lengths(3, 50, 7, 20), 2, max_new_tokens=9)
    assert ["A" * 50 in tiny_tokenizer().decode(prompt) for prompt in prompts] == [True, False]
    assert ["A" * 20 in tiny_tokenizer().decode(prompt) for prompt in prompts] == [True, True]
    assert [len(completion) for completion in completions] == [9, 9]


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
def test_the_worst_case_step_takes_the_largest_micro_batch_and_leaves_no_trace(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.model_validate({"model": "m", "tasks": ["t"], "method": method, "train": {"batch": 8}})
    policy = Policy(tiny_causal_lm(), tiny_tokenizer(), max_tokens=200)
    taken: list[int] = []
    right = Policy.score_together

    def watched(self: Policy, prompts: Any, completions: Any, **options: Any) -> Any:
        taken.append(len(build_trie([p + c for p, c in zip(prompts, completions, strict=True)]).tokens))
        return right(self, prompts, completions, **options)

    monkeypatch.setattr(Policy, "score_together", watched)
    worst_case_step(policy, recipe, rows_of_lengths(3, 120, 7, 20, 9, 10, 11, 12, 13))
    assert len(taken) == 1
    assert 150 < taken[0] <= 210
    assert all(parameter.grad is None for parameter in policy.model.parameters())
