"""What must not be lost: good checkpoints, the best of them, and the end of a run that had ended."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerControl

from nlu_rl.errors import RunError
from nlu_rl.policy.policy import Policy
from nlu_rl.runs.checkpoints import COMPLETE, is_whole
from nlu_rl.training import control
from nlu_rl.training.context import StepMetrics
from nlu_rl.training.job import disable_dropout
from nlu_rl.training.supervised_run import (
    STATE_FILE,
    SupervisedRun,
    adapter_as_it_was,
    patience_spent,
)
from toy_run import train_toy


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
def test_a_gradient_that_is_not_finite_ends_the_run_before_the_weights(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = Policy.score_together, 0

    def poisoned(policy: Policy, *arguments: Any, **options: Any) -> Any:
        nonlocal calls
        scores = right(policy, *arguments, **options)
        if torch.is_grad_enabled():
            calls += 1
            if calls == 6:
                scores.log_probs = scores.log_probs * float("nan")
        return scores

    monkeypatch.setattr(Policy, "score_together", poisoned)
    with pytest.raises(RunError, match="not finite"):
        train_toy(method, tmp_path, max_steps=8, train={"batch": 32, "max_steps": 8, "save_every": 1})
    checkpoints = list((tmp_path / "toy-01" / "checkpoints").glob("step-*/adapter_model.safetensors"))
    assert checkpoints
    from safetensors.torch import load_file

    assert all(torch.isfinite(value).all() for path in checkpoints for value in load_file(path).values())


def test_early_stopping_is_remembered_in_the_checkpoint(tmp_path: Path) -> None:
    for waited, patience, spent in ((2, 2, True), (1, 2, False), (5, None, False)):
        (tmp_path / STATE_FILE).write_text(json.dumps({"best": {"without_better": waited}}), encoding="utf-8")
        assert patience_spent(tmp_path, patience) is spent


def test_the_adapter_keeps_its_precision_whatever_happens_inside() -> None:
    layer = torch.nn.Linear(3, 3)
    before = layer.weight.detach().clone()
    with adapter_as_it_was(layer):
        layer.weight.data = layer.weight.data.to(torch.bfloat16)
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight, before)


def test_dropout_is_off_in_training_mode() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 4)).train()
    disable_dropout(model)
    ones = torch.ones(1, 4)
    assert torch.equal(model[0](ones), ones)


def test_a_damaged_checkpoint_is_written_anew_when_its_step_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = SupervisedRun._finish_checkpoint

    def finish_and_spoil_the_next(run: SupervisedRun, built: Path, target: Path) -> None:
        finish(run, built, target)
        spoilt = target.with_name("step-2")
        if not spoilt.exists():
            spoilt.mkdir()
            (spoilt / "adapter_model.safetensors").write_bytes(b"cut")
            (spoilt / COMPLETE).write_text('{"adapter_model.safetensors": 4000}', encoding="utf-8")

    monkeypatch.setattr(SupervisedRun, "_finish_checkpoint", finish_and_spoil_the_next)
    train_toy("ppo", tmp_path, max_steps=2, train={"batch": 32, "max_steps": 2, "save_every": 1})
    again = tmp_path / "toy-01" / "checkpoints" / "step-2"
    assert is_whole(again)
    assert (again / "adapter_model.safetensors").stat().st_size > 4000


def test_a_pause_is_no_part_of_the_seconds_of_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)

    def wait(_: float) -> None:
        clock.now += 30

    monkeypatch.setattr(control.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(control.time, "sleep", wait)
    requests = iter([{"pause"}, set(), {"resume"}])
    reporter = SimpleNamespace(
        acknowledge=lambda name: None, state=lambda *_, **__: None, requested=lambda: next(requests)
    )
    metrics = StepMetrics(started=clock.now)
    context: Any = SimpleNamespace(reporter=reporter, metrics=metrics)
    clock.now += 7
    trainer_control = TrainerControl()
    control.obey(context, 2, trainer_control)
    assert not trainer_control.should_save
    assert not trainer_control.should_training_stop
    assert metrics.take()["step_seconds"] == 7
