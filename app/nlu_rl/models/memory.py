"""How much memory a run takes, by arithmetic on the architecture; nothing is measured or loaded.

An upper bound of the usual run: every answer as long as it may be, every prompt as the longest where no more is known
of them. Saved activations are counted tensor by tensor for a Llama layer with LoRA on every linear map (agrees with
autograd's own count on small models); what the allocator and the libraries take on top is a stated slack.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

from nlu_rl.models.shape import ModelShape
from nlu_rl.recipe import Recipe

GIB = 1 << 30
_NF4_BYTES = 0.5 + 0.127 / 8  # four bits, and the doubly quantized scales
_LOGIT_COPIES_BYTES = 20  # logits, their float32, log-probabilities, probabilities, gradient
_LIBRARIES_BYTES = {"cuda": int(0.9 * GIB), "cpu": int(0.7 * GIB)}
_FRAGMENTATION = 0.08
COMFORTABLE_SHARE = 0.05
"""Of the memory, to be left free: the plan is arithmetic, and other programs use the card too."""
_SMALL_RANK = 4
_MAX_MICRO_BATCH_TOKENS = {"cuda": 16_384, "cpu": 4_096}


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """What a recipe says that matters for memory. `prompt_tokens` is the longest prompt, template included."""

    method: Literal["sft", "ppo", "grpo"]
    quantize: Literal["none", "nf4"]
    rank: int
    batch: int
    prompt_tokens: int
    max_new_tokens: int
    optimizer: Literal["adafactor", "adamw"]
    gradient_checkpointing: bool
    micro_batch_tokens: int | None
    compute_bytes: int
    """Bytes of one number of the compute type: 2 for bfloat16, 4 for float32."""
    device: Literal["cuda", "cpu"]
    group: int = 1
    """Completions per prompt."""
    epochs: int = 1
    """Passes over each batch."""
    shards: int = 1
    """Processes over which the base's layers are cut up (FSDP)."""
    shared_tokens: int = 0
    """Tokens that all prompts begin with, which a micro-batch holds once."""
    own_tokens: tuple[float, float] | None = None
    """Mean and standard deviation of a prompt's tokens beyond the shared ones; None: all are as the longest."""

    @property
    def row_tokens(self) -> int:
        return self.prompt_tokens + self.max_new_tokens

    def packed_tokens(self, rows: int) -> int:
        """Return the most tokens that so many rows are when packed: completions of one prompt share it.

        Of prompts whose lengths are known, those that a batch in a thousand exceeds: three standard deviations.
        """
        prompts = -(-rows // self.group)
        own: float = self.prompt_tokens - self.shared_tokens
        if self.own_tokens is not None:
            mean, deviation = self.own_tokens
            own = min(own, mean + 3 * deviation / math.sqrt(max(1, prompts)))
        return self.shared_tokens + math.ceil(prompts * own) + rows * self.max_new_tokens

    def rows_in(self, tokens: int) -> int:
        """Return how many rows of a batch a micro-batch of so many tokens holds, at least one."""
        return max(1, bisect_right(range(1, self.batch + 1), tokens, key=self.packed_tokens))


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes by use, at the fullest moment of a step.

    Sampling (keys and values) and training (activations, logits) take turns, so `total_bytes` holds the larger of the
    two. `micro_batch_tokens` is the recipe's, or the largest that fits.
    """

    weights_bytes: int
    lora_bytes: int
    """Adapter, value head, and their gradients."""
    optimizer_bytes: int
    activation_bytes: int
    kv_bytes: int
    logits_bytes: int
    slack_bytes: int
    total_bytes: int
    budget_bytes: int
    micro_batch_tokens: int
    fits: bool


def numbers_of(
    recipe: Recipe,
    *,
    prompt_tokens: int,
    compute_bytes: int,
    device: Literal["cuda", "cpu"],
    shards: int = 1,
    shared_tokens: int = 0,
    own_tokens: tuple[float, float] | None = None,
) -> RunNumbers:
    """Return the memory side of a recipe."""
    return RunNumbers(
        method=recipe.method,
        quantize=recipe.quantize,
        rank=recipe.lora.rank,
        batch=recipe.train.batch,
        prompt_tokens=prompt_tokens,
        max_new_tokens=recipe.generation.max_new_tokens,
        optimizer=recipe.train.optimizer,
        gradient_checkpointing=recipe.train.gradient_checkpointing,
        micro_batch_tokens=recipe.train.micro_batch_tokens,
        compute_bytes=compute_bytes,
        device=device,
        group=recipe.grpo.completions if recipe.method == "grpo" else 1,
        epochs=recipe.ppo.epochs if recipe.method == "ppo" else 1,
        shards=shards,
        shared_tokens=shared_tokens,
        own_tokens=own_tokens,
    )


def plan_memory(shape: ModelShape, numbers: RunNumbers, budget_bytes: int) -> MemoryPlan:
    """Return the plan for the stated micro-batch, or for the largest one within the budget (at least one row).

    Of those within the budget one is preferred that leaves COMFORTABLE_SHARE of it.
    """
    if numbers.micro_batch_tokens is not None:
        return _plan(shape, numbers, budget_bytes, numbers.micro_batch_tokens)
    comfortable = _largest(shape, numbers, int(budget_bytes * (1 - COMFORTABLE_SHARE)))
    if comfortable.fits:
        return replace(comfortable, budget_bytes=budget_bytes)
    return _largest(shape, numbers, budget_bytes)


def _largest(shape: ModelShape, numbers: RunNumbers, budget_bytes: int) -> MemoryPlan:
    ceiling = min(numbers.batch, numbers.rows_in(_MAX_MICRO_BATCH_TOKENS[numbers.device]))
    plan = _plan(shape, numbers, budget_bytes, numbers.packed_tokens(ceiling))
    for rows in range(ceiling - 1, 0, -1):
        if plan.fits or plan.kv_bytes >= plan.activation_bytes + plan.logits_bytes:  # it is sampling that is too large
            break
        plan = _plan(shape, numbers, budget_bytes, numbers.packed_tokens(rows))
    return plan


def what_to_change(shape: ModelShape, numbers: RunNumbers, budget_bytes: int, *, bfloat16: bool) -> list[str]:
    """Return the mildest recipe overrides, in `key=value` form, with which the run fits; empty when none helps.

    `bfloat16`: whether the hardware has it.
    """
    for overrides, changed in _milder(numbers, bfloat16):
        if plan_memory(shape, changed, budget_bytes).fits:
            return overrides
    return []


def weights_bytes(shape: ModelShape, quantize: str, compute_bytes: int) -> int:
    """Return the bytes of the base model in memory."""
    if quantize == "none":
        return shape.parameters * compute_bytes
    rest = shape.parameters - shape.linear_parameters
    return int(shape.linear_parameters * _NF4_BYTES) + rest * compute_bytes


def _held_bytes(shape: ModelShape, numbers: RunNumbers) -> int:
    """Return the bytes of the base that one process holds: cut up, its part of the layers and two gathered ones."""
    whole = weights_bytes(shape, numbers.quantize, numbers.compute_bytes)
    if numbers.shards == 1:
        return whole
    layers = shape.linear_parameters * numbers.compute_bytes
    return whole - layers + layers // numbers.shards + 2 * layers // shape.layers


def lora_parameters(shape: ModelShape, rank: int) -> int:
    """Return the weights of a LoRA on every linear map of the layers."""
    return shape.layers * sum(rank * (inputs + outputs) for inputs, outputs in shape.linear_sizes)


def gathered_bytes_per_token(shape: ModelShape, compute_bytes: int, row_tokens: int) -> int:
    """Return what the engine's attention keeps of one token in one layer, besides `activation_bytes_per_token`.

    Queries go in blocks, each with the keys and values of its ancestors gathered (`policy/attention.py`).
    """
    block = 32 if row_tokens < 256 else 64
    return int(2 * compute_bytes * shape.kv_size * (row_tokens + block) / block)


def activation_bytes_per_token(shape: ModelShape, compute_bytes: int, rank: int) -> int:
    """Return what autograd keeps of one token in one layer, with LoRA on every linear map (`lora_linear.py`).

    The norms keep their inputs in float32, all else is kept in the compute type.
    """
    hidden = (4 * compute_bytes + 2 * 4) * shape.hidden
    keys_values = 2 * compute_bytes * shape.kv_size
    mlp = (4 if shape.gated else 2) * compute_bytes * shape.intermediate
    low_rank = compute_bytes * rank * len(shape.linear_sizes)
    return hidden + keys_values + mlp + low_rank + 4 * (shape.heads + 2)


def _trainable(shape: ModelShape, numbers: RunNumbers) -> int:
    value_head = shape.hidden * (shape.hidden + 2) + 1 if numbers.method == "ppo" else 0
    return lora_parameters(shape, numbers.rank) + value_head


def _optimizer_bytes(shape: ModelShape, numbers: RunNumbers, trainable: int) -> int:
    if numbers.optimizer == "adamw":
        return 8 * trainable
    factors = shape.layers * sum(inputs + outputs + 2 * numbers.rank for inputs, outputs in shape.linear_sizes)
    return 4 * factors


def _plan(shape: ModelShape, numbers: RunNumbers, budget_bytes: int, tokens: int) -> MemoryPlan:
    trainable = _trainable(shape, numbers)
    weights = _held_bytes(shape, numbers)
    lora = 2 * 4 * trainable
    if numbers.compute_bytes != 4:  # the adapter once more, as the matmuls read it
        lora += numbers.compute_bytes * lora_parameters(shape, numbers.rank)
    optimizer = _optimizer_bytes(shape, numbers, trainable)
    layer = activation_bytes_per_token(shape, numbers.compute_bytes, numbers.rank)
    layer += gathered_bytes_per_token(shape, numbers.compute_bytes, numbers.row_tokens)
    kept = layer * shape.layers
    if numbers.gradient_checkpointing:
        kept = numbers.compute_bytes * shape.hidden * shape.layers + layer
    activations = tokens * kept
    logits = numbers.rows_in(tokens) * numbers.max_new_tokens * shape.vocab * _LOGIT_COPIES_BYTES
    cached_tokens = numbers.shared_tokens + numbers.batch * (numbers.row_tokens - numbers.shared_tokens)
    kv = 2 * numbers.compute_bytes * shape.kv_size * shape.layers * cached_tokens if numbers.method != "sft" else 0
    used = weights + lora + optimizer + max(kv, activations + logits)
    slack = _LIBRARIES_BYTES[numbers.device] + int(_FRAGMENTATION * used)
    return MemoryPlan(
        weights_bytes=weights,
        lora_bytes=lora,
        optimizer_bytes=optimizer,
        activation_bytes=activations,
        kv_bytes=kv,
        logits_bytes=logits,
        slack_bytes=slack,
        total_bytes=used + slack,
        budget_bytes=budget_bytes,
        micro_batch_tokens=tokens,
        fits=used + slack <= budget_bytes,
    )


def _milder(numbers: RunNumbers, bfloat16: bool) -> Iterator[tuple[list[str], RunNumbers]]:
    """Yield changes, few before many, and those that cost only time before those that touch the result.

    With a smaller batch a run learns otherwise, with a smaller rank it can learn less, and smaller groups say less of
    each answer: they come last.
    """
    options: list[tuple[str, dict[str, Any]]] = []
    if numbers.micro_batch_tokens is not None:
        options.append(("train.micro_batch_tokens=null", {"micro_batch_tokens": None}))
    if not numbers.gradient_checkpointing:
        options.append(("train.gradient_checkpointing=true", {"gradient_checkpointing": True}))
    if bfloat16 and numbers.compute_bytes > 2:
        options.append(("precision=bfloat16", {"compute_bytes": 2}))
    if numbers.quantize == "none":
        options.append(("quantize=nf4", {"quantize": "nf4"}))
    for rank in (numbers.rank, *_halves(numbers.rank, _SMALL_RANK)):
        for batch in (numbers.batch, *_smaller_batches(numbers)):
            stated = [f"lora.rank={rank}"] * (rank != numbers.rank) + [f"train.batch={batch}"] * (
                batch != numbers.batch
            )
            for overrides, changed in _combined(options, replace(numbers, rank=rank, batch=batch), not stated):
                yield [*overrides, *stated], changed
    for group in _halves(numbers.group, 2):
        smaller = replace(numbers, rank=min(numbers.rank, _SMALL_RANK), batch=group, group=group)
        stated = [f"grpo.completions={group}", f"train.batch={group}"]
        stated += [f"lora.rank={_SMALL_RANK}"] * (smaller.rank != numbers.rank)
        for overrides, changed in _combined(options, smaller, 0):
            yield [*overrides, *stated], changed


def _halves(number: int, least: int) -> list[int]:
    """Return half the number, half of that and so on, down to the least."""
    found = []
    while (number := number // 2) >= least:
        found.append(number)
    return found


def _smaller_batches(numbers: RunNumbers) -> list[int]:
    """Return half the batch, half of that and so on, in whole groups."""
    found, batch = [], numbers.batch // 2
    while batch >= numbers.group:
        batch -= batch % numbers.group
        found.append(batch)
        batch //= 2
    return found


def _combined(
    options: list[tuple[str, dict[str, Any]]], numbers: RunNumbers, fewest: int
) -> Iterator[tuple[list[str], RunNumbers]]:
    for count in range(fewest, len(options) + 1):
        for chosen in combinations(options, count):
            changes = {key: value for _, change in chosen for key, value in change.items()}
            yield [override for override, _ in chosen], replace(numbers, **changes)
