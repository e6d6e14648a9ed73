"""On a CUDA card: what `doctor --gpu` shows, kernel by kernel, and a run whose measured memory is near its plan."""

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.conftest import recipe, session_cli
from nlu_rl import gpu_check
from nlu_rl.models.machine import installed_cards
from nlu_rl.models.step_cost import speed_of
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card")]
__all__ = ["recipe", "session_cli"]
CARD = torch.device("cuda")


def test_the_doctor_shows_all_on_the_card(session_cli: Any) -> None:
    checks = {check["name"]: check for check in session_cli.json("doctor", "--gpu")["checks"]}
    shown = [check for name, check in checks.items() if name.startswith("on the card: ")]
    assert len(shown) == 7
    assert [check for check in shown if check["state"] != "ok"] == []


@pytest.mark.skipif(find_spec("flash_attn") is None, reason="flash-attn is not installed")
def test_flash_attention_sdpa_and_the_engine_agree() -> None:
    policy = Policy(gpu_check._model(gpu_check._SMALL, CARD, torch.bfloat16), gpu_check._Digits())
    prompts, completions = gpu_check._rows(gpu_check._SMALL, 4, 40, 6)
    with torch.no_grad():
        engine = policy.score(prompts, completions).log_probs
        found = {}
        for name in ("sdpa", "flash_attention_2"):
            policy.model.get_base_model().set_attn_implementation(name)
            found[name] = padded_scores(policy.backbone, prompts, completions).log_probs
    assert (found["flash_attention_2"] - found["sdpa"]).abs().max() < 0.1
    assert (engine - found["sdpa"]).abs().max() < 0.1


@pytest.mark.parametrize("step", [gpu_check._padded, gpu_check._four_bit, gpu_check._learning, gpu_check._memory])
def test_each_by_itself(step: Callable[[torch.device], tuple[bool, str, str]]) -> None:
    right, message, _ = step(CARD)
    assert right, message


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
@pytest.mark.parametrize("quantize", ["none", "nf4"])
def test_a_run_on_the_card(method: str, quantize: str, session_cli: Any, recipe: Callable[..., Path]) -> None:
    run = session_cli.json("run", recipe(method, quantize=quantize))
    assert (run["state"], run["step"]) == ("done", 6)
    events = session_cli.events(run["run"])
    (engine,) = [event for event in events if event["type"] == "engine"]
    assert engine["path"] == "packed"
    assert engine["attention_reason"]
    assert ("four_bit" in engine) is (quantize == "nf4")
    (memory,) = [event for event in events if event["type"] == "memory"]
    assert 0 < memory["measured_bytes"] < memory["budget_bytes"]
    steps = [event["metrics"] for event in events if event["type"] == "step"]
    assert all(math.isfinite(metrics["loss"]) for metrics in steps)


def test_the_card_has_a_known_speed() -> None:
    card = installed_cards()[0]
    assert card.memory_bytes > 0
    if speed_of(card.name) is None:
        pytest.skip(f"no published speed is kept for {card.name}")
