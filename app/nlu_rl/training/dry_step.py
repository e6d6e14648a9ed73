"""The worst case first: one backward pass over the longest rows, so that what cannot fit fails in its first seconds.

Only on a card: main memory runs out differently, and a CPU step takes too long to do for nothing.
"""

import logging
from typing import Any

import torch

from nlu_rl.policy.policy import Policy
from nlu_rl.policy.trie import build_trie
from nlu_rl.recipe import Recipe
from nlu_rl.training.rows import Rows

logger = logging.getLogger(__name__)


def longest_rows(rows: Rows, count: int, max_new_tokens: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return prompts and completions, as token ids, of the `count` longest rows; completions have the full length."""
    prompts, completions = [], []
    for row in rows.longest(count):
        filler = row.target_ids[:1] * max_new_tokens
        prompts.append(row.prompt_ids)
        completions.append([*row.target_ids, *filler][: max(max_new_tokens, len(row.target_ids))])
    return prompts, completions


def worst_case_step(policy: Policy, recipe: Recipe, rows: Rows) -> int | None:
    """Run forward and backward on the largest micro-batch there can be, and forget the gradient.

    Returns:
        The most bytes that were in use on the card, weights included; None on a CPU.

    Raises:
        torch.OutOfMemoryError: it does not fit.
    """
    group = recipe.grpo.completions if recipe.method == "grpo" else 1
    length = 0 if recipe.method == "sft" else recipe.generation.max_new_tokens
    prompts, completions = longest_rows(rows, recipe.train.batch // group, length)
    # Completions of one prompt that differ from their first token on share nothing but the prompt.
    prompts = [prompt for prompt in prompts for _ in range(group)]
    completions = [[number, *completion[1:]] for completion in completions for number in range(group)]
    batches = policy.micro_batches(prompts, completions)
    largest = max(batches, key=lambda batch: len(build_trie([prompts[i] + completions[i] for i in batch]).tokens))
    logger.info("dry step: %d rows of up to %d tokens", len(largest), max(len(prompts[i]) for i in largest))
    on_card = policy.backbone.device.type == "cuda"
    if on_card:
        torch.cuda.reset_peak_memory_stats()
    policy.model.train()
    scores: Any = policy.score_together([prompts[i] for i in largest], [completions[i] for i in largest])
    (scores.log_probs.sum() + 0 * scores.entropy.sum()).backward()
    policy.model.zero_grad()
    return torch.cuda.max_memory_allocated() if on_card else None
