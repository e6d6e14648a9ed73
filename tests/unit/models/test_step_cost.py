"""Time and cost of a step against numbers worked out by hand."""

from dataclasses import replace

import pytest

from nlu_rl.models.catalogue import CATALOGUE
from nlu_rl.models.machine import GPU_MIB
from nlu_rl.models.memory import RunNumbers
from nlu_rl.models.step_cost import SPEEDS, CardSpeed, speed_of, step_cost

SHAPE = CATALOGUE["qwen2.5-7b"].shape
CARD = CardSpeed(tflops=100, gigabytes_per_second=1000, usd_per_hour=3.6)
PPO = RunNumbers("ppo", "none", 16, 16, 240, 10, "adamw", False, None, 2, "cuda", epochs=4)


def test_by_hand() -> None:
    cost = step_cost(SHAPE, PPO, CARD)
    arithmetic = 2 * SHAPE.parameters * 16 * 250 * 10 / 35e12
    decode = 10 * 2 * SHAPE.parameters / 600e9
    assert cost.decode_seconds == pytest.approx(decode)
    assert cost.step_seconds == pytest.approx(arithmetic + decode)
    assert cost.usd_per_step == pytest.approx(cost.step_seconds / 1000)
    assert step_cost(SHAPE, PPO, CARD, usd_per_hour=0).usd_per_step == 0


def test_what_costs_more() -> None:
    whole = step_cost(SHAPE, PPO, CARD).step_seconds
    assert step_cost(SHAPE, replace(PPO, method="sft", epochs=1), CARD).step_seconds < whole
    assert step_cost(SHAPE, replace(PPO, epochs=1), CARD).step_seconds < whole
    assert step_cost(SHAPE, replace(PPO, gradient_checkpointing=True), CARD).step_seconds > whole
    grouped = replace(PPO, method="grpo", epochs=1, group=8)
    assert step_cost(SHAPE, grouped, CARD).step_seconds < step_cost(SHAPE, replace(grouped, group=1), CARD).step_seconds


def test_a_small_model_waits_for_its_kernels_on_any_card() -> None:
    small = CATALOGUE["smollm2-135m"].shape
    costs = [step_cost(small, PPO, card) for card in (CARD, CardSpeed(1000, 10_000, 3.6))]
    assert costs[0].decode_seconds == costs[1].decode_seconds == pytest.approx(10 * 30 * 30 * 6e-6)
    assert costs[1].step_seconds - costs[1].decode_seconds == pytest.approx(14 * 30 * 60 * 6e-6)


def test_cards_by_any_name() -> None:
    assert set(SPEEDS) == set(GPU_MIB)
    assert all(speed_of(name) == speed for name, speed in SPEEDS.items())
    assert speed_of("NVIDIA A100-SXM4-80GB") == SPEEDS["a100-80g"]
    assert speed_of("NVIDIA A100-PCIE-40GB") == SPEEDS["a100-40g"]
    assert speed_of("NVIDIA H100 80GB HBM3") == SPEEDS["h100"]
    assert speed_of("NVIDIA GeForce RTX 4090") == SPEEDS["rtx4090"]
    assert speed_of("cpu") is None
