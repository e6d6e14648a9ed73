"""Merging an adapter into its base and writing the model: bfloat16 safetensors, tokenizer, template, configuration.

The base is loaded afresh and unquantised, on the CPU, where memory is cheapest, and in float32 where that fits, so that
each weight is rounded to bfloat16 once. Merging into a model that has been merged and unmerged before would drift.
"""

import logging
import shutil
from pathlib import Path

import psutil
import torch

from nlu_rl.errors import RunError
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.load import Precision, load_model
from nlu_rl.models.lora import load_adapter
from nlu_rl.runs.files import disk_error

logger = logging.getLogger(__name__)

SHARD = "5GB"
DISK_SLACK_BYTES = 64 << 20


def merge_adapter(reference: str, adapter_dir: Path, target: Path) -> Precision:
    """Write base + adapter as a model folder into `target`, which exists and is empty.

    Returns:
        The precision of the sum.

    Raises:
        ModelError: the base or the adapter is missing or damaged.
        RunError: the adapter holds numbers that are not finite, or the disk refuses.
    """
    precision = _precision(reference)
    loaded = load_model(reference, precision=precision, device=torch.device("cpu"))
    adapted = load_adapter(loaded, adapter_dir)
    try:
        merged = adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise RunError(
            f"The adapter in {adapter_dir} cannot be merged: {error}.", "Export an earlier checkpoint of the run."
        ) from None
    merged = merged.to(torch.bfloat16)
    try:
        merged.save_pretrained(target, max_shard_size=SHARD)
        loaded.tokenizer.save_pretrained(target)
        if merged.generation_config is not None:
            merged.generation_config.save_pretrained(target)
    except OSError as error:
        raise disk_error(error, f"write the model to {target}") from None
    logger.info("merged %s into %s at %s, in %s", adapter_dir, reference, target, precision)
    return precision


def export_bytes(reference: str) -> int:
    """Return about how much disk the export takes: the parameters in bfloat16, and some for the rest."""
    return weight_count(model_folder(reference, fetch=True)) * 2 + DISK_SLACK_BYTES


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise RunError unless `folder` has room."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise RunError(
            f"The export needs about {needed_bytes / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free.",
            "Free some space, or give --to a folder on another disk.",
        )


def _precision(reference: str) -> Precision:
    """Return float32 if its weights fit one and a half times into the free memory, else bfloat16."""
    weights = weight_count(model_folder(reference, fetch=True)) * 4
    return "float32" if weights * 1.5 < psutil.virtual_memory().available else "bfloat16"


def weight_count(folder: Path) -> int:
    """Count the weights by the headers of the safetensors."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118
                count = 1
                for size in tensors.get_slice(key).get_shape():
                    count *= size
                total += count
    return total
