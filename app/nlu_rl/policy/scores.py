"""What scoring returns, and the one place where log-probabilities are made from hidden states."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nlu_rl.policy.backbone import Backbone


@dataclass
class Scores:
    """Padded on the right to the longest completion; padding holds 0."""

    log_probs: Tensor
    """(B, T) log-probability of each completion token, in nats."""
    entropy: Tensor
    """(B, T) entropy of the distribution each token was drawn from, in nats."""
    mask: Tensor
    """(B, T) true on completion tokens."""
    values: Tensor | None = None
    """(B, T) the value head on the state before each token."""

    def detach(self) -> "Scores":
        """Return the same numbers without their graph."""
        values = None if self.values is None else self.values.detach()
        return Scores(self.log_probs.detach(), self.entropy.detach(), self.mask, values)

    def none(self) -> "Scores":
        """Return no row of these, with the graph of all."""
        values = None if self.values is None else self.values[:0]
        return Scores(self.log_probs[:0], self.entropy[:0], self.mask[:0], values)


def next_log_probs(backbone: Backbone, hidden: Tensor, temperature: float) -> Tensor:
    """Return log-probabilities (n, V) of the next token at hidden states (n, hidden size)."""
    return torch.log_softmax(backbone.logits(hidden) / temperature, dim=-1)


def token_scores(backbone: Backbone, hidden: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return log-probabilities (n, V) and entropies (n,) of the next token at hidden states (n, hidden size)."""
    log_probs = next_log_probs(backbone, hidden, temperature)
    return log_probs, -(log_probs.exp() * log_probs).sum(-1)


def pad_rows(rows: Sequence[Tensor], width: int) -> Tensor:
    """Stack ragged rows (t,) to (rows, width), padded with 0 on the right; differentiable."""
    return torch.stack([torch.nn.functional.pad(row, (0, width - row.shape[0])) for row in rows])


def completion_mask(completions: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Return (B, T), true on completion tokens."""
    lengths = torch.tensor([len(completion) for completion in completions], device=device)
    return torch.arange(int(lengths.max()), device=device)[None, :] < lengths[:, None]
