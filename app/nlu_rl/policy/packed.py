"""Scoring and prefill on the trie: every distinct (prefix, token) is computed once, for all rows together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import trie_layout
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.scores import Scores, completion_mask, pad_rows, token_scores
from nlu_rl.policy.trie import Ints, Trie, build_trie


@dataclass(frozen=True)
class PromptStates:
    """What the trunk made of some prompts. With its graph, what comes after them is scored from here."""

    hidden: Tensor
    """(N, hidden size) last hidden states of the prompts' nodes."""
    layers: list[tuple[Tensor, Tensor]]
    """For each layer keys and values, (1, heads, N, head size)."""
    paths: Mapping[tuple[int, ...], Ints]
    """The nodes of each prompt's tokens."""


def packed_scores(
    backbone: Backbone,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    value_head: torch.nn.Module | None = None,
    states: PromptStates | None = None,
) -> Scores:
    """Score the completions in one packed forward pass; differentiable, also through what rows share.

    With the `states` of the prompts only the completions are computed. The last token of a completion is predicted but
    never read, so it is not part of the trie. An empty completion is a row of padding.
    """
    sequences = [[*prompt, *completion[:-1]] for prompt, completion in zip(prompts, completions, strict=True)]
    trie = build_trie(sequences)
    hidden = _hidden(backbone, trie) if states is None else _hidden_after(backbone, trie, prompts, states)
    lengths = [len(completion) for completion in completions]
    starts = [len(prompt) - 1 for prompt in prompts]
    predictors = [path[i : i + length] for path, i, length in zip(trie.paths, starts, lengths, strict=True)]
    distinct, inverse = np.unique(np.concatenate(predictors), return_inverse=True)
    read = hidden[torch.as_tensor(distinct, device=hidden.device)]  # (n, hidden size)
    log_probs, entropies = token_scores(backbone, read, temperature)
    index = torch.as_tensor(inverse.reshape(-1), device=hidden.device)
    tokens = torch.tensor([t for completion in completions for t in completion], dtype=torch.long, device=hidden.device)
    width = max(lengths)

    def rows(flat: Tensor) -> Tensor:
        return pad_rows(flat.split(lengths), width)

    values = None
    if value_head is not None:
        values = rows(value_head(read)[index])
    return Scores(
        log_probs=rows(log_probs[index, tokens]),
        entropy=rows(entropies[index]),
        mask=completion_mask(completions, hidden.device),
        values=values,
    )


def packed_prefill(
    backbone: Backbone, prompts: Sequence[Sequence[int]], states: PromptStates | None = None
) -> tuple[Tensor, list[tuple[Tensor, Tensor]], list[Tensor]]:
    """Run all prompts as one packed row, or take what was made of them before.

    Returns:
        The hidden state at the end of each prompt (P, hidden size); for each layer its keys and values
        (1, heads, N, head size); for each prompt the nodes of its tokens.
    """
    states = states or prompt_states(backbone, prompts)
    paths = [torch.as_tensor(states.paths[tuple(prompt)], device=backbone.device) for prompt in prompts]
    last = torch.stack([path[-1] for path in paths])
    return states.hidden[last], states.layers, paths


def prompt_states(backbone: Backbone, prompts: Sequence[Sequence[int]]) -> PromptStates:
    """Run all prompts as one packed row and keep what it takes to go on from them."""
    from transformers import DynamicCache

    trie = build_trie(prompts)
    cache = DynamicCache()
    output = backbone.hidden(
        **_inputs(trie, backbone), trie=trie_layout(trie, backbone.device), past_key_values=cache, use_cache=True
    )
    paths = {tuple(prompt): path for prompt, path in zip(prompts, trie.paths, strict=True)}
    return PromptStates(output.last_hidden_state[0], [(layer.keys, layer.values) for layer in cache.layers], paths)


def _hidden(backbone: Backbone, trie: Trie) -> Tensor:
    """Return the last hidden state of every node (N, hidden size)."""
    inputs = _inputs(trie, backbone)
    hidden: Tensor = backbone.hidden(**inputs, trie=trie_layout(trie, backbone.device)).last_hidden_state[0]
    return hidden


def _hidden_after(backbone: Backbone, trie: Trie, prompts: Sequence[Sequence[int]], states: PromptStates) -> Tensor:
    """As `_hidden`, from the states of the prompts: only the nodes after them are computed."""
    from transformers import DynamicCache

    known = len(states.hidden)
    places = np.full(len(trie.tokens), -1)
    for prompt, path in zip(prompts, trie.paths, strict=True):
        places[path[: len(prompt)]] = states.paths[tuple(prompt)]
    fresh = np.flatnonzero(places < 0)
    places[fresh] = known + np.arange(len(fresh))
    hidden = states.hidden
    if len(fresh):
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(states.layers):
            cache.update(keys, values, layer)
        output = backbone.hidden(
            **_inputs(trie, backbone, fresh),
            trie=trie_layout(trie, backbone.device, fresh, places),
            past_key_values=cache,
            use_cache=True,
        )
        hidden = torch.cat([hidden, output.last_hidden_state[0]])
    return hidden[torch.as_tensor(places, device=backbone.device)]


def _inputs(trie: Trie, backbone: Backbone, nodes: Ints | slice = slice(None)) -> dict[str, Any]:
    def place(array: Any) -> Tensor:
        return torch.as_tensor(array[nodes], device=backbone.device)[None]

    return {
        "input_ids": place(trie.tokens),
        "position_ids": place(trie.depths),
        # The layout is the mask. A model that ignores the layout sees everything, and fails the self-check.
        "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool, device=backbone.device),
    }
