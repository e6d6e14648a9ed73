"""The start-up self-check: does the packed path agree with the padded one on this model, card and data type?

A model whose attention does not take the mask or the positions (ALiBi, an exotic cache, a kernel that ignores masks)
disagrees and is run padded; the run says so.
"""

import inspect
import logging
import math
from collections.abc import Sequence
from typing import Any

import torch

from nlu_rl.errors import ModelError
from nlu_rl.policy.backbone import Backbone
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.policy.scores import Scores

logger = logging.getLogger(__name__)

TOLERANCE_NATS = {torch.float32: 1e-3}
"""Largest difference in log-probability that is still rounding; other types have 8 mantissa bits or few more."""
LOW_PRECISION_TOLERANCE_NATS = 0.25
MEAN_TOLERANCE_NATS, NOISE_FACTOR = 0.1, 3
"""In 16 bits single tokens differ by half a nat through rounding alone, so there the mean counts: it may be this, or so
many times what padding alone changes. A wrong mask changes it by several tenths."""
CHECKED_TOKENS = 3
CHECKED_PROMPT_TOKENS = 128
"""A prompt longer than twice this is checked on its first and its last so many tokens: the check takes several passes
of padded rows, and whole passages would make them minutes."""


@torch.no_grad()
def check_packed_path(
    policy: Policy, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> str | None:
    """Compare both paths on a few rows and set `policy.packed`.

    Raises:
        ModelError: the model's own forward pass gives other probabilities, so neither path may be used.

    Returns:
        None when they agree, else the reason why the padded path is used.
    """
    _require_cache(policy.backbone)
    prompts = [checked_part(prompt) for prompt in prompts]
    padded = padded_scores(policy.backbone, prompts, completions)
    alone = [padded_scores(policy.backbone, [p], [c]) for p, c in zip(prompts, completions, strict=True)]
    _check_head(policy, prompts[0], completions[0], alone[0])
    if not policy.backbone.takes_positions:
        policy.packed = False
        return "this architecture takes no position ids; rows are padded"
    if has_sliding_attention(policy.backbone.config):
        policy.packed = False
        return "this architecture attends to a sliding window; rows are padded"
    try:
        states = PromptStates(policy.backbone, prompts)
        packed = [packed_scores(policy.backbone, prompts, completions, states=known) for known in (None, states)]
        decoded = _decoding_differences(policy, prompts)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        policy.packed = False
        return f"this architecture does not take the packed mask ({error}); rows are padded"
    exact = policy.backbone.dtype in TOLERANCE_NATS
    found = [decoded, *((scores.log_probs - padded.log_probs).abs()[padded.mask] for scores in packed)]
    difference = max(float(each.max() if exact else each.mean()) for each in found)
    if not math.isfinite(difference):
        raise ModelError(
            "The model gives probabilities that are not numbers.",
            "Its weights are damaged, or it needs another precision: try precision=float32.",
        )
    tolerance = _tolerance(policy.backbone, padded, alone)
    policy.packed = difference <= tolerance
    logger.info("packed and padded log-probabilities differ by at most %.2e nats", difference)
    if policy.packed:
        return None
    return f"the packed path differs by {difference:.2g} nats (allowed {tolerance:.2g}); rows are padded"


def checked_part(prompt: Sequence[int]) -> Sequence[int]:
    """Return what of a prompt a check computes: its beginning, which prompts share, and its end."""
    if len(prompt) <= 2 * CHECKED_PROMPT_TOKENS:
        return prompt
    return [*prompt[:CHECKED_PROMPT_TOKENS], *prompt[-CHECKED_PROMPT_TOKENS:]]


def _tolerance(backbone: Backbone, padded: Scores, alone: Sequence[Scores]) -> float:
    """Return what difference is rounding, in nats: the largest in float32, else the mean.

    In 16 bits it depends on what padding changes of the same rows without it (`alone`).
    """
    if backbone.dtype in TOLERANCE_NATS:
        return TOLERANCE_NATS[backbone.dtype]
    own = torch.cat([scores.log_probs[0] for scores in alone])
    noise = float((own - padded.log_probs[padded.mask]).abs().mean())
    return max(MEAN_TOLERANCE_NATS, NOISE_FACTOR * noise)


def _decoding_differences(policy: Policy, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return how far the log-probability of each decoded token is from scoring the same token."""
    rollout = policy.sample(prompts, max_new_tokens=CHECKED_TOKENS, stop="", draws=Draws(0))
    scores = padded_scores(policy.backbone, prompts, rollout.completions).log_probs
    return torch.tensor(
        [
            abs(decoded - float(scored))
            for row, log_probs in enumerate(rollout.log_probs)
            for decoded, scored in zip(log_probs, scores[row], strict=False)
        ]
    )


def _require_cache(backbone: Backbone) -> None:
    if "past_key_values" not in inspect.signature(backbone.trunk.forward).parameters:
        raise ModelError(
            "This architecture keeps no keys and values, so it cannot be decoded token by token here.",
            "Use a transformer, such as Llama, Qwen2 or SmolLM.",
        )


def has_sliding_attention(config: Any) -> bool:
    """Whether any layer attends to the last tokens only."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return any(kind != "full_attention" for kind in kinds)
    return getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)


def _check_head(policy: Policy, prompt: Sequence[int], completion: Sequence[int], alone: Scores) -> None:
    """Compare with the model's own logits, which some architectures scale or cap after the head."""
    ids = torch.tensor([[*prompt, *completion[:-1]]], device=policy.backbone.device)
    with policy.backbone.autocast():
        logits = policy.model(input_ids=ids).logits[0, len(prompt) - 1 :].float()
    tokens = torch.tensor(completion, device=ids.device)
    own = logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
    difference = float((own - alone.log_probs[0]).abs().max())
    if difference > TOLERANCE_NATS.get(policy.backbone.dtype, LOW_PRECISION_TOLERANCE_NATS):
        raise ModelError(
            f"This architecture changes the logits after its head (by {difference:.2g} nats), which is not supported.",
            "Use a model of another architecture, such as Llama, Qwen2 or SmolLM.",
        )
