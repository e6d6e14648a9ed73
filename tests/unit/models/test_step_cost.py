"""Time and cost of a step against numbers worked out by hand."""

from dataclasses import replace

import pytest

from nlu_rl.models.catalogue import CATALOGUE
from nlu_rl.models.machine import GPU_MIB
from nlu_rl.models.memory import RunNumbers
from nlu_rl.models.step_cost import SPEEDS, CardSpeed, speed_of, step_cost

SHAPE = CATALOGUE["qwen2.5-7b"].shape
CARD = CardSpeed(tflops=100, float32_tflops=20, gigabytes_per_second=1000, usd_per_hour=3.6)
PPO = RunNumbers("ppo", "none", 16, 16, 240, 10, "adamw", False, None, 2, "cuda", epochs=4)


def test_by_hand() -> None:
    cost = step_cost(SHAPE, PPO, CARD)
    arithmetic = 2 * SHAPE.parameters * 16 * 250 * 10 / 35e12
    decode = 10 * 2 * SHAPE.parameters / 600e9
    assert cost.decode_seconds == pytest.approx(decode)
    assert cost.step_seconds == pytest.approx(arithmetic + decode)
    assert cost.usd_per_step == pytest.approx(cost.step_seconds / 1000)
    assert step_cost(SHAPE, PPO, CARD, usd_per_hour=0).usd_per_step == 0


def test_float32_does_not_reach_the_peak_of_16_bits() -> None:
    full, half = (step_cost(SHAPE, replace(PPO, compute_bytes=size), CARD) for size in (4, 2))
    ratio = (full.step_seconds - full.decode_seconds) / (half.step_seconds - half.decode_seconds)
    assert ratio == pytest.approx(5)
    assert all(speed.float32_tflops < speed.tflops for speed in SPEEDS.values())


def test_what_costs_more() -> None:
    whole = step_cost(SHAPE, PPO, CARD).step_seconds
    assert step_cost(SHAPE, replace(PPO, method="sft", epochs=1), CARD).step_seconds < whole
    assert step_cost(SHAPE, replace(PPO, epochs=1), CARD).step_seconds < whole
    assert step_cost(SHAPE, replace(PPO, gradient_checkpointing=True), CARD).step_seconds > whole
    grouped = replace(PPO, method="grpo", epochs=1, group=8)
    assert step_cost(SHAPE, grouped, CARD).step_seconds < step_cost(SHAPE, replace(grouped, group=1), CARD).step_seconds


def test_a_small_model_waits_for_its_kernels_on_any_card() -> None:
    small = CATALOGUE["smollm2-135m"].shape
    costs = [step_cost(small, PPO, card) for card in (CARD, CardSpeed(1000, 200, 10_000, 3.6))]
    assert costs[0].decode_seconds == costs[1].decode_seconds == pytest.approx(10 * 30 * 30 * 6e-6)
    assert costs[1].step_seconds - costs[1].decode_seconds == pytest.approx(14 * 30 * 60 * 6e-6)


def test_cards_by_any_name() -> None:
    assert set(SPEEDS) == set(GPU_MIB)
    assert all(speed_of(name) == speed for name, speed in SPEEDS.items())
    assert speed_of("H200") == SPEEDS["h200"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("NVIDIA A100-SXM4-80GB", "a100-80g"),
        ("NVIDIA A100 80GB PCIe", "a100-80g"),
        ("NVIDIA A100-PCIE-40GB", "a100-40g"),
        ("NVIDIA A100-SXM4-40GB", "a100-40g"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA RTX A6000", "a6000"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 3090", "rtx3090"),
        ("NVIDIA L4", "l4"),
        ("Tesla T4", "t4"),
    ],
)
def test_cards_as_nvidia_smi_names_them(name: str, key: str) -> None:
    assert speed_of(name) == SPEEDS[key]


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA L40",
        "NVIDIA T400 4GB",
        "NVIDIA T4G",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA GeForce RTX 3090 Ti",
        "NVIDIA RTX 6000 Ada Generation",
        "NVIDIA H100 PCIe",
        "NVIDIA H200 NVL",
        "NVIDIA GH200 480GB",
        "NVIDIA A10",
        "NVIDIA A100-SXM-64GB",
        "NVIDIA",
        "cpu",
        "",
    ],
)
def test_a_card_of_nearly_the_same_name_has_no_speed(name: str) -> None:
    assert speed_of(name) is None
