"""Scoring and prefill on the trie: every distinct (prefix, token) is computed once, for all rows together."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import trie_layout
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.prompt_states import PromptStates, trie_inputs
from nlu_rl.policy.scores import Scores, completion_mask, pad_rows, token_scores
from nlu_rl.policy.trie import Trie, build_trie


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

    With the `states` of the prompts only what they do not hold is computed. The last token of a completion is
    predicted but never read, so it is not part of the trie. An empty completion is a row of padding.
    """
    sequences = [[*prompt, *completion[:-1]] for prompt, completion in zip(prompts, completions, strict=True)]
    if states is None:
        trie = build_trie(sequences)
        every, paths = _hidden(backbone, trie), trie.paths
    else:
        states.read(sequences)
        paths = [states.path(sequence) for sequence in sequences]
    lengths = [len(completion) for completion in completions]
    starts = [len(prompt) - 1 for prompt in prompts]
    predictors = [path[i : i + length] for path, i, length in zip(paths, starts, lengths, strict=True)]
    distinct, inverse = np.unique(np.concatenate(predictors), return_inverse=True)
    # (n, hidden size)
    read = states.hidden(distinct) if states else every[torch.as_tensor(distinct, device=every.device)]
    log_probs, entropies = token_scores(backbone, read, temperature)
    index = torch.as_tensor(inverse.reshape(-1), device=read.device)
    tokens = torch.tensor([t for completion in completions for t in completion], dtype=torch.long, device=read.device)
    width = max(lengths)

    def rows(flat: Tensor) -> Tensor:
        return pad_rows(flat.split(lengths), width)

    values = None
    if value_head is not None:
        values = rows(value_head(read)[index])
    return Scores(
        log_probs=rows(log_probs[index, tokens]),
        entropy=rows(entropies[index]),
        mask=completion_mask(completions, read.device),
        values=values,
    )


def packed_prefill(backbone: Backbone, prompts: Sequence[Sequence[int]]) -> Tensor:
    """Return the hidden state at the end of each prompt (P, hidden size), all prompts run as one packed row."""
    trie = build_trie(prompts)
    return _hidden(backbone, trie)[torch.as_tensor([path[-1] for path in trie.paths], device=backbone.device)]


def _hidden(backbone: Backbone, trie: Trie) -> Tensor:
    """Return the last hidden state of every node (N, hidden size)."""
    inputs = trie_inputs(trie, backbone)
    hidden: Tensor = backbone.hidden(**inputs, trie=trie_layout(trie, backbone.device)).last_hidden_state[0]
    return hidden
