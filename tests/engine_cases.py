"""Rows and tiny models with an adapter, on which the engine is held against the plain padded path."""

import torch

from nlu_rl.models.lora_linear import use_fused_updates
from nlu_rl.policy.scores import Scores
from tiny_model import tiny_causal_lm

LOG_PROB_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-3


def lora(architecture: str = "llama", **changes: object) -> torch.nn.Module:
    """A tiny model with an adapter that does something."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    target = ["Wqkv", "out_proj"] if architecture == "mpt" else "all-linear"
    model = get_peft_model(tiny_causal_lm(architecture, **changes), LoraConfig(r=4, target_modules=target))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    use_fused_updates(model)  # as in a run
    return model


def value_head() -> torch.nn.Module:
    torch.manual_seed(4)
    return torch.nn.Sequential(torch.nn.Linear(32, 1), torch.nn.Flatten(0))


def gradients(model: torch.nn.Module, loss: torch.Tensor) -> torch.Tensor:
    parameters = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])


def assert_equal(model: torch.nn.Module, ours: Scores, reference: Scores) -> None:
    """Require equal log-probabilities, entropies and values, and equal gradients of all three."""
    for name in ("log_probs", "entropy", "values"):
        assert (getattr(ours, name) - getattr(reference, name)).abs().max() < LOG_PROB_TOLERANCE, name
    found, wanted = (
        gradients(model, (r.log_probs.sin() + r.values.square() + r.entropy).sum()) for r in (ours, reference)
    )
    assert (found - wanted).norm() / wanted.norm() < GRADIENT_TOLERANCE


CASES = {
    "ragged rows with a common prefix": ([[1, 2, 3, 4], [1, 2, 3, 5, 6], [1, 2, 3, 7]], [[8, 9], [10], [11, 12, 13]]),
    "one row": ([[5, 6, 7]], [[8, 9, 10]]),
    "no common prefix": ([[1, 2], [3, 4, 5], [6]], [[7, 8], [9], [1, 2, 3]]),
    "a prompt that is another's prefix": ([[1, 2, 3], [1, 2, 3, 4], [1, 2, 3]], [[5, 6], [7], [8]]),
    "one-token prompts and completions": ([[1], [1], [2]], [[3], [4], [5]]),
    "a group of completions": ([[1, 2, 3]] * 8 + [[1, 2, 9]] * 8, [[i, 5, i % 3] for i in range(16)]),
    "an empty own prompt": ([[1, 2, 3], [1, 2, 3, 4]], [[5], [6, 7]]),
    "one completion is empty": ([[1, 2], [1, 3], [4]], [[5, 6], [], [7]]),
    "sixteen completions, one of them alone": ([[7, 8]] * 16 + [[7, 9]], [[i, 2] for i in range(16)] + [[3]]),
    "the same completion twice": ([[1, 2, 3]] * 2, [[4, 5, 6]] * 2),
}

MODEL = tiny_causal_lm()
