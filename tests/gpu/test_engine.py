"""On a CUDA card: the engine agrees with padding in the types a card computes in, sampling merges and restores."""

import random
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from nlu_rl.models.lora_linear import merged_for_sampling, use_fused_updates
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.flash_attention import use_flash
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path
from tiny_model import tiny_causal_lm, tiny_tokenizer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card")]
DTYPES = {torch.float32: 1e-3, torch.bfloat16: 0.25}


def adapted(dtype: torch.dtype) -> Any:
    """A tiny grouped-query model with a float32 adapter that does something."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    model = get_peft_model(
        tiny_causal_lm(num_key_value_heads=2).to("cuda", dtype),
        LoraConfig(r=4, target_modules="all-linear"),
        autocast_adapter_dtype=True,
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    use_fused_updates(model)
    return model


def rows(prefix: int) -> tuple[list[list[int]], list[list[int]]]:
    rng = random.Random(prefix)
    shared = [rng.randrange(256) for _ in range(prefix)]
    prompts = [shared + [rng.randrange(256) for _ in range(rng.randint(1, 40))] for _ in range(9)]
    return prompts, [[rng.randrange(256) for _ in range(rng.randint(1, 6))] for _ in prompts]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("prefix", [0, 40, 300])
def test_packed_equals_padded_with_gradients(dtype: torch.dtype, prefix: int) -> None:
    model = adapted(dtype)
    found = []
    for run in (packed_scores, padded_scores):
        model.zero_grad()
        scores = run(Backbone(model), *rows(prefix))
        scores.log_probs.sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((scores.log_probs.detach(), gradient))
    assert (found[0][0] - found[1][0]).abs().max() < DTYPES[dtype]
    assert (found[0][1] - found[1][1]).norm() < max(DTYPES[dtype], 0.01) * found[1][1].norm()


@pytest.mark.skipif(find_spec("flash_attn") is None, reason="flash-attn is not installed")
@pytest.mark.parametrize("prefix", [0, 40, 300])
def test_flash_attention_on_the_trie_equals_padded_with_gradients(prefix: int) -> None:
    model, found = adapted(torch.bfloat16), []
    for flash, run in ((True, packed_scores), (False, padded_scores)):
        use_flash(flash)
        model.zero_grad()
        scores = run(Backbone(model), *rows(prefix))
        scores.log_probs.sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((scores.log_probs.detach(), gradient))
    assert (found[0][0] - found[1][0]).abs().mean() < 0.1
    assert (found[0][1] - found[1][1]).norm() < 0.25 * found[1][1].norm()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_self_check_passes_and_rows_are_sampled(dtype: torch.dtype) -> None:
    policy = Policy(adapted(dtype), tiny_tokenizer())
    prompts, completions = rows(20)
    assert check_packed_path(policy, prompts, completions) is None
    rollout = policy.sample(prompts, n=2, max_new_tokens=5, draws=Draws(1))
    assert len(rollout.completions) == 2 * len(prompts)


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_come_back_bit_for_bit(dtype: torch.dtype) -> None:
    model = adapted(dtype)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(5):
        with merged_for_sampling(model):
            pass
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
