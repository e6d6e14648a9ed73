"""Attention of many small blocks on a CPU, where the library's fused kernel takes several times as long backwards.

Scores and softmax are in float32, products with the weights in the model's own type. The weights are computed again in
the backward pass, so no more is kept than by a fused kernel.
"""

from typing import Any

import torch
from torch import Tensor

MOST_SCORES = 3_500_000
"""Scores of one layer that may be held at once (14 MB); above, the fused kernel is as fast."""


class BlockAttention(torch.autograd.Function):
    """Softmax of `scale q k^T + bias`, times `v`, for each block and head."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float) -> Tensor:
        """Return (blocks, heads, Q, D) of `query` (blocks, heads, Q, D) and `key`, `value` (blocks, heads, W, D).

        `bias` is (blocks, 1, 1, S, W); Q is a multiple of S, the queries of a block lying one group after another.
        """
        ctx.save_for_backward(query, key, value, bias)
        ctx.scale = scale
        return _weights(query, key, bias, scale) @ value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, bias = ctx.saved_tensors
        weights = _weights(query, key, bias, ctx.scale)
        value_grad = weights.transpose(-1, -2) @ grad
        scores_grad = grad @ value.transpose(-1, -2)
        mean = (scores_grad * weights).sum(-1, keepdim=True, dtype=torch.float32).to(grad.dtype)
        scores_grad.sub_(mean).mul_(weights)
        query_grad = (scores_grad @ key).mul_(ctx.scale)
        key_grad = (scores_grad.transpose(-1, -2) @ query).mul_(ctx.scale)
        return query_grad, key_grad, value_grad, None, None


def _weights(query: Tensor, key: Tensor, bias: Tensor, scale: float) -> Tensor:
    """Return the attention weights (blocks, heads, Q, W) in the type of the keys."""
    scores = (query.float() * scale) @ key.float().transpose(-1, -2)
    blocks, heads, _, width = scores.shape
    scores.view(blocks, heads, -1, bias.shape[-2], width).add_(bias)
    return scores.softmax(-1).to(key.dtype)
