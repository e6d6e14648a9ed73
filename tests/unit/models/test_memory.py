"""The memory plan against numbers worked out by hand and counted by autograd."""

from dataclasses import replace
from typing import Any

import pytest

from nlu_rl.models.catalogue import CATALOGUE
from nlu_rl.models.memory import (
    GIB,
    MemoryPlan,
    RunNumbers,
    activation_bytes_per_token,
    lora_parameters,
    plan_memory,
    weights_bytes,
    what_to_change,
)
from nlu_rl.models.shape import shape_of_config

PPO = RunNumbers(
    method="ppo",
    quantize="none",
    rank=16,
    batch=16,
    prompt_tokens=256,
    max_new_tokens=32,
    optimizer="adafactor",
    gradient_checkpointing=False,
    micro_batch_tokens=None,
    compute_bytes=2,
    device="cuda",
)
SEVEN_B = CATALOGUE["llama-2-7b"].shape
SMALL = CATALOGUE["smollm2-135m"].shape


def test_weights_by_hand() -> None:
    assert weights_bytes(SEVEN_B, "none", 2) == 2 * 6_738_415_616
    linear = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008)
    rest = 6_738_415_616 - linear
    assert weights_bytes(SEVEN_B, "nf4", 2) == int(linear * (0.5 + 0.127 / 8)) + 2 * rest


def test_lora_parameters_as_peft_counts_them() -> None:
    # 30 layers of rank 16: q, o 576+576; k, v 576+192; gate, up 576+1536; down 1536+576
    assert lora_parameters(SMALL, 16) == 30 * 16 * (2 * 1152 + 2 * 768 + 3 * 2112)
    assert lora_parameters(SMALL, 16) == 4_884_480


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_activations_as_autograd_keeps_them(architecture: str, dtype: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from nlu_rl.models.lora_linear import use_fused_updates
    from nlu_rl.policy.backbone import Backbone
    from tiny_model import tiny_causal_lm

    def kept_bytes(layers: int, tokens: int) -> int:
        sizes = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": layers}
        model = tiny_causal_lm(architecture, **sizes).to(getattr(torch, dtype))
        model.set_attn_implementation("sdpa")
        model = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
        use_fused_updates(model)
        parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
        kept: dict[int, torch.Tensor] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.untyped_storage().data_ptr() not in parameters:
                kept[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            Backbone(model).hidden(input_ids=torch.zeros(1, tokens, dtype=torch.long))
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())

    shape = shape_of_config(tiny_causal_lm(architecture, hidden_size=64, intermediate_size=256).config.to_dict())
    few, many = (kept_bytes(4, tokens) - kept_bytes(2, tokens) for tokens in (64, 128))
    counted = (many - few) / 2 / 64
    planned = activation_bytes_per_token(shape, 4 if dtype == "float32" else 2, rank=8)
    assert planned == pytest.approx(counted, rel=0.02)


@pytest.mark.parametrize(
    ("model", "gib", "quantize", "fits"),
    [
        ("llama-2-7b", 80, "none", True),
        ("llama-2-13b", 80, "none", True),
        ("qwen2.5-7b", 40, "none", True),
        ("llama-2-13b", 24, "none", False),
        ("llama-2-7b", 24, "nf4", True),
        ("llama-2-13b", 24, "nf4", True),
        ("qwen2.5-7b", 8, "nf4", False),
        ("smollm2-135m", 4, "none", True),
    ],
)
def test_what_fits_where(model: str, gib: int, quantize: Any, fits: bool) -> None:
    plan = plan_memory(CATALOGUE[model].shape, replace(PPO, quantize=quantize), gib * GIB)
    assert plan.fits is fits
    assert plan.fits is (plan.total_bytes <= plan.budget_bytes)


def test_micro_batch_is_the_largest_that_fits() -> None:
    plan = plan_memory(SEVEN_B, PPO, 24 * GIB)
    assert plan.fits
    assert plan.micro_batch_tokens % PPO.row_tokens == 0
    larger = replace(PPO, micro_batch_tokens=plan.micro_batch_tokens + PPO.row_tokens)
    assert not plan_memory(SEVEN_B, larger, 24 * GIB).fits
    assert plan_memory(SEVEN_B, PPO, 80 * GIB).micro_batch_tokens == PPO.batch * PPO.row_tokens


def test_stated_micro_batch_is_kept() -> None:
    assert plan_memory(SEVEN_B, replace(PPO, micro_batch_tokens=500), 80 * GIB).micro_batch_tokens == 500


def test_each_setting_moves_its_own_part() -> None:
    base = plan_memory(SEVEN_B, replace(PPO, micro_batch_tokens=1000), 80 * GIB)

    def changed(**changes: Any) -> MemoryPlan:
        return plan_memory(SEVEN_B, replace(PPO, micro_batch_tokens=1000, **changes), 80 * GIB)

    read_by_matmuls = 2 * lora_parameters(SEVEN_B, 16)
    assert base.lora_bytes - read_by_matmuls == changed(optimizer="adamw").optimizer_bytes
    assert changed(optimizer="adamw").optimizer_bytes > 40 * base.optimizer_bytes
    assert changed(gradient_checkpointing=True).activation_bytes < base.activation_bytes / 10
    assert changed(method="sft").kv_bytes == 0
    assert changed(batch=32).kv_bytes == 2 * base.kv_bytes
    without_value_head = changed(method="grpo").lora_bytes
    assert base.lora_bytes - without_value_head == 8 * (4096 * 4096 + 2 * 4096 + 1)


def test_processes_that_cut_the_base_up_hold_less() -> None:
    shape = CATALOGUE["llama-2-13b"].shape
    alone, four = (plan_memory(shape, replace(PPO, shards=shards), 24 * GIB) for shards in (1, 4))
    assert (alone.fits, four.fits) == (False, True)
    layer, rest = 2 * shape.linear_parameters // shape.layers, 2 * (shape.parameters - shape.linear_parameters)
    assert four.weights_bytes == rest + (shape.layers // 4 + 2) * layer


def test_total_counts_the_larger_of_sampling_and_training() -> None:
    plan = plan_memory(SEVEN_B, PPO, 80 * GIB)
    phases = max(plan.kv_bytes, plan.activation_bytes + plan.logits_bytes)
    held = plan.weights_bytes + plan.lora_bytes + plan.optimizer_bytes + plan.slack_bytes
    assert plan.total_bytes == held + phases


def test_advice_is_mild_first_and_true() -> None:
    thirteen = CATALOGUE["llama-2-13b"].shape
    assert what_to_change(thirteen, PPO, 24 * GIB, bfloat16=True) == ["quantize=nf4"]
    stated = replace(PPO, micro_batch_tokens=50_000)
    assert what_to_change(SEVEN_B, stated, 24 * GIB, bfloat16=True) == ["train.micro_batch_tokens=null"]
    assert what_to_change(thirteen, PPO, 4 * GIB, bfloat16=True) == []
    large = replace(PPO, method="grpo", batch=64, group=8)
    advised = what_to_change(thirteen, large, 16 * GIB, bfloat16=True)
    assert advised[-1].startswith("train.batch="), "the last thing to change, for with it a run learns otherwise"
    batch = int(advised[-1].partition("=")[2])
    assert batch % 8 == 0
    milder = replace(large, quantize="nf4", gradient_checkpointing=True, rank=4)
    assert not plan_memory(thirteen, milder, 16 * GIB).fits
    assert plan_memory(thirteen, replace(milder, batch=batch), 16 * GIB).fits
    huge = replace(large, prompt_tokens=2000, quantize="nf4", gradient_checkpointing=True)
    advised = what_to_change(thirteen, huge, 15 * GIB, bfloat16=True)
    assert advised[0].startswith("grpo.completions="), "smaller groups before it is given up"
    ranks = what_to_change(
        thirteen, replace(PPO, rank=512, quantize="nf4", gradient_checkpointing=True), 12 * GIB, bfloat16=True
    )
    assert ranks[0].startswith("lora.rank=")
    assert int(ranks[0].partition("=")[2]) > 4
    wide = replace(PPO, compute_bytes=4)
    assert "precision=bfloat16" not in what_to_change(SEVEN_B, wide, 15 * GIB, bfloat16=False)
