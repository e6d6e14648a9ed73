"""Merging an adapter into its base and writing the model: bfloat16 safetensors, tokenizer, template, configuration.

The base is loaded afresh, on the CPU, where memory is cheapest, and in float32 where that fits, so that each weight is
rounded to bfloat16 once. Merging into a model that has been merged and unmerged before would drift. An adapter that was
trained on a 4-bit base goes into what those 4 bits stand for, unless the original weights are asked for.
"""

import contextlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import GenerationConfig

from nlu_rl.errors import ModelError, RunError
from nlu_rl.export.base import MergeInto
from nlu_rl.export.serving import opening_template
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.four_bit import dequantized_model
from nlu_rl.models.load import Precision, load_model
from nlu_rl.models.lora import load_adapter
from nlu_rl.models.origin import origin_of
from nlu_rl.models.quantized import Quantization, stored_quantization
from nlu_rl.models.shape import shape_of_folder
from nlu_rl.runs.files import disk_error

logger = logging.getLogger(__name__)

SHARD = "5GB"
DISK_SLACK_BYTES = 64 << 20


def merge_adapter(
    reference: str, adapter_dir: Path, target: Path, *, into: MergeInto = "original", max_new_tokens: int = 32
) -> Precision:
    """Write base + adapter as a model folder into `target`, which exists and is empty.

    Args:
        into: the base's own weights, or what their 4-bit form stands for.
        max_new_tokens: the length of an answer, written into the generation configuration.

    Returns:
        The precision of the sum.

    Raises:
        ModelError: the base or the adapter is missing or damaged.
        RunError: the adapter holds numbers that are not finite, or the disk refuses.
    """
    precision = _precision(reference)
    loaded = load_model(reference, quantize=held(into), precision=precision, device=torch.device("cpu"))
    if into == "quantized":
        loaded.model = dequantized_model(loaded.model)
    adapted = load_adapter(loaded, adapter_dir)
    try:
        merged = adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise RunError(
            f"The adapter in {adapter_dir} cannot be merged: {error}.", "Export an earlier checkpoint of the run."
        ) from None
    merged = merged.to(torch.bfloat16)
    merged.generation_config = _generation_config(merged, loaded.tokenizer, max_new_tokens)
    loaded.tokenizer.chat_template = opening_template(loaded.tokenizer.chat_template)
    try:
        merged.save_pretrained(target, max_shard_size=SHARD)
        loaded.tokenizer.save_pretrained(target)
        _copy_adapter(adapter_dir, target / "adapter", reference)
    except OSError as error:
        raise disk_error(error, f"write the model to {target}") from None
    logger.info("merged %s into the %s weights of %s at %s, in %s", adapter_dir, into, reference, target, precision)
    return precision


def held(into: MergeInto) -> Quantization:
    """Return how the base is held while it is compared with."""
    return "nf4" if into == "quantized" else "none"


def _generation_config(model: Any, tokenizer: Any, max_new_tokens: int) -> GenerationConfig:
    """Return greedy decoding with the base's end tokens: its sampling, or a penalty, would change answers when served.

    `stop_strings` is left out: with it, `generate` without a tokenizer raises.
    """
    base = model.generation_config
    ends = getattr(base, "eos_token_id", None)
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id if ends is None else ends,
        pad_token_id=tokenizer.pad_token_id,
    )


def _copy_adapter(source: Path, target: Path, reference: str) -> None:
    """Put the adapter beside the merged model, for base + adapter unmerged; its base by its public name, no path."""
    target.mkdir()
    config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = origin_of(resolve_reference(reference)).name
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(source / "adapter_model.safetensors", target / "adapter_model.safetensors")


def export_bytes(reference: str) -> int:
    """Return about how much disk the export takes: the parameters in bfloat16, and some for the rest."""
    return weight_count(model_folder(reference, fetch=True)) * 2 + DISK_SLACK_BYTES


def _precision(reference: str) -> Precision:
    """Return float32 if its weights fit one and a half times into the free memory, else bfloat16."""
    weights = weight_count(model_folder(reference, fetch=True)) * 4
    return "float32" if weights * 1.5 < psutil.virtual_memory().available else "bfloat16"


def weight_count(folder: Path) -> int:
    """Count the weights by the headers of the safetensors; two to a byte where they are in 4 bits."""
    from safetensors import safe_open

    if stored_quantization(folder) != "none":
        with contextlib.suppress(ModelError):
            return shape_of_folder(folder).parameters
    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118
                count = 1
                for size in tensors.get_slice(key).get_shape():
                    count *= size
                total += count
    return total
