"""The mathematics of PPO as pure functions on tensors (B, T) with a mask (B, T); no model, no state.

Sources: Schulman et al. 2015 (GAE) and 2017 (PPO), Ziegler et al. 2019 (KL to the reference as a per-token reward),
Schulman 2020 (KL estimators), and equation 1 of the paper this product implements.
"""

import math
from typing import Literal

import torch
from torch import Tensor

KlEstimator = Literal["k1", "k2", "k3"]


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over true entries, 0 when there are none."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Return (B, T) with mean 0 and deviation 1 over true entries, and 0 elsewhere.

    Only the mean is taken out where fewer than two entries or no spread make a deviation meaningless.
    """
    count = mask.sum()
    centred = (values - masked_mean(values, mask)) * mask
    if count < 2:
        return centred
    deviation = (centred.square().sum() / (count - 1)).sqrt()
    return centred / deviation if deviation > 1e-6 else centred


def kl_estimate(log_probs: Tensor, reference: Tensor, estimator: KlEstimator) -> Tensor:
    """Return (B, T), an estimate of KL(policy || reference) in nats from tokens the policy drew.

    With r = reference probability / policy probability: k1 = -log r (unbiased), k2 = (log r)^2 / 2 (low variance),
    k3 = r - 1 - log r (unbiased and never negative).
    """
    log_ratio = reference - log_probs
    if estimator == "k1":
        return -log_ratio
    if estimator == "k2":
        return log_ratio.square() / 2
    return log_ratio.exp() - 1 - log_ratio


def token_rewards(rewards: Tensor, penalty: Tensor, mask: Tensor) -> Tensor:
    """Return (B, T): minus the penalty at every token, and the task's reward (B,) at the last one."""
    last = mask.long().sum(1) - 1
    per_token = -penalty * mask
    rows = torch.arange(len(rewards), device=rewards.device)
    per_token[rows, last] += rewards
    return per_token


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """Return advantages (B, T) by generalised advantage estimation.

    `A_t = delta_t + gamma lambda A_{t+1}` with `delta_t = r_t + gamma V_{t+1} - V_t`; beyond the last token both `V`
    and `A` are 0.
    """
    values = values * mask
    advantages = torch.zeros_like(rewards)
    later_value = torch.zeros_like(rewards[:, 0])
    later = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        here = mask[:, t]
        delta = rewards[:, t] + gamma * later_value - values[:, t]
        later = (delta + gamma * gae_lambda * later) * here
        later_value = torch.where(here, values[:, t], later_value)
        advantages[:, t] = later
    return advantages


def td_targets(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float) -> Tensor:
    """Return (B, T) `r_t + gamma V_{t+1}`, V_{t+1} held fixed (equation 1 of the paper)."""
    values = values * mask
    later = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    return (rewards + gamma * later) * mask


def policy_loss(log_probs: Tensor, old: Tensor, advantages: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """Return the clipped surrogate loss per token (B, T), and where the clip took the gradient away (B, T)."""
    ratio = (log_probs - old).exp()
    free = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip, 1 + clip)
    return torch.maximum(free, clipped), clipped > free


def value_loss(values: Tensor, old: Tensor, targets: Tensor, clip: float | None) -> Tensor:
    """Return half the squared error per token (B, T); with `clip`, the worse of it and that of the clipped value."""
    error = (values - targets).square()
    if clip is not None:
        limited = old + (values - old).clamp(-clip, clip)
        error = torch.maximum(error, (limited - targets).square())
    return error / 2


def adapted_kl_coefficient(coefficient: float, kl: float, target: float, completions: int) -> float:
    """Return the coefficient moved towards a KL target, in nats per completion (Ziegler et al. 2019, section 2.2).

    The proportional error is clipped to +-0.2 and acts over a horizon of 10,000 completions.
    """
    if not math.isfinite(kl):
        return coefficient
    error = max(-0.2, min(0.2, kl / target - 1))
    return coefficient * (1 + error * completions / 10_000)
