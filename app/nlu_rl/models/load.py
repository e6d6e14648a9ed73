"""From a reference to a model ready for the policy: weights in memory, tokenizer, compute type, device.

The base is loaded once, in evaluation mode, with scaled-dot-product attention where the architecture has it. On a CPU
the compute type is measured, not assumed: some machines run bfloat16 many times slower than float32, others faster.
"""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from nlu_rl import paths
from nlu_rl.download import Progress
from nlu_rl.errors import ModelError

os.environ.setdefault("HF_HOME", str(paths.hf_dir()))

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.four_bit import four_bit_config, keep_weights_in_place, set_compute_type
from nlu_rl.models.machine import wanted_precision
from nlu_rl.models.quantized import Quantization, stored_quantization

logger = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "bfloat16"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CLEARLY_FASTER = 1.3


@dataclass
class LoadedModel:
    """A base model and its tokenizer. `name` is the catalogue name, hub id or folder it was asked for by."""

    model: Any
    tokenizer: Any
    path: Path
    name: str
    dtype: torch.dtype
    device: torch.device
    quantize: Quantization = "none"
    """How the weights are held: as asked for, or as the folder stores them."""


def load_model(
    reference: str,
    *,
    quantize: Quantization = "none",
    precision: Precision = "auto",
    device: torch.device | None = None,
    fetch: bool = True,
    progress: Progress | None = None,
) -> LoadedModel:
    """Load a model by catalogue name, folder or hub id, fetching it first when it is missing and `fetch` is set.

    `device`: None takes CUDA where there is one. A folder that is stored in 4 bits is held so whatever `quantize` says.

    Raises:
        ModelError: it is unknown, missing, incomplete, damaged, or of an architecture that cannot be loaded.
    """
    target = resolve_reference(reference)
    folder = model_folder(reference, fetch=fetch, progress=progress)
    device = device or pick_device()
    dtype = pick_dtype(precision, device)
    transformers_logging.disable_progress_bar()
    tokenizer = load_tokenizer(folder, target.name)
    stored = stored_quantization(folder)
    quantize = stored if stored != "none" else quantize
    model = _load_weights(folder, target.name, dtype, device, quantize, stored)
    model.config.use_cache = True
    model.eval()
    _check_vocabulary(model, tokenizer, target.name)
    logger.info("loaded %s from %s: %s on %s, quantize %s", target.name, folder, dtype, device, quantize)
    return LoadedModel(model, tokenizer, folder, target.name, dtype, device, quantize)


def load_tokenizer(folder: Path, name: str) -> Any:
    """Return the tokenizer of a model folder, with a pad token.

    Raises:
        ModelError: it is damaged, or states no end-of-text token.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ModelError(
            f"The tokenizer of {name} cannot be loaded: {_first_line(error)}.",
            "Copy the tokenizer files again from the model's source.",
        ) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer of {name} names no end-of-text token.", "Set eos_token in its tokenizer_config.json."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def pick_device() -> torch.device:
    """Return this process's CUDA device, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def pick_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the compute type. `auto`: NLU_RL_PRECISION if set, else bfloat16 on CUDA and the faster one on a CPU.

    Raises:
        ModelError: NLU_RL_PRECISION is neither float32 nor bfloat16.
    """
    wanted = wanted_precision(precision)
    if wanted in _DTYPES:
        return _DTYPES[wanted]
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float32
    speedup = _matmul_seconds(torch.float32) / _matmul_seconds(torch.bfloat16)
    logger.info("bfloat16 matmul runs at %.2f times the speed of float32", speedup)
    return torch.bfloat16 if speedup > _CLEARLY_FASTER else torch.float32


def _matmul_seconds(dtype: torch.dtype, budget_seconds: float = 0.1) -> float:
    """Return the best time of one matmul of a training step's size, within a budget."""
    left = torch.ones(256, 576, dtype=dtype)
    right = torch.ones(576, 1536, dtype=dtype)
    best, started = float("inf"), time.perf_counter()
    torch.mm(left, right)
    while best == float("inf") or time.perf_counter() - started < budget_seconds:
        before = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - before)
    return best


def _load_weights(
    folder: Path, name: str, dtype: torch.dtype, device: torch.device, quantize: Quantization, stored: Quantization
) -> Any:
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True, "use_safetensors": True}
    options["attn_implementation"] = _attention(folder, name)
    if quantize == "nf4":
        options["device_map"] = {"": device}
        if stored == "none":
            options["quantization_config"] = four_bit_config(dtype)
    try:
        model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise ModelError(f"{name} does not fit on {device}.", "'nlu-rl plan' says what to change.") from error
        if "ignore_mismatched_sizes" in str(error):
            raise ModelError(
                f"The weights of {name} do not have the shapes that its config.json states.",
                "Copy config.json and the weights from one source.",
            ) from error
        raise ModelError(
            f"The model {name} cannot be loaded: {_first_line(error)}.", "'nlu-rl models verify' checks its files."
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"The weights of {name} lack {len(missing)} tensors of its architecture, such as {missing[0]}.",
            "Copy or fetch the model again.",
        )
    if quantize == "none":
        return model.to(device)
    keep_weights_in_place(model)
    if stored == "nf4":
        set_compute_type(model, dtype)
    return model


def _attention(folder: Path, name: str) -> str:
    """Return `sdpa`, or `eager` for an architecture without it."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture = AutoModelForCausalLM._model_mapping[type(config)]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The architecture of {name} is not one this can train: {_first_line(error)}.",
            "Use a decoder-only model that transformers supports without remote code.",
        ) from error
    return "sdpa" if getattr(architecture, "_supports_sdpa", False) else "eager"


def _check_vocabulary(model: Any, tokenizer: Any, name: str) -> None:
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(
            f"The tokenizer of {name} has {len(tokenizer)} tokens and the model only {rows} embeddings.",
            "They are not of the same model: copy both from one source.",
        )


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
