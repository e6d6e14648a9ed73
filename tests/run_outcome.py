"""What a training run of the command line gave: the metrics of its steps, and the tensors of a checkpoint."""

from typing import Any

import torch
from safetensors.torch import load_file

MEASURED = ("reward", "loss", "kl", "entropy", "accuracy", "value_loss", "learning_rate", "grad_norm", "kl_coefficient")


def steps(cli: Any, run: str) -> dict[int, dict[str, float]]:
    """Return the metrics of each step, those after a resume in place of those before it."""
    found: dict[int, dict[str, float]] = {}
    for event in cli.events(run):
        if event["type"] == "resume":
            found = {step: metrics for step, metrics in found.items() if step <= event["step"]}
        if event["type"] == "step":
            found[event["step"]] = {k: v for k, v in event["metrics"].items() if k in MEASURED}
    return found


def weights(cli: Any, run: str, step: int) -> dict[str, torch.Tensor]:
    folder = cli.home / "runs" / run / "checkpoints" / f"step-{step}"
    return {key: value for file in sorted(folder.glob("*.safetensors")) for key, value in load_file(file).items()}
