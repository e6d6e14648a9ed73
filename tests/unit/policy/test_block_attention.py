"""Attention of blocks against the library's own, values and gradients."""

import pytest
import torch

from nlu_rl.policy import attention, block_attention
from nlu_rl.policy.block_attention import BlockAttention

BLOCKS, HEADS, SIZE, SHARED, WIDTH, DIM = 3, 2, 5, 3, 7, 8


def inputs(dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(BLOCKS, HEADS, SHARED * SIZE, DIM), *[(BLOCKS, HEADS, WIDTH, DIM)] * 2]
    states = [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]
    mask = torch.rand(BLOCKS, SIZE, WIDTH, generator=generator) > 0.4
    mask[..., 0] = True
    return states, mask


def gradients(output: torch.Tensor, states: list[torch.Tensor]) -> list[torch.Tensor]:
    weight = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return list(torch.autograd.grad((output * weight).sum(), states))


@pytest.mark.parametrize("most", [1, 2 * HEADS * SHARED * SIZE * WIDTH, 10**6])  # one block at a time, two, all
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 2e-2)])
def test_values_and_gradients_are_those_of_the_library(
    dtype: torch.dtype, tolerance: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_attention, "MOST_SCORES", most)
    states, mask = inputs(dtype)
    widths = (4, WIDTH, 2)
    for block, width in enumerate(widths):
        mask[block, :, width:] = False
    exact = [state.detach().double().requires_grad_() for state in states]
    expected = torch.nn.functional.scaled_dot_product_attention(
        *exact, attn_mask=mask[:, None].repeat(1, 1, SHARED, 1), scale=0.3
    )
    layout = attention.TrieLayout(torch.zeros(BLOCKS, WIDTH, dtype=torch.long), mask)
    output = BlockAttention.apply(*states, layout.bias, 0.3, widths)
    assert output.dtype == dtype
    pairs = zip([output, *gradients(output, states)], [expected, *gradients(expected, exact)], strict=True)
    for ours, theirs in pairs:
        assert (ours.double() - theirs).norm() <= tolerance * theirs.norm()
