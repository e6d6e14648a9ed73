"""The start-up self-check: does the packed path agree with the padded one on this model, card and data type?

A model whose attention does not take the mask or the positions (ALiBi, an exotic cache, a kernel that ignores masks)
disagrees and is run padded; the run says so.
"""

import logging
from collections.abc import Sequence

import torch

from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy

logger = logging.getLogger(__name__)

TOLERANCE_NATS = {torch.float32: 1e-3}
"""Largest difference in log-probability that is still rounding; other types have 8 mantissa bits or few more."""
LOW_PRECISION_TOLERANCE_NATS = 0.25


@torch.no_grad()
def check_packed_path(
    policy: Policy, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> str | None:
    """Compare both paths on a few rows and set `policy.packed`.

    Returns:
        None when they agree, else the reason why the padded path is used.
    """
    if not policy.backbone.takes_positions:
        policy.packed = False
        return "this architecture takes no position ids; rows are padded"
    try:
        packed = packed_scores(policy.backbone, prompts, completions)
    except (RuntimeError, ValueError, TypeError) as error:
        policy.packed = False
        return f"this architecture does not take the packed mask ({error}); rows are padded"
    padded = padded_scores(policy.backbone, prompts, completions)
    difference = float((packed.log_probs - padded.log_probs).abs().max())
    tolerance = TOLERANCE_NATS.get(policy.backbone.dtype, LOW_PRECISION_TOLERANCE_NATS)
    policy.packed = difference <= tolerance
    logger.info("packed and padded log-probabilities differ by at most %.2e nats", difference)
    if policy.packed:
        return None
    return f"the packed path differs by {difference:.2g} nats (allowed {tolerance:.2g}); rows are padded"
