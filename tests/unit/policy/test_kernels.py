"""The start-up choice of kernels: the fastest that is right, and what is wrong is passed over and named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nlu_rl.models.four_bit import four_bit_layers
from nlu_rl.models.load import load_model
from nlu_rl.models.lora import add_lora
from nlu_rl.policy import kernels
from nlu_rl.policy.kernels import Kernel, choose_attention, choose_four_bit_kernel, first_that_agrees
from nlu_rl.policy.policy import Policy
from nlu_rl.recipe_sections import Lora
from tiny_model import tiny_causal_lm, tiny_tokenizer

ROWS = [[1, 2, 3], [1, 2, 4, 5]], [[7, 8], [9]]


def candidates(outputs: dict[str, float | Exception]) -> tuple[list[Kernel], Callable[[], torch.Tensor], list[str]]:
    used: list[str] = []

    def log_probs() -> torch.Tensor:
        output = outputs[used[-1]]
        if isinstance(output, Exception):
            raise output
        return torch.full((2, 3), output)

    return [Kernel(name, lambda name=name: used.append(name)) for name in outputs], log_probs, used


def test_in_16_bits_the_mean_difference_counts() -> None:
    plain, off = torch.zeros(20), torch.zeros(20)
    off[3] = 0.6
    outputs = iter([plain, off, plain, off])
    two = [Kernel("fused", lambda: None), Kernel("plain", lambda: None)]
    assert first_that_agrees(two, lambda: next(outputs), 0.1, mean=True).name == "fused"
    assert first_that_agrees(two, lambda: next(outputs), 0.1).name == "plain"


def test_the_first_that_agrees_is_taken() -> None:
    found, log_probs, used = candidates({"flash": RuntimeError("no kernel image"), "sdpa": -1.0001, "eager": -1.0})
    choice = first_that_agrees(found, log_probs, 1e-3)
    assert (choice.name, used[-1]) == ("sdpa", "sdpa")
    assert choice.reason == "within 1.0e-04 nats of eager; flash failed (no kernel image)"
    found, log_probs, used = candidates({"flash": float("nan"), "sdpa": -2.0, "eager": -1.0})
    choice = first_that_agrees(found, log_probs, 1e-3)
    assert (choice.name, used[-1]) == ("eager", "eager")
    assert choice.reason == "flash differs by nan nats; sdpa differs by 1 nats"


def test_a_kernel_that_cannot_be_loaded_is_passed_over() -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'einops'")

    two = [Kernel("flash", missing), Kernel("sdpa", lambda: None), Kernel("plain", lambda: None)]
    choice = first_that_agrees(two, lambda: torch.zeros(3), 1e-3)
    assert (choice.name, "flash failed (No module named 'einops')" in choice.reason) == ("sdpa", True)


def test_on_a_cpu() -> None:
    packed = Policy(tiny_causal_lm(attn_implementation="sdpa"), tiny_tokenizer())
    assert choose_attention(packed, *ROWS).name == "sdpa"
    packed.packed = False
    padded = choose_attention(packed, *ROWS)
    assert padded.name == "sdpa"
    assert padded.reason.endswith("of eager; flash-attention needs a card")
    assert choose_attention(Policy(tiny_causal_lm("mpt"), tiny_tokenizer()), *ROWS).name == "eager"


def test_wrong_four_bit_kernels_are_replaced(tiny_model_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapted = add_lora(load_model(str(tiny_model_dir), quantize="nf4"), Lora(rank=4, alpha=8), seed=1)
    assert len(list(four_bit_layers(adapted))) == 14
    loaded = load_model(str(tiny_model_dir), quantize="nf4")
    ids = torch.tensor([[1, 2, 3]])
    right = loaded.model(input_ids=ids).logits
    choice = choose_four_bit_kernel(loaded.model, loaded.dtype)
    assert choice is not None
    assert choice.name == "bitsandbytes"
    assert choose_four_bit_kernel(load_model(str(tiny_model_dir)).model, torch.float32) is None
    for _, layer in four_bit_layers(loaded.model):
        layer.forward = lambda x, layer=layer: x.new_zeros(*x.shape[:-1], layer.out_features)
    monkeypatch.setattr(kernels, "kernel_error", lambda _: 1.0)
    choice = choose_four_bit_kernel(loaded.model, loaded.dtype)
    assert choice is not None
    assert choice.name == "dequantized"
    assert torch.allclose(loaded.model(input_ids=ids).logits, right, atol=1e-4)
