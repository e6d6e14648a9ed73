"""Running out of memory costs time, not the run and not the result."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nlu_rl.policy.policy import Policy
from toy_run import TOY_STEPS, train_toy


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
    assert warnings == [f"Out of memory: going on with micro-batches of {n} tokens." for n in (512, 256)]
    for name, parameter in tightened.named_parameters():
        assert torch.allclose(parameter, whole.get_parameter(name), atol=1e-4), name


def test_what_cannot_fit_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Policy, "score_together", never)
    with pytest.raises(torch.OutOfMemoryError):
        train_toy("sft", tmp_path, max_steps=1)
