"""The saved weights themselves: each must be the bfloat16 nearest to base + adapter, everything else the base's.

Comparing outputs alone cannot prove a merge. bfloat16 moves logits so much that an adapter from a short training run
may be left out altogether and stay within twice that. Here the sum is formed again, from the adapter's file, tensor by
tensor.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

_HALF_STEP = 2.0**-8
"""Largest relative error of rounding to bfloat16's 8 significant bits."""
_FLOAT32_NOISE = 2.0**-20
"""Of forming the sum in another order, relative to its terms."""
_PREFIX = "base_model.model."
_PLAIN = {"use_dora": False, "fan_in_fan_out": False, "bias": "none", "rank_pattern": {}, "alpha_pattern": {}}


@dataclass(frozen=True, slots=True)
class WeightCheck:
    """`error` is the largest deviation, in units of what rounding explains: more than 1 is a fault."""

    tensors: int
    """Adapted tensors that were checked; 0 when the adapter is of a kind whose sum is not formed here."""
    error: float
    where: str
    kept: float | None
    """Share of the adapter's change that rounding to bfloat16 leaves in the weights; very small changes are lost."""


class FolderWeights(Mapping[str, torch.Tensor]):
    """The tensors in a folder's safetensors by name; each is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = _files(folder)

    def __getitem__(self, name: str) -> torch.Tensor:
        return _tensor(self._files[name], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def check_weights(
    folder: Path, base: Mapping[str, torch.Tensor], adapter: Path, *, merged_in_bfloat16: bool = False
) -> WeightCheck:
    """Compare every tensor of the export with base + adapter.

    Args:
        base: the base's tensors by name.
        merged_in_bfloat16: the adapter's part was itself rounded before it was added.
    """
    updates = _updates(adapter)
    exported = FolderWeights(folder)
    keys = [f"{name}.weight" for name in updates]
    if not updates or any(key not in exported or key not in base for key in keys):
        return WeightCheck(0, 0.0, "", None)
    worst, where = 0.0, ""
    along = norm = 0.0
    for key in exported:
        if key not in base:
            continue
        saved, original = exported[key], base[key]
        update = updates.get(key.removesuffix(".weight"))
        if update is None:
            if not torch.equal(saved, original.to(saved.dtype)):
                worst, where = math.inf, key
            continue
        saved, original, delta = saved.float(), original.float(), update()
        error = _error(saved, original, delta, _HALF_STEP if merged_in_bfloat16 else 0.0)
        if error > worst:
            worst, where = error, key
        along += float(torch.dot(saved.sub_(original).flatten(), delta.flatten()))
        norm += float(torch.dot(delta.flatten(), delta.flatten()))
    return WeightCheck(len(keys), worst, where, along / norm if norm else 1.0)


def _error(saved: torch.Tensor, original: torch.Tensor, delta: torch.Tensor, delta_error: float) -> float:
    """Return the largest deviation from original + delta over what rounding explains; infinite for a broken number."""
    expected = original + delta
    error = (saved - expected).abs_()
    bound = expected.abs_().mul_(_HALF_STEP).add_(original.abs(), alpha=_FLOAT32_NOISE)
    bound.add_(delta.abs(), alpha=_FLOAT32_NOISE + delta_error).add_(torch.finfo(torch.float32).tiny)
    largest = float(error.div_(bound).max())
    return largest if math.isfinite(largest) else math.inf


def _updates(adapter: Path) -> dict[str, Any]:
    """Return, for each adapted module, a function that forms its change: scale * B A, in float32."""
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    if any((config.get(key) or plain) != plain for key, plain in _PLAIN.items()):
        return {}
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    file = adapter / "adapter_model.safetensors"

    def change(name: str) -> torch.Tensor:
        a = _tensor(file, f"{_PREFIX}{name}.lora_A.weight").float()
        b = _tensor(file, f"{_PREFIX}{name}.lora_B.weight").float()
        return (b @ a) * scale

    with safe_open(file, framework="pt") as tensors:
        keys = list(tensors.keys())
    names = {key.removeprefix(_PREFIX).rpartition(".lora_")[0] for key in keys}
    if "" in names:  # holds other tensors than those of LoRA, such as whole modules
        return {}
    return {name: lambda name=name: change(name) for name in names}


def _files(folder: Path) -> dict[str, Path]:
    """Return the file of every tensor in the folder."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            found.update(dict.fromkeys(tensors.keys(), path))
    return found


def _tensor(file: Path, key: str) -> torch.Tensor:
    with safe_open(file, framework="pt") as tensors:
        tensor: torch.Tensor = tensors.get_tensor(key)
    return tensor
