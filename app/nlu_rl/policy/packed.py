"""Scoring and prefill on the trie: every distinct (prefix, token) is computed once, for all rows together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import trie_layout
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.scores import Scores, completion_mask, pad_rows, token_scores
from nlu_rl.policy.trie import Trie, build_trie


def packed_scores(
    backbone: Backbone,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    value_head: torch.nn.Module | None = None,
) -> Scores:
    """Score the completions in one packed forward pass; differentiable, also through what rows share.

    The last token of a completion is predicted but never read, so it is not part of the trie. An empty completion is a
    row of padding.
    """
    sequences = [[*prompt, *completion[:-1]] for prompt, completion in zip(prompts, completions, strict=True)]
    trie = build_trie(sequences)
    hidden = backbone.hidden(**_inputs(trie, backbone)).last_hidden_state[0]  # (N, hidden size)
    lengths = [len(completion) for completion in completions]
    starts = [len(prompt) - 1 for prompt in prompts]
    predictors = [path[i : i + length] for path, i, length in zip(trie.paths, starts, lengths, strict=True)]
    distinct, inverse = np.unique(np.concatenate(predictors), return_inverse=True)
    states = hidden[torch.as_tensor(distinct, device=hidden.device)]  # (n, hidden size)
    log_probs, entropies = token_scores(backbone, states, temperature)
    index = torch.as_tensor(inverse.reshape(-1), device=hidden.device)
    tokens = torch.tensor([t for completion in completions for t in completion], dtype=torch.long, device=hidden.device)
    width = max(lengths)

    def rows(flat: Tensor) -> Tensor:
        return pad_rows(flat.split(lengths), width)

    values = None
    if value_head is not None:
        values = rows(value_head(states)[index])
    return Scores(
        log_probs=rows(log_probs[index, tokens]),
        entropy=rows(entropies[index]),
        mask=completion_mask(completions, hidden.device),
        values=values,
    )


def packed_prefill(
    backbone: Backbone, prompts: Sequence[Sequence[int]]
) -> tuple[Tensor, list[tuple[Tensor, Tensor]], list[Tensor]]:
    """Run all prompts as one packed row.

    Returns:
        The hidden state at the end of each prompt (P, hidden size); for each layer its keys and values
        (1, heads, N, head size); for each prompt the nodes of its tokens.
    """
    from transformers import DynamicCache

    trie = build_trie(prompts)
    cache = DynamicCache()
    output = backbone.hidden(**_inputs(trie, backbone), past_key_values=cache, use_cache=True)
    paths = [torch.as_tensor(path, device=backbone.device) for path in trie.paths]
    last = torch.stack([path[-1] for path in paths])
    layers = [(layer.keys, layer.values) for layer in cache.layers]
    return output.last_hidden_state[0][last], layers, paths


def _inputs(trie: Trie, backbone: Backbone) -> dict[str, Any]:
    def place(array: Any) -> Tensor:
        return torch.as_tensor(array, device=backbone.device)

    return {
        "input_ids": place(trie.tokens)[None],
        "position_ids": place(trie.depths)[None],
        "trie": trie_layout(trie, backbone.device),
        # The layout is the mask. A model that ignores the layout sees everything, and fails the self-check.
        "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool, device=backbone.device),
    }
