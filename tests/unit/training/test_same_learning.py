"""With equal seeds the engine teaches what the padded path, and the library's own trainer, would have taught."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import GRPOTrainer

from nlu_rl.policy.policy import Policy
from nlu_rl.training.grpo import EngineGRPOTrainer
from toy_run import train_toy

STEPS = 3
LONGER = {"generation": {"max_new_tokens": 4}}
METRICS = ("loss", "grad_norm", "reward", "kl", "entropy", "value_loss")


def train_padded(monkeypatch: pytest.MonkeyPatch, *arguments: Any, **options: Any) -> Any:
    right = Policy.__init__

    def padded(self: Policy, *a: Any, **o: Any) -> None:
        right(self, *a, **o)
        self.packed = False

    with monkeypatch.context() as patch:
        patch.setattr(Policy, "__init__", padded)
        return train_toy(*arguments, **options)


def assert_same(
    one: tuple[Any, list[dict[str, Any]]], other: tuple[Any, list[dict[str, Any]]], but: Collection[str] = ()
) -> None:
    # B starts at zero, so it is the update itself. Adam makes much of gradients that are only rounding.
    updates = [
        torch.cat([p.flatten() for n, p in model.named_parameters() if "lora_B" in n]) for model, _ in (one, other)
    ]
    assert (updates[0] - updates[1]).norm() < 0.02 * updates[1].norm()
    steps = [[event["metrics"] for event in events if event["type"] == "step"] for _, events in (one, other)]
    assert len(steps[0]) == STEPS
    for ours, theirs in zip(*steps, strict=True):
        shared = [name for name in METRICS if name in ours and name not in but]
        assert {name: ours[name] for name in shared} == pytest.approx({n: theirs[n] for n in shared}, abs=1e-3)


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
def test_the_parts_of_a_step_are_not_longer_than_the_step(method: str, tmp_path: Path) -> None:
    _, events = train_toy(method, tmp_path, max_steps=STEPS, **LONGER)
    for metrics in [event["metrics"] for event in events if event["type"] == "step"]:
        parts = sum(metrics.get(f"{part}_seconds", 0.0) for part in ("generate", "score", "update"))
        assert 0 < parts <= metrics["step_seconds"] + 0.01


@pytest.mark.parametrize(
    ("method", "sections"),
    [
        ("sft", {}),
        ("grpo", {"grpo": {"kl": 0.02}}),
        ("ppo", {"ppo": {"entropy": 0.01}}),
        ("ppo", {"ppo": {"minibatches": 4, "epochs": 1, "kl_in": "loss"}}),
    ],
)
def test_packed_and_padded_learn_the_same(
    method: str, sections: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {**LONGER, **sections}
    packed = train_toy(method, tmp_path / "packed", max_steps=STEPS, **sections)
    padded = train_padded(monkeypatch, method, tmp_path / "padded", max_steps=STEPS, **sections)
    assert_same(packed, padded)


def test_grpo_takes_the_librarys_own_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL's log-probabilities in place of the engine's, on the same completions."""
    sections = {**LONGER, "grpo": {"kl": 0.02}}
    ours = train_toy("grpo", tmp_path / "ours", max_steps=STEPS, **sections)
    name = "_get_per_token_logps_and_entropies"
    monkeypatch.setattr(EngineGRPOTrainer, name, getattr(GRPOTrainer, name))
    theirs = train_toy("grpo", tmp_path / "theirs", max_steps=STEPS, **sections)
    assert_same(ours, theirs)


def test_the_first_epoch_starts_from_the_old_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reusing the pass that gave the old log-probabilities changes nothing; computing it again costs a pass a step."""
    from nlu_rl.training.ppo import PPOTrainer

    calls: list[bool] = []
    right = Policy.score_together

    def counted(self: Policy, *arguments: Any, **options: Any) -> Any:
        calls.append(torch.is_grad_enabled())
        return right(self, *arguments, **options)

    monkeypatch.setattr(Policy, "score_together", counted)
    reused = train_toy("ppo", tmp_path / "reused", max_steps=STEPS, **LONGER)
    assert calls == ([True, False] + [True] * 3) * STEPS  # old, reference, three further epochs
    calls.clear()
    first = PPOTrainer._first_scores

    def without_graph(self: Any, *arguments: Any) -> Any:
        with torch.no_grad():
            return first(self, *arguments).detach()

    monkeypatch.setattr(PPOTrainer, "_first_scores", without_graph)
    again = train_toy("ppo", tmp_path / "again", max_steps=STEPS, **LONGER)
    assert len(calls) == 6 * STEPS
    assert_same(reused, again)


def test_groups_without_variance_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    right = Policy.score

    def counted(self: Policy, prompts: Any, completions: Any, **options: Any) -> Any:
        scored.append(len(prompts))
        return right(self, prompts, completions, **options)

    monkeypatch.setattr(Policy, "score", counted)
    _, events = train_toy("grpo", tmp_path / "long", max_steps=40, grpo={"kl": 0.0})
    live = [32 * (1 - e["metrics"]["zero_variance_groups"]) for e in events if e["type"] == "step"]
    assert scored == live
    assert 0.0 in live, "late in this run all groups agree"
    ours = train_toy("grpo", tmp_path / "skipping", max_steps=STEPS, grpo={"kl": 0.0})
    monkeypatch.setattr(EngineGRPOTrainer, "_compute_loss", GRPOTrainer._compute_loss)
    assert_same(ours, train_toy("grpo", tmp_path / "all", max_steps=STEPS, grpo={"kl": 0.0}), but={"entropy"})
