"""LoRA as one operation, and merged for sampling: the library's numbers, and weights that come back bit for bit."""

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from nlu_rl.models import lora_linear
from nlu_rl.models.lora_linear import merged_for_sampling, use_fused_updates
from tiny_model import tiny_causal_lm

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def adapted(dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(3)
    model = get_peft_model(tiny_causal_lm().to(dtype), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def results(model: Any, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = model(input_ids=IDS).logits
    logits.float().log_softmax(-1)[..., 7].sum().backward()
    return logits.float(), torch.cat([p.grad.flatten().float() for p in model.parameters() if p.requires_grad])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_as_near_to_exact_as_the_library(dtype: torch.dtype) -> None:
    plain = adapted(dtype)
    fused, exact = copy.deepcopy(plain), copy.deepcopy(plain).double()
    use_fused_updates(fused)
    truth = results(exact, torch.float64)
    library, ours = results(plain, dtype), results(fused, dtype)
    assert {p.grad.dtype for p in fused.parameters() if p.requires_grad} == {torch.float32}
    for right, theirs, mine in zip(truth, library, ours, strict=True):
        assert (mine - right).norm() < max(1.5 * (theirs - right).norm(), 1e-5 * right.norm())


def test_switched_off_it_is_the_base() -> None:
    base = tiny_causal_lm()(input_ids=IDS).logits
    model = adapted()
    use_fused_updates(model)
    assert (model(input_ids=IDS).logits - base).abs().max() > 0.01
    with model.disable_adapter():
        assert torch.equal(model(input_ids=IDS).logits, base)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_come_back_bit_for_bit(dtype: torch.dtype) -> None:
    model = adapted(dtype)
    use_fused_updates(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        apart = model(input_ids=IDS).logits.float()
        for _ in range(20):
            with merged_for_sampling(model):
                merged = model(input_ids=IDS).logits.float()
        again = model(input_ids=IDS).logits.float()
    assert torch.equal(apart, again)
    assert not torch.equal(apart, merged)
    assert (apart - merged).abs().max() < (1e-5 if dtype == torch.float32 else 0.2)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_weights_come_back_after_an_error() -> None:
    model = adapted()
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(KeyboardInterrupt), merged_for_sampling(model):
        raise KeyboardInterrupt
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not any(getattr(module, "merged", False) for module in model.modules())


def test_nothing_is_merged_without_room_or_with_the_adapter_off(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted()
    weight = model.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight
    held = weight.data_ptr()
    with model.disable_adapter(), merged_for_sampling(model):
        assert weight.data_ptr() == held
    with merged_for_sampling(model):
        assert weight.data_ptr() != held
    monkeypatch.setattr(lora_linear, "_fits_twice", lambda weights: False)
    with merged_for_sampling(model):
        assert weight.data_ptr() == held
