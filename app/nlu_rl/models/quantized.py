"""How a model folder holds its weights, from its `config.json` alone: as they were trained, or already in 4 bits."""

import json
from pathlib import Path
from typing import Literal

from nlu_rl.errors import ModelError

Quantization = Literal["none", "nf4"]


def stored_quantization(folder: Path) -> Quantization:
    """Return `nf4` for a folder whose weights are stored so, as `nlu-rl models bundle` writes it; else `none`.

    Raises:
        ModelError: they are quantized in a way that cannot be trained on here.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        stated = config.get("quantization_config")
    except (OSError, ValueError, AttributeError):
        return "none"  # what is wrong with it is told by `verify_folder`
    if not stated:
        return "none"
    if stated.get("load_in_4bit") and stated.get("bnb_4bit_quant_type") == "nf4":
        return "nf4"
    raise ModelError(
        f"The weights in {folder} are quantized by {stated.get('quant_method', 'another method')}, not in NF4.",
        "Use the model's original weights; 'quantize=nf4' holds them in 4 bits.",
    )
