"""Attention on the trie at a cost that grows with its nodes, not with their square.

The nodes lie in depth-first order and are cut into blocks of queries. What a block can see is short: the ancestors of
its first node, and the block itself. So each block is one row of a batch, with its own keys gathered, and any scaled
dot-product kernel does the rest. A library model takes it through `AttentionInterface`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from nlu_rl.policy import flash_attention
from nlu_rl.policy.block_attention import BlockAttention
from nlu_rl.policy.flash_attention import Branches
from nlu_rl.policy.trie import Ints, Trie

TRIE_ATTENTION = "nlu_rl_trie"
SHORT_PATH = 256
"""Up to this depth blocks of 32 queries are fastest; deeper, gathering the ancestors outweighs the larger block."""


@dataclass(frozen=True)
class TrieLayout:
    """Which keys each block of `S` consecutive nodes reads."""

    keys: Tensor
    """(blocks, W) nodes; padding repeats node 0."""
    mask: Tensor
    """(blocks, S, W) true where the query may attend to the key."""
    widths: tuple[int, ...] = ()
    """How many of the W keys each block sees, the first ones; empty: all of them."""
    branches: Branches | None = None
    """The same for flash-attention, in place of the blocks, of which there are none then."""

    @cached_property
    def bias(self) -> Tensor:
        """(blocks, 1, 1, S, W) float32: 0 where the query may attend to the key, else minus infinity."""
        blank = torch.zeros(self.mask.shape, device=self.mask.device)
        return blank.masked_fill_(~self.mask, -torch.inf)[:, None, None]


@dataclass(frozen=True)
class SharedPrefix:
    """Keys and values of the tokens that all rows being decoded begin with."""

    layers: list[tuple[Tensor, Tensor]]
    """For each layer, keys and values (key heads, P, head size)."""

    @property
    def length(self) -> int:
        return self.layers[0][0].shape[1]


def trie_layout(
    trie: Trie, device: torch.device, queries: Ints | None = None, places: Ints | None = None
) -> TrieLayout:
    """Cut the trie into blocks; pure but for the last line.

    Args:
        queries: the nodes that attend, in order (default: all of them).
        places: (N,) where the keys of each node are (default: in the order of the nodes).
    """
    ends = trie.ends
    queries = np.arange(len(ends)) if queries is None else queries
    places = np.arange(len(ends)) if places is None else places
    if flash_attention.in_use():
        none = torch.empty(0, device=device)
        return TrieLayout(none, none, branches=flash_attention.trie_branches(trie, device, queries, places))
    size = min(len(queries), 32 if int(trie.depths.max()) < SHORT_PATH else 64)
    blocks = [queries[start : start + size] for start in range(0, len(queries), size)]
    # A subtree that ends after the block's first node holds it, or begins within the block.
    seen_by = [np.flatnonzero(ends[: own[-1] + 1] > own[0]) for own in blocks]
    width = max(len(seen) for seen in seen_by)
    keys = np.zeros((len(blocks), width), np.int64)
    mask = np.zeros((len(blocks), size, width), np.bool_)
    for block, (own, seen) in enumerate(zip(blocks, seen_by, strict=True)):
        keys[block, : len(seen)] = places[seen]
        mask[block, : len(own), : len(seen)] = (seen <= own[:, None]) & (own[:, None] < ends[seen])
        mask[block, len(own) :, 0] = True  # queries beyond the last node: a softmax over nothing is not a number
    widths = tuple(len(seen) for seen in seen_by)
    return TrieLayout(torch.as_tensor(keys, device=device), torch.as_tensor(mask, device=device), widths)


def trie_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    trie: TrieLayout | None = None,
    shared: SharedPrefix | None = None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend within the trie, or to a shared prefix and one's own tokens, or as usual when there is neither.

    Args:
        query: (1, heads, N, head size).
        key: (1, key heads, M, head size), like `value`; each key head serves `heads / key heads` query heads.

    Returns:
        (1, N, heads, head size).
    """
    if shared is not None:
        return _decoding_attention(query, key, value, attention_mask, shared.layers[module.layer_idx], scaling), None
    if trie is None:
        output: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return output
    if kwargs.get("softcap") is not None or kwargs.get("sliding_window") is not None:
        raise ValueError("capped or windowed attention has no packed form")
    if trie.branches is not None:
        return flash_attention.branch_attention(query, key, value, trie.branches, scaling), None
    heads, nodes, dim = query.shape[1:]
    key_heads = key.shape[1]
    blocks, size, width = trie.mask.shape
    shared = heads // key_heads

    def take(states: Tensor) -> Tensor:
        rows = states[0].transpose(0, 1).reshape(states.shape[2], key_heads * states.shape[-1])
        taken = rows.index_select(0, trie.keys.flatten())
        return taken.view(blocks, width, key_heads, states.shape[-1]).transpose(1, 2)

    padded = torch.nn.functional.pad(query[0], (0, 0, 0, blocks * size - nodes))
    queries = padded.view(key_heads, shared, blocks, size, dim).permute(2, 0, 1, 3, 4)
    queries = queries.reshape(blocks, key_heads, shared * size, dim)
    if query.device.type == "cpu":
        scale, widths = dim**-0.5 if scaling is None else scaling, trie.widths or (width,) * blocks
        attended = BlockAttention.apply(queries, take(key), take(value), trie.bias, scale, widths)
    else:
        attended = torch.nn.functional.scaled_dot_product_attention(
            queries, take(key), take(value), attn_mask=trie.mask[:, None].repeat(1, 1, shared, 1), scale=scaling
        )
    back = attended.view(blocks, key_heads, shared, size, -1).permute(0, 3, 1, 2, 4)
    return back.reshape(1, blocks * size, heads, -1)[:, :nodes], None


def _decoding_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    prefix: tuple[Tensor, Tensor],
    scaling: float | None,
) -> Tensor:
    """One query a row, (R, heads, 1, head size), over the prefix, (key heads, P, ..), and its own keys, (R, .., L, ..).

    All rows meet the prefix in one matrix product, so it is read once and copied never.
    """
    rows, heads, _, dim = query.shape
    key_heads, length = prefix[0].shape[:2]
    queries = query.view(rows, key_heads, heads // key_heads, dim) * (dim**-0.5 if scaling is None else scaling)

    def by_head(states: Tensor) -> Tensor:  # (R, key heads, shared, x) -> (key heads, R * shared, x)
        return states.transpose(0, 1).reshape(key_heads, -1, states.shape[-1])

    def by_row(states: Tensor) -> Tensor:
        return states.view(key_heads, rows, heads // key_heads, -1).transpose(0, 1)

    own = queries @ key.transpose(2, 3)
    if mask is not None:
        own = own.masked_fill(~mask, -torch.inf)
    scores = torch.cat([by_row(by_head(queries) @ prefix[0].transpose(1, 2)), own], dim=-1)
    weights = scores.float().softmax(-1).to(value.dtype)
    attended = by_row(by_head(weights[..., :length]) @ prefix[1]) + weights[..., length:] @ value
    return attended.reshape(rows, 1, heads, dim)


AttentionInterface.register(TRIE_ATTENTION, trie_attention)
AttentionMaskInterface.register(TRIE_ATTENTION, sdpa_mask)
