"""The trie's branches, given to flash-attention's kernel, are the trie's attention; here a plain form of the kernel."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from torch import Tensor

from engine_cases import CASES, assert_equal, lora, value_head
from nlu_rl.policy import flash_attention
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.packed import packed_prefill, packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.prompt_states import PromptStates


def varlen(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None = None,
    causal: bool = False,
) -> Tensor:
    """What the package documents: (tokens, heads, size), key heads shared, the causal mask aligned to the ends."""
    assert causal
    assert cu_seqlens_q.dtype == cu_seqlens_k.dtype == torch.int32
    assert (int(cu_seqlens_q[-1]), int(cu_seqlens_k[-1])) == (len(q), len(k))
    assert (int(cu_seqlens_q.diff().max()), int(cu_seqlens_k.diff().max())) == (max_seqlen_q, max_seqlen_k)
    found = []
    bounds = zip(cu_seqlens_q.unfold(0, 2, 1).tolist(), cu_seqlens_k.unfold(0, 2, 1).tolist(), strict=True)
    for (q_start, q_end), (k_start, k_end) in bounds:
        queries, keys, values = q[q_start:q_end], k[k_start:k_end], v[k_start:k_end]
        shared = queries.shape[1] // keys.shape[1]
        mask = torch.ones(len(queries), len(keys)).tril(len(keys) - len(queries)).bool()
        attended = torch.nn.functional.scaled_dot_product_attention(
            queries.transpose(0, 1),
            keys.repeat_interleave(shared, 1).transpose(0, 1),
            values.repeat_interleave(shared, 1).transpose(0, 1),
            attn_mask=mask,
            scale=softmax_scale,
        )
        found.append(attended.transpose(0, 1))
    return torch.cat(found)


@pytest.fixture
def flash(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    package = ModuleType("flash_attn")
    package.__dict__["flash_attn_varlen_func"] = varlen
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    flash_attention.use_flash(True)
    yield
    flash_attention.use_flash(False)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("case", CASES)
def test_branches_equal_padded_rows(flash: None, architecture: str, case: str) -> None:
    model, head = lora(architecture), value_head()
    prompts, completions = CASES[case]
    backbone = Backbone(model)
    reference = padded_scores(backbone, prompts, completions, value_head=head)
    assert_equal(model, packed_scores(backbone, prompts, completions, value_head=head), reference)
    states = PromptStates(backbone, [*prompts, [9, 9]])
    reference = padded_scores(backbone, prompts, completions, value_head=head)
    assert_equal(model, packed_scores(backbone, prompts, completions, value_head=head, states=states), reference)


def test_the_kernel_is_what_attends(flash: None, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, prompts = Backbone(lora("llama")), [[1, 2, 3], [1, 2, 4, 5]]
    right = packed_prefill(backbone, prompts)
    with monkeypatch.context() as other:
        other.setattr(flash_attention, "_kernel", lambda q, *_, **__: torch.zeros_like(q))
        assert not torch.allclose(packed_prefill(backbone, prompts), right, atol=1e-3)
    flash_attention.use_flash(False)
    assert torch.allclose(packed_prefill(backbone, prompts), right, atol=1e-5)


def test_a_package_that_cannot_be_loaded_is_not_in_use(flash: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(ImportError):
        flash_attention.use_flash(True)
    assert not flash_attention.in_use()
