"""What each of two processes does with a base that is cut up over them, beside the same base whole; `spawn`ed."""

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from nlu_rl.models import lora_linear
from nlu_rl.models.load import LoadedModel
from nlu_rl.models.lora import add_lora
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.sharding import shard_layers
from nlu_rl.recipe_sections import Lora
from tiny_model import tiny_causal_lm, tiny_tokenizer

CPU = torch.device("cpu")
LAYERS = 4
PROMPTS, COMPLETIONS = [[1, 2, 3], [1, 2, 4, 5], [9, 9, 8]], [[5, 6, 7], [7, 8], [3, 3, 3, 3]]
ROWS = (3, 0)
"""How many rows each process has."""


def compare(rank: int, store: str, architecture: str) -> None:
    """Score, learn and sample with both; the processes differ in rows, micro-batches and decoded tokens."""
    modules: Any = sys.modules
    modules["bitsandbytes"] = None  # nothing here is in 4 bits, and its import takes seconds in each process
    dist.init_process_group("gloo", store=dist.FileStore(store, len(ROWS)), rank=rank, world_size=len(ROWS))
    whole, cut = (_policy(architecture, cut=cut) for cut in (False, True))
    parts = [p for p in cut.model.parameters() if isinstance(p, DTensor)]
    assert sum(p.to_local().numel() for p in parts) == sum(p.numel() for p in parts) // len(ROWS)
    gathered = _watch(cut)
    prompts, completions = PROMPTS[: ROWS[rank]], COMPLETIONS[: ROWS[rank]]
    for max_tokens in (4096, 6):
        for checkpointing in (False, True):
            found = []
            for policy in (whole, cut):
                policy.max_tokens = max_tokens
                _checkpoint_layers(policy.model, checkpointing)
                scores = policy.score(prompts, completions)
                scores.log_probs.sum().backward()
                found.append((scores.log_probs.detach(), _gradient(policy)))
                for group in policy.micro_batches(prompts, completions):
                    part = policy.score_together([prompts[i] for i in group], [completions[i] for i in group])
                    part.log_probs.sum().backward()
                found.append((scores.log_probs.detach(), _gradient(policy)))
            assert torch.equal(found[0][0], found[2][0])
            assert all(torch.equal(found[k][1], found[k + 2][1]) for k in (0, 1)), (max_tokens, checkpointing)
    _checkpoint_layers(cut.model, False)
    asked = PROMPTS[: 1 + 2 * (1 - rank)]
    options: dict[str, Any] = {"max_new_tokens": 6 - 5 * rank, "draws": Draws(0)}
    assert cut.sample(asked, **options).completions == whole.sample(asked, **options).completions
    assert max(gathered) == 1
    dist.destroy_process_group()


def _policy(architecture: str, *, cut: bool) -> Policy:
    sizes = {} if architecture == "mpt" else {"num_hidden_layers": LAYERS}
    base = LoadedModel(
        tiny_causal_lm(architecture, **sizes), tiny_tokenizer(), Path("tiny"), "tiny", torch.float32, CPU
    )
    model = add_lora(base, Lora(rank=4), 0)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05, generator=generator)
    if cut:
        shard_layers(model, CPU)
    return Policy(model, base.tokenizer)


def _watch(policy: Policy) -> list[int]:
    """Return a list that fills with how many layers are gathered whenever a linear layer computes, either way."""
    gathered: list[int] = []
    layers = [module for module in policy.backbone.trunk.modules() if hasattr(module, "unshard")][1:]
    backward = lora_linear.LoraUpdate.backward

    def look(*_: Any) -> None:
        gathered.append(sum(not any(isinstance(p, DTensor) for p in layer.parameters()) for layer in layers))

    def watched(*arguments: Any) -> Any:
        look()
        return backward(*arguments)

    for layer in layers:
        next(m for m in layer.modules() if isinstance(m, torch.nn.Linear)).register_forward_hook(look)
    update: Any = lora_linear.LoraUpdate
    update.backward = staticmethod(watched)
    return gathered


def _checkpoint_layers(model: Any, wanted: bool) -> None:
    if wanted:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.gradient_checkpointing_disable()
    model.train(wanted)


def _gradient(policy: Policy) -> torch.Tensor:
    gradient = torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])
    policy.model.zero_grad()
    return gradient
