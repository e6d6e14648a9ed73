"""Which kernels attend, and which multiply 4-bit weights: chosen at start-up by what they compute on this very machine.

Candidates are tried fastest first; the first whose log-probabilities are those of the plainest one is taken. On a card
that has it that is flash-attention 2: on the packed path by its kernel for several lengths (`flash_attention.py`), for
rows that are padded (sliding windows) as the library calls it. ALiBi (MPT) has no such kernel.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from nlu_rl.models.four_bit import dequantized_weight, four_bit_layers, kernel_error, kernels_agree
from nlu_rl.policy.flash_attention import use_flash
from nlu_rl.policy.packed import packed_scores
from nlu_rl.policy.padded import padded_scores
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import MEAN_TOLERANCE_NATS, TOLERANCE_NATS, checked_part

logger = logging.getLogger(__name__)

FLASH_CAPABILITY = 8
"""First major compute capability of cards that flash-attention 2 runs on."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A candidate. `take` puts it in use for the whole process, or for the policy's model."""

    name: str
    take: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was taken, and why."""

    name: str
    reason: str


def choose_attention(policy: Policy, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> Choice:
    """Try the attention kernels there are for the policy's path on a few rows and leave the chosen one in use."""
    score = packed_scores if policy.packed else padded_scores
    prompts = [checked_part(prompt) for prompt in prompts]

    @torch.no_grad()
    def log_probs() -> Tensor:
        scores = score(policy.backbone, prompts, completions)
        return scores.log_probs[scores.mask]

    kernels, left_out = _packed_kernels(policy) if policy.packed else _padded_kernels(policy)
    exact = TOLERANCE_NATS.get(policy.backbone.dtype)
    choice = first_that_agrees(kernels, log_probs, exact or MEAN_TOLERANCE_NATS, mean=exact is None)
    return Choice(choice.name, "; ".join(filter(None, [choice.reason, left_out])))


def first_that_agrees(
    kernels: Sequence[Kernel], log_probs: Callable[[], Tensor], tolerance_nats: float, *, mean: bool = False
) -> Choice:
    """Take the first kernel whose log-probabilities (tokens,) are within the tolerance of the last one's.

    The largest difference counts, or the mean one: in 16 bits rounding alone moves a single token by half a nat. A
    kernel that raises, or gives numbers that are not finite, is passed over.
    """
    if len(kernels) == 1:
        kernels[0].take()
        return Choice(kernels[0].name, "the only one here")
    kernels[-1].take()
    plainest = log_probs()
    passed_over = []
    for kernel in kernels[:-1]:
        try:
            kernel.take()
            differences = (log_probs() - plainest).abs()
            difference = float(differences.mean() if mean else differences.max())
        except (RuntimeError, ValueError, TypeError, ImportError) as error:
            passed_over.append(f"{kernel.name} failed ({(str(error).splitlines() or [''])[0]})")
            continue
        if difference <= tolerance_nats:
            return Choice(kernel.name, "; ".join([f"within {difference:.1e} nats of {kernels[-1].name}", *passed_over]))
        passed_over.append(f"{kernel.name} differs by {difference:.2g} nats")
    kernels[-1].take()
    return Choice(kernels[-1].name, "; ".join(passed_over))


def choose_four_bit_kernel(model: torch.nn.Module, dtype: torch.dtype) -> Choice | None:
    """Keep the library's 4-bit products if they are right on this machine, else multiply dequantized weights.

    None for a model that is not in 4 bits.
    """
    error = kernel_error(model)
    if error is None:
        return None
    if kernels_agree(error, dtype):
        return Choice("bitsandbytes", f"within {error:.1e} of the dequantized weights")
    for _, layer in four_bit_layers(model):
        layer.forward = MethodType(_dequantized_product, layer)
    return Choice("dequantized", f"bitsandbytes differs from the dequantized weights by {error:.2g} of the product")


def _dequantized_product(layer: Any, x: Tensor) -> Tensor:
    weight = dequantized_weight(layer).to(layer.compute_dtype)
    bias = None if layer.bias is None else layer.bias.to(layer.compute_dtype)
    return torch.nn.functional.linear(x.to(layer.compute_dtype), weight, bias).to(x.dtype)


def _packed_kernels(policy: Policy) -> tuple[list[Kernel], str]:
    if policy.backbone.device.type != "cuda":
        return [Kernel("sdpa", lambda: None)], ""
    reason = _why_no_flash(policy)
    flash = [] if reason else [Kernel("flash-attention 2", lambda: use_flash(True))]
    plain = [Kernel("sdpa", lambda: _sdpa(True)), Kernel("sdpa without fused kernels", lambda: _sdpa(False))]
    return [*flash, *plain], reason


def _padded_kernels(policy: Policy) -> tuple[list[Kernel], str]:
    base: Any = policy.model.get_base_model() if hasattr(policy.model, "get_base_model") else policy.model
    now = policy.backbone.config._attn_implementation

    def use(name: str) -> Kernel:
        return Kernel("sdpa" if name == now and name != "eager" else name, lambda: base.set_attn_implementation(name))

    if now == "eager":
        return [use("eager")], "the architecture has no other"
    reason = _why_no_flash(policy)
    if not reason and not getattr(base, "_supports_flash_attn", False):
        reason = "the architecture has no flash-attention"
    return [*([] if reason else [use("flash_attention_2")]), use(now), use("eager")], reason


def _why_no_flash(policy: Policy) -> str:
    """Return why flash-attention 2 is no candidate; empty when it is one."""
    if policy.backbone.device.type != "cuda":
        return "flash-attention needs a card"
    if find_spec("flash_attn") is None:
        return "flash-attn is not installed"
    if torch.cuda.get_device_capability(policy.backbone.device)[0] < FLASH_CAPABILITY:
        return "the card is too old for flash-attention 2"
    return "flash-attention computes in 16 bits only" if policy.backbone.dtype == torch.float32 else ""


def _sdpa(enabled: bool) -> None:
    """Let PyTorch attend, with its fused kernels or without."""
    use_flash(False)
    torch.backends.cuda.enable_flash_sdp(enabled)
    torch.backends.cuda.enable_mem_efficient_sdp(enabled)
    torch.backends.cuda.enable_cudnn_sdp(enabled)
