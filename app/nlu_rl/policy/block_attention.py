"""Attention of many small blocks on a CPU, where the library's fused kernel takes several times as long.

Scores and softmax are in float32, products with the weights in the model's own type. A few blocks are taken at a time,
so that their scores stay in the processor's cache, each with no more keys than its nodes see. The weights are computed
again in the backward pass, so no more is kept than by a fused kernel.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

MOST_SCORES = 1_000_000
"""Scores that are held at once (4 MB)."""
Part = tuple[slice, int]
"""Some blocks, and how many keys they see."""


class BlockAttention(torch.autograd.Function):
    """Softmax of `scale q k^T + bias`, times `v`, for each block and head."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float, widths: Sequence[int]
    ) -> Tensor:
        """Return (blocks, heads, Q, D) of `query` (blocks, heads, Q, D) and `key`, `value` (blocks, heads, W, D).

        `bias` is (blocks, 1, 1, S, W); Q is a multiple of S, the queries of a block lying one group after another.
        `widths` says how many of its W keys each block sees.
        """
        ctx.save_for_backward(query, key, value, bias)
        ctx.scale, ctx.parts = scale, list(_parts(query, widths))
        outputs = [
            _weights(query[blocks], key[blocks, :, :width], bias[blocks, ..., :width], scale) @ value[blocks, :, :width]
            for blocks, width in ctx.parts
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, bias = ctx.saved_tensors
        grads = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for blocks, width in ctx.parts:
            seen = blocks, slice(None), slice(width)
            part = query[blocks], key[seen], value[seen], bias[blocks, ..., :width]
            grads[0][blocks], grads[1][seen], grads[2][seen] = _gradients(grad[blocks], *part, ctx.scale)
        return *grads, None, None, None


def _gradients(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    weights = _weights(query, key, bias, scale)
    value_grad = weights.transpose(-1, -2) @ grad
    scores_grad = grad @ value.transpose(-1, -2)
    mean = (scores_grad * weights).sum(-1, keepdim=True, dtype=torch.float32).to(grad.dtype)
    scores_grad.sub_(mean).mul_(weights)
    query_grad = (scores_grad @ key).mul_(scale)
    key_grad = (scores_grad.transpose(-1, -2) @ query).mul_(scale)
    return query_grad, key_grad, value_grad


def _parts(query: Tensor, widths: Sequence[int]) -> Iterator[Part]:
    """Yield neighbouring blocks with at most `MOST_SCORES` scores together; at least one block."""
    rows = query.shape[1] * query.shape[2]
    start = 0
    while start < len(widths):
        stop, width = start + 1, widths[start]
        while stop < len(widths):
            wider = max(width, widths[stop])
            if (stop + 1 - start) * rows * wider > MOST_SCORES:
                break
            stop, width = stop + 1, wider
        yield slice(start, stop), width
        start = stop


def _weights(query: Tensor, key: Tensor, bias: Tensor, scale: float) -> Tensor:
    """Return the attention weights (blocks, heads, Q, W) in the type of the keys."""
    scores = (query.float() * scale) @ key.float().transpose(-1, -2)
    blocks, heads, _, width = scores.shape
    scores.view(blocks, heads, -1, bias.shape[-2], width).add_(bias)
    return scores.softmax(-1).to(key.dtype)
