"""Attention on the trie by flash-attention's kernel for sequences of several lengths, on a card that has it.

A branch is a run of nodes, each the child of the one before. It sees the path from a first node to its own end, of
which its nodes are the last. That is what the kernel computes of queries and keys of two lengths: its causal mask is
aligned to their ends. So a branch is a sequence, with the keys of its ancestors gathered before its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.trie import Ints, Trie

_kernel: Callable[..., Tensor] | None = None
"""`flash_attn_varlen_func` while it is in use, for the whole process."""


@dataclass(frozen=True)
class Branches:
    """The branches of some nodes, one after the other."""

    keys: Tensor
    """(K,) where the keys of each branch's path are."""
    query_starts: Tensor
    """(branches + 1,) int32, where the nodes of each begin, and the end of the last."""
    key_starts: Tensor
    """(branches + 1,) int32, the same of `keys`."""
    longest: tuple[int, int]
    """The most nodes, and the most keys, of a branch."""


def use_flash(wanted: bool) -> None:
    """Take the kernel from now on, or no longer.

    Raises:
        ImportError: it is wanted, but the package or something it needs is not here.
    """
    global _kernel
    _kernel = None
    if wanted:
        from flash_attn import flash_attn_varlen_func

        _kernel = flash_attn_varlen_func


def in_use() -> bool:
    return _kernel is not None


def trie_branches(trie: Trie, device: torch.device, queries: Ints, places: Ints) -> Branches:
    """Cut the nodes that attend, in order, into branches; `places` says where the keys of each node (N,) are."""
    follows = (np.diff(queries) == 1) & (trie.parents[queries[1:]] == queries[:-1])
    starts = np.concatenate([[0], np.flatnonzero(~follows) + 1, [len(queries)]])
    ends = trie.ends
    paths = [np.flatnonzero(ends[: last + 1] > last) for last in queries[starts[1:] - 1]]  # it and its ancestors
    lengths = [len(path) for path in paths]
    return Branches(
        torch.as_tensor(places[np.concatenate(paths)], device=device),
        torch.as_tensor(starts, dtype=torch.int32, device=device),
        torch.as_tensor(np.cumsum([0, *lengths]), dtype=torch.int32, device=device),
        (int(np.diff(starts).max()), max(lengths)),
    )


def branch_attention(query: Tensor, key: Tensor, value: Tensor, branches: Branches, scaling: float | None) -> Tensor:
    """Return (1, N, heads, head size) of `query` (1, heads, N, head size) and the keys and values of all nodes."""
    assert _kernel is not None
    return _kernel(
        query[0].transpose(0, 1).contiguous(),
        key[0].transpose(0, 1)[branches.keys],
        value[0].transpose(0, 1)[branches.keys],
        branches.query_starts,
        branches.key_starts,
        *branches.longest,
        softmax_scale=scaling,
        causal=True,
    )[None]
