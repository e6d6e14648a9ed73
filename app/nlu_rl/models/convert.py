"""From a GGUF file to a folder of bfloat16 safetensors with tokenizer, chat template and generation config.

Used where the package index carries a model only as GGUF. The dequantised weights are rounded to bfloat16 once; nothing
is trained. A GGUF names its pre-tokenizer (`tokenizer.ggml.pre`) without describing it, and transformers then falls
back to plain byte-level splitting; `_PRE_TOKENIZERS` restores what the name stands for, so that token ids equal the
original tokenizer's.
"""

import errno
import json
import re
import struct
from pathlib import Path
from typing import Any

from nlu_rl.errors import ModelError

_PRE_TOKENIZERS = {"smollm": "digits", "default": "plain", "gpt-2": "plain"}
_HEADER_BYTES = 32 << 20  # metadata comes before the tensors, its vocabulary included
_STRING = 8  # GGUF's code of a string value


def convert_gguf(gguf: Path, target: Path, *, name: str, model_max_length: int) -> None:
    """Write the model of the GGUF file `gguf` to the existing folder `target`.

    `name` is recorded as the model's name. Raises ModelError when the file is not a GGUF this can convert.
    """
    from transformers import AutoTokenizer

    pre_tokenizer = _pre_tokenizer_name(gguf)
    _convert_weights(gguf, target, name)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    if _PRE_TOKENIZERS[pre_tokenizer] == "digits":
        _split_digits(tokenizer)
    tokenizer.model_max_length = model_max_length
    tokenizer.save_pretrained(target)
    _state_portable_class(target / "tokenizer_config.json")


def _convert_weights(gguf: Path, target: Path, name: str) -> None:
    """Write the weights, config and generation config."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, GenerationConfig

    loaded = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    for leftover in ("_model_name_or_path", "quantization_config"):
        vars(config).pop(leftover, None)
    config._name_or_path = name
    config.architectures = [type(loaded).__name__]
    # A model loaded from GGUF refuses to be saved as anything else, so its weights move to a plain one.
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    weights = {key: tensor.to(torch.bfloat16) for key, tensor in loaded.state_dict().items()}
    model.load_state_dict(weights, assign=True)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    try:
        model.save_pretrained(target)
    except SafetensorError as error:  # its own type, also for a full disk
        number = errno.ENOSPC if "No space left" in str(error) else errno.EIO
        raise OSError(number, str(error), str(target)) from None


def _pre_tokenizer_name(gguf: Path) -> str:
    """Return `tokenizer.ggml.pre`, read from the header alone: parsing all of it takes seconds."""
    with gguf.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
    if not header.startswith(b"GGUF"):
        raise ModelError(f"{gguf.name} is not a readable GGUF file.", "Fetch the model again.")
    name = "default"
    if found := re.search(re.escape(b"tokenizer.ggml.pre" + struct.pack("<I", _STRING)) + rb"(.{8})", header, re.S):
        length = struct.unpack("<Q", found.group(1))[0]
        name = header[found.end() : found.end() + length].decode("utf-8", errors="replace")
    if name not in _PRE_TOKENIZERS:
        raise ModelError(
            f"{gguf.name} uses the pre-tokenizer '{name}', which cannot be restored exactly.",
            "Use the model's own safetensors folder instead.",
        )
    return name


def _split_digits(tokenizer: Any) -> None:
    """Split every digit by itself, then at byte level, as SmolLM's own tokenizer does."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)]
    )


def _state_portable_class(path: Path) -> None:
    """Name the tokenizer class every transformers release knows, and forget the file it came from."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings["clean_up_tokenization_spaces"] = False
    settings["add_prefix_space"] = False
    for key in ("name_or_path", "backend", "is_local", "local_files_only", "gguf_file"):
        settings.pop(key, None)
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
