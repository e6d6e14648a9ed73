"""The job of `doctor --gpu`: what only the card itself can show, in minutes, on a small random model.

Compute type, the engine's packed path, flash-attention against PyTorch's own, sampling that restores the weights, steps
that learn, the 4-bit kernels, and whether the memory plan holds for a measured step. Nothing is fetched. It runs on a
CPU, too, where it shows that the check itself works.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import torch

from nlu_rl.models.four_bit import kernel_error, kernels_agree
from nlu_rl.models.lora_linear import merged_for_sampling, use_fused_updates
from nlu_rl.models.memory import RunNumbers, plan_memory
from nlu_rl.models.shape import ModelShape
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.kernels import Choice, choose_attention
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter

logger = logging.getLogger(__name__)

_KERNEL_FIX = "Runs take the kernel named; for flash-attention, install a build for this card and torch."
_SMALL = ModelShape(2, 128, 256, 4, 2, 512, 2048, True, 32)
_CARD = ModelShape(16, 2048, 5632, 16, 16, 32000, 2048, True, 128)
_ROWS, _PROMPT, _NEW = 8, 256, 32
_LEARNING_STEPS, _LEARNT_NATS = 8, 0.5
PLAN_BAND = 0.2
"""The plan may be off by this share of what was measured."""
Found = tuple[bool, str, str]
"""Whether it is right, what was found, and what to do when it is not."""


def job(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run every check on the card, or with `arguments["cpu"]` on the CPU.

    Returns:
        `checks`: name, state, message and fix of each.
    """
    device = torch.device("cpu" if arguments.get("cpu") else "cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        message = "torch sees no CUDA card."
        return {"checks": [_check("cuda", (False, message, "'nlu-rl doctor' says what is missing."))]}
    checks = []
    steps: list[tuple[str, Callable[[torch.device], Found]]] = [
        ("compute", _compute),
        ("engine", _engine),
        ("padded rows", _padded),
        ("sampling", _sampling),
        ("learning", _learning),
        ("4-bit kernels", _four_bit),
        ("memory plan", _memory),
    ]
    for number, (name, step) in enumerate(steps):
        reporter.progress(name, number, len(steps))
        try:
            found = step(device)
        except Exception as error:
            logger.exception("%s failed", name)
            found = (False, (str(error).splitlines() or [type(error).__name__])[0], f"The log is {run.path / 'log'}.")
        checks.append(_check(name, found))
    return {"checks": checks}


def _check(name: str, found: Found) -> dict[str, str]:
    right, message, fix = found
    return {"name": name, "state": "ok" if right else "fail", "message": message, "fix": "" if right else fix}


def _dtype(device: torch.device) -> torch.dtype:
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float32


def _compute(device: torch.device) -> Found:
    """Multiply once and say how fast."""
    dtype, size = _dtype(device), 4096 if device.type == "cuda" else 512
    left = torch.randn(size, size, device=device, dtype=dtype)
    (left @ left).sum().item()
    started = time.perf_counter()
    repeats = 20
    for _ in range(repeats):
        left = left @ left / size
    left.sum().item()
    tflops = repeats * 2 * size**3 / (time.perf_counter() - started) / 1e12
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return True, f"{name}: {tflops:.2f} TFLOPS in {str(dtype).removeprefix('torch.')}.", ""


def _model(shape: ModelShape, device: torch.device, dtype: torch.dtype) -> Any:
    """Return a random Llama of this shape with an adapter that does something."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        vocab_size=shape.vocab,
        max_position_embeddings=shape.context,
        tie_word_embeddings=shape.tied,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config).to(device, dtype)
    adapted = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear"), autocast_adapter_dtype=True)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    use_fused_updates(adapted)
    return adapted


class _Digits:
    """Stands for a tokenizer: ids as text."""

    eos_token_id = 1

    def decode(self, ids: list[int]) -> str:
        return " ".join(map(str, ids))


def _rows(shape: ModelShape, rows: int, prompt: int, new: int) -> tuple[list[list[int]], list[list[int]]]:
    generator = torch.Generator().manual_seed(1)
    prompts = torch.randint(2, shape.vocab, (rows, prompt), generator=generator).tolist()
    return prompts, torch.randint(2, shape.vocab, (rows, new), generator=generator).tolist()


def _engine(device: torch.device) -> Found:
    """Compare the packed path with padded rows, and choose the attention kernel as a run would."""
    policy = Policy(_model(_SMALL, device, _dtype(device)), _Digits())
    prompts, completions = _rows(_SMALL, 4, 40, 6)
    reason = check_packed_path(policy, prompts, completions)
    attention = choose_attention(policy, prompts, completions)
    if reason:
        return False, f"Shared prefixes would be computed again for every row: {reason}.", "Please report this."
    told = f"Shared prefixes are computed once; attention: {attention.name} ({attention.reason})."
    return _all_agree(attention), told, _KERNEL_FIX


def _padded(device: torch.device) -> Found:
    """Choose among flash-attention 2 and PyTorch's kernels for rows that are padded, by their log-probabilities."""
    policy = Policy(_model(_SMALL, device, _dtype(device)), _Digits())
    policy.packed = False
    choice = choose_attention(policy, *_rows(_SMALL, 4, 40, 6))
    return _all_agree(choice), f"{choice.name} ({choice.reason}).", _KERNEL_FIX


def _all_agree(choice: Choice) -> bool:
    return not any(word in choice.reason for word in ("failed", "differs"))


def _learning(device: torch.device) -> Found:
    """Take optimizer steps towards given completions: their probability must rise, and every number be finite."""
    policy = Policy(_model(_SMALL, device, _dtype(device)), _Digits())
    optimizer = torch.optim.AdamW([p for p in policy.model.parameters() if p.requires_grad], lr=0.01)
    prompts, completions = _rows(_SMALL, 4, 40, 6)
    seen = []
    for _ in range(_LEARNING_STEPS):
        scores = policy.score(prompts, completions)
        mean = (scores.log_probs * scores.mask).sum() / scores.mask.sum()
        seen.append(float(mean.detach()))
        (-mean).backward()
        optimizer.step()
        optimizer.zero_grad()
    about = f"{_LEARNING_STEPS} steps raise the log-probability of a token from {seen[0]:.2f} to {seen[-1]:.2f}."
    return seen[-1] > seen[0] + _LEARNT_NATS, about, "Please report this."


def _sampling(device: torch.device) -> Found:
    """Sample twice alike, and find every weight as it was, bit for bit."""
    policy = Policy(_model(_SMALL, device, _dtype(device)), _Digits())
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    prompts, _ = _rows(_SMALL, 4, 40, 6)
    first, second = (policy.sample(prompts, n=2, max_new_tokens=8, draws=Draws(3)).completions for _ in range(2))
    with merged_for_sampling(policy.model):
        pass
    after = policy.model.state_dict()
    if first != second:
        return False, "The same draws gave two samples.", "Please report this."
    if not all(torch.equal(before[name], after[name]) for name in before):
        return False, "Weights were not restored after sampling.", "Please report this."
    return True, "Equal draws give equal samples, and the weights come back bit for bit.", ""


def _four_bit(device: torch.device) -> Found:
    """Compare bitsandbytes' product of a 4-bit layer with the dequantized weights."""
    import bitsandbytes as bnb

    dtype = _dtype(device)
    layer = bnb.nn.Linear4bit(512, 768, bias=False, compute_dtype=dtype, quant_type="nf4", compress_statistics=True)
    error = kernel_error(torch.nn.Sequential(layer.to(device)))
    assert error is not None
    fix = "Runs with quantize=nf4 multiply dequantized weights here, more slowly; another bitsandbytes may help."
    return kernels_agree(error, dtype), f"bitsandbytes is within {error:.1e} of the dequantized weights.", fix


def _memory(device: torch.device) -> Found:
    """Measure the worst-case step of a model of half a billion weights and compare it with the plan."""
    if device.type != "cuda":
        return True, "Measured on a card only.", ""
    dtype = _dtype(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    policy = Policy(_model(_CARD, device, dtype), _Digits(), max_tokens=_ROWS * (_PROMPT + _NEW))
    optimizer = torch.optim.AdamW([p for p in policy.model.parameters() if p.requires_grad])
    for _ in range(2):
        scores = policy.score_together(*_rows(_CARD, _ROWS, _PROMPT, _NEW))
        scores.log_probs.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    measured = torch.cuda.max_memory_allocated(device) - before
    numbers = RunNumbers(
        "sft", "none", 16, _ROWS, _PROMPT, _NEW, "adamw", False, _ROWS * (_PROMPT + _NEW), dtype.itemsize, "cuda"
    )
    plan = plan_memory(_CARD, numbers, 1 << 40)
    planned = plan.total_bytes - plan.slack_bytes
    about = f"A step took {measured / 1e9:.2f} GB, the plan said {planned / 1e9:.2f} GB."
    return (
        abs(planned - measured) <= PLAN_BAND * measured,
        about,
        "Set train.micro_batch_tokens by hand; please report.",
    )
