"""Token by token: draw, record, drop the rows that have finished, go on with the rest.

A row finishes at the stop text or an end-of-text token, and leaves the batch at once. Each draw is the inverse of the
cumulative distribution at a number that depends on the row, not on the batch (`draws.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlu_rl.policy.attention import SharedPrefix
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.row_cache import row_cache
from nlu_rl.policy.scores import token_scores


@dataclass
class Rollout:
    """`B = P * n` completions, prompt by prompt."""

    completions: list[list[int]] = field(default_factory=list)
    """Token ids, including those of the stop text or the end-of-text token."""
    texts: list[str] = field(default_factory=list)
    log_probs: list[list[float]] = field(default_factory=list)
    """Of each token, under the distribution it was drawn from."""
    finished: list[bool] = field(default_factory=list)
    """Whether it ended by itself, not at the limit of new tokens."""


@dataclass(frozen=True)
class Stopping:
    """When a completion ends."""

    stop: str
    end_tokens: frozenset[int]
    max_new_tokens: int


@dataclass
class Prefilled:
    """The rows to decode, after their prompts: `R` rows, their own keys and values padded on the left."""

    hidden: Tensor
    """(R, hidden size) at the end of each prompt."""
    layers: list[tuple[Tensor, Tensor]]
    """Keys and values, each (R, heads, length, head size)."""
    mask: Tensor
    """(R, length) 1 on real tokens."""
    prompt: np.ndarray[Any, np.dtype[np.int64]]
    """(R,) index of the prompt of each row, for the draws."""
    completion: np.ndarray[Any, np.dtype[np.int64]]
    """(R,) which of the prompt's completions each row is."""
    shared: SharedPrefix | None = None
    """What all rows begin with, when `layers` and `mask` hold only what comes after it."""


def gather_rows(
    layers: Sequence[tuple[Tensor, Tensor]], paths: Sequence[Tensor], device: torch.device
) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """Take the nodes of each row's path out of a packed prefill, padded on the left.

    Returns:
        For each layer keys and values (R, heads, length, head size), and the mask (R, length).
    """
    width = max(len(path) for path in paths)
    index = torch.zeros(len(paths), width, dtype=torch.long, device=device)
    mask = torch.zeros(len(paths), width, dtype=torch.long, device=device)
    for row, path in enumerate(paths):
        index[row, width - len(path) :] = path
        mask[row, width - len(path) :] = 1
    # (1, heads, N, size) -> (heads, R, length, size) -> (R, heads, length, size)
    rows = [
        (keys[0][:, index].transpose(0, 1).contiguous(), values[0][:, index].transpose(0, 1).contiguous())
        for keys, values in layers
    ]
    return rows, mask


@torch.no_grad()
def decode(
    backbone: Backbone, tokenizer: Any, rows: Prefilled, stopping: Stopping, temperature: float, draws: Draws
) -> Rollout:
    """Sample a completion for every row; temperature 0 takes the most likely token."""
    total = len(rows.prompt)
    rollout = Rollout([[] for _ in range(total)], [""] * total, [[] for _ in range(total)], [False] * total)
    cache = row_cache(rows.layers, stopping.max_new_tokens)
    rows.layers.clear()
    alive = np.arange(total)
    hidden, mask = rows.hidden, rows.mask
    begins = 0 if rows.shared is None else rows.shared.length
    options = {} if rows.shared is None else {"shared": rows.shared}
    for token in range(stopping.max_new_tokens):
        chosen, log_probs = _draw(backbone, hidden, temperature, rows, alive, token, draws)
        keep = []
        for place, row in enumerate(alive):
            rollout.completions[row].append(int(chosen[place]))
            rollout.log_probs[row].append(float(log_probs[place]))
            if _ended(tokenizer, rollout, int(row), stopping):
                rollout.finished[row] = True
            else:
                keep.append(place)
        if not keep or token + 1 == stopping.max_new_tokens:
            break
        if len(keep) < len(alive):
            kept = torch.tensor(keep, device=backbone.device)
            cache.batch_select_indices(kept)
            chosen, mask, alive = chosen[kept], mask[kept], alive[keep]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        output = backbone.hidden(
            input_ids=chosen[:, None],
            attention_mask=mask,
            position_ids=begins + mask.sum(-1, keepdim=True) - 1,
            past_key_values=cache,
            use_cache=True,
            **options,
        )
        hidden = output.last_hidden_state[:, -1]
    return rollout


def _draw(
    backbone: Backbone, hidden: Tensor, temperature: float, rows: Prefilled, alive: Any, token: int, draws: Draws
) -> tuple[Tensor, Tensor]:
    """Return the next token (rows,) and its log-probability (rows,)."""
    log_probs, _ = token_scores(backbone, hidden, temperature or 1.0)
    if temperature == 0:
        chosen = log_probs.argmax(-1)
    else:
        uniform = torch.as_tensor(
            draws.uniform(rows.prompt[alive], rows.completion[alive], token), device=hidden.device
        )
        cumulative = log_probs.double().exp().cumsum(-1)
        threshold = uniform[:, None] * cumulative[:, -1:]
        chosen = torch.searchsorted(cumulative, threshold, right=True)[:, 0].clamp(max=log_probs.shape[-1] - 1)
    return chosen, log_probs.gather(1, chosen[:, None])[:, 0]


def _ended(tokenizer: Any, rollout: Rollout, row: int, stopping: Stopping) -> bool:
    """Update the row's text and say whether it ended by the stop text or an end-of-text token."""
    ids = rollout.completions[row]
    if ids[-1] in stopping.end_tokens:
        rollout.texts[row] = tokenizer.decode(ids[:-1])
        return True
    rollout.texts[row] = text = tokenizer.decode(ids)
    return bool(stopping.stop) and stopping.stop in text
