"""Scoring and prefill on plain padded batches: the reference for exactness, and the fallback for exotic models."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.scores import Scores, completion_mask, pad_rows, token_scores


def padded_scores(
    backbone: Backbone,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    value_head: torch.nn.Module | None = None,
) -> Scores:
    """Score the completions, one row each, padded on the right."""
    rows = [[*prompt, *completion[:-1]] for prompt, completion in zip(prompts, completions, strict=True)]
    ids, mask = _pad(rows, backbone.device, left=False)
    hidden = backbone.hidden(input_ids=ids, attention_mask=mask, position_ids=_positions(mask)).last_hidden_state
    log_probs, entropies, values = [], [], []
    width = max(len(completion) for completion in completions)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        start = len(prompt) - 1
        states = hidden[row, start : start + len(completion)]  # (t, hidden size)
        scores, entropy = token_scores(backbone, states, temperature)
        tokens = torch.tensor(completion, dtype=torch.long, device=hidden.device)
        log_probs.append(scores.gather(1, tokens[:, None])[:, 0])
        entropies.append(entropy)
        if value_head is not None:
            values.append(value_head(states))
    return Scores(
        log_probs=pad_rows(log_probs, width),
        entropy=pad_rows(entropies, width),
        mask=completion_mask(completions, hidden.device),
        values=pad_rows(values, width) if value_head is not None else None,
    )


def padded_prefill(
    backbone: Backbone, prompts: Sequence[Sequence[int]]
) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor]:
    """Run the prompts padded on the left.

    Returns:
        The hidden state at the end of each prompt (P, hidden size); for each layer its keys and values
        (P, heads, length, head size); the attention mask (P, length).
    """
    from transformers import DynamicCache

    ids, mask = _pad(prompts, backbone.device, left=True)
    cache = DynamicCache()
    output = backbone.hidden(
        input_ids=ids, attention_mask=mask, position_ids=_positions(mask), past_key_values=cache, use_cache=True
    )
    return output.last_hidden_state[:, -1], [(layer.keys, layer.values) for layer in cache.layers], mask


def _pad(rows: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> tuple[Tensor, Tensor]:
    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        span = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, span] = torch.tensor(row)
        mask[i, span] = 1
    return ids.to(device), mask.to(device)


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(-1) - 1).clamp(min=0)
