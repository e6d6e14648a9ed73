"""Whether a model folder is whole: configuration, tokenizer, chat template, safetensors, and the manifest's hashes.

Reads headers only (hashes excepted) and needs no heavy library, so that a broken folder is refused before anything
loads. Each problem is a sentence that ends in what to do.
"""

import json
import os
from pathlib import Path
from typing import Any

from nlu_rl.download import file_sha256
from nlu_rl.errors import ModelError
from nlu_rl.models.architectures import STATE_SPACE, has_conv1d, is_causal_lm, reads_one_way
from nlu_rl.models.chat_template import find_template, special_tokens, template_problem

MANIFEST = "manifest.json"
_INDEX = "model.safetensors.index.json"
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
_HEADER_LIMIT_BYTES = 100_000_000


def verify_folder(folder: Path, *, hashes: bool = True, encoder: bool = False) -> list[str]:
    """Return what is wrong with the model in `folder`, one sentence each; empty when it is whole.

    An `encoder` need not be a language model, nor have a chat template.

    `hashes`: also try the tokenizer, and compare every file with the manifest, where there is one (reads all the
    weights). Without it, only files written after the manifest are compared: nothing but a change makes them younger.
    """
    if not os.path.isdir(folder):
        return [f"There is no folder {folder}: fetch the model, or correct the path."]
    if not os.access(folder, os.R_OK | os.X_OK):
        return [f"The folder {folder} may not be read: ask its owner for access."]
    problems = [*_config_problems(folder, encoder), *_weight_problems(folder), *_tokenizer_problems(folder, encoder)]
    if hashes and not problems:
        problems = _unreadable_tokenizer(folder)
    return problems + _manifest_problems(folder, hashes=hashes)


def require_whole(folder: Path, *, name: str, fix: str = "", encoder: bool = False) -> None:
    """Raise ModelError when the model in `folder` cannot be used; `fix` replaces the general advice."""
    problems = verify_folder(folder, hashes=False, encoder=encoder)
    if problems:
        raise ModelError(
            f"The model {name} cannot be used. {' '.join(problems)}",
            fix or "Give a whole, instruction-tuned model folder; 'nlu-rl models list' shows models that work.",
        )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest this program wrote with the model; None when there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        whole = all({"sha256", "bytes"} <= facts.keys() for facts in manifest["files"].values())
        return manifest if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def unhashed_files(folder: Path) -> list[str]:
    """Return the files of a model folder of which its manifest has no hash; all of them where there is none."""
    known = (read_manifest(folder) or {"files": {}})["files"]
    try:
        there = {entry.name for entry in os.scandir(folder) if entry.is_file()}
    except OSError:  # it may not be read, as `verify_folder` says
        return []
    return sorted(there - {MANIFEST, *known})


def how_to_mend(folder: Path) -> str:
    """Return what brings a damaged model back: a bundle was made by someone and cannot be fetched."""
    manifest, config = read_manifest(folder), _read_json(folder / "config.json")
    if manifest is None:
        bundled = isinstance(config, dict) and "quantization_config" in config
    else:
        bundled = manifest.get("source") == "bundle"
    return "copy it again, or make it again with 'nlu-rl models bundle'" if bundled else "copy or fetch the model again"


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a model folder; 0 when it is not there or may not be read."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return 0


def _read_json(path: Path) -> Any:
    """Return the JSON in `path`, or None when it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _config_problems(folder: Path, encoder: bool) -> list[str]:
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            return ["It is a LoRA adapter, not a model: name its base model, and the run with 'start_from'."]
        return ["It has no config.json: copy it from the model's source."]
    config = _read_json(path)
    if not isinstance(config, dict):
        return ["Its config.json is unreadable or damaged: copy it again from the model's source."]
    if "model_type" not in config:
        return ["Its config.json names no model_type: copy it again from the model's source."]
    return [] if encoder else _architecture_problems(config)


def _architecture_problems(config: dict[str, Any]) -> list[str]:
    """Return why an architecture cannot be trained as a language model."""
    named, use = config["model_type"], "use a Llama, Qwen2, Mistral, SmolLM or MPT model."
    if not is_causal_lm(str(named)):
        return [f"Its architecture '{named}' is no language model that the installed transformers knows: {use}"]
    if not reads_one_way(config):
        return [f"Its architecture '{named}' reads both ways, as an encoder does: 'nlu-rl encoder' trains it."]
    if str(named) in STATE_SPACE:
        return [f"Its architecture '{named}' is a state-space or recurrent model, which cannot be trained here: {use}"]
    if has_conv1d(str(named)):
        return [f"The layers of its architecture '{named}' are Conv1D, which LoRA does not reach here: {use}"]
    return []


def _weight_problems(folder: Path) -> list[str]:
    if (folder / _INDEX).exists():
        index = _read_json(folder / _INDEX)
        weight_map = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(weight_map, dict) or not weight_map:
            return [f"Its {_INDEX} is damaged: copy it again from the model's source."]
        shards = sorted(set(weight_map.values()))
    elif (folder / "model.safetensors").exists():
        shards = ["model.safetensors"]
    else:
        return [_no_safetensors(folder)]
    problems = []
    for shard in shards:
        if not (folder / shard).is_file():
            problems.append(f"Its weight file {shard} is missing: {how_to_mend(folder)}.")
        elif reason := safetensors_damage(folder / shard):
            problems.append(f"Its weight file {shard} is damaged ({reason}): {how_to_mend(folder)}.")
    return problems


def _no_safetensors(folder: Path) -> str:
    other = next((p.name for pattern in ("*.bin", "*.gguf", "*.pth") for p in sorted(folder.glob(pattern))), None)
    if other:
        return (
            f"It has no safetensors, only {other}: save it with save_pretrained() of transformers, and use that folder."
        )
    return "It has no weights (model.safetensors): copy them from the model's source."


def safetensors_damage(path: Path) -> str | None:
    """Return why a safetensors file cannot be whole, from its header and its size; None when it can."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            size = path.stat().st_size
            if size < 8 or length > min(size - 8, _HEADER_LIMIT_BYTES):
                return "its header is cut off"
            header = json.loads(stream.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return "its header is not readable"
    expected = 8 + length + max(ends, default=0)
    if not ends:
        return "it holds no tensors"
    return None if size == expected else f"it has {size} bytes instead of {expected}"


def _tokenizer_problems(folder: Path, encoder: bool) -> list[str]:
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        return ["It has no tokenizer (tokenizer.json or tokenizer.model): copy it from the model's source."]
    if (folder / "tokenizer.json").is_file() and not isinstance(_read_json(folder / "tokenizer.json"), dict):
        return ["Its tokenizer.json is damaged: copy it again from the model's source."]
    settings = _read_json(folder / "tokenizer_config.json")
    if (folder / "tokenizer_config.json").exists() and not isinstance(settings, dict):
        return ["Its tokenizer_config.json is damaged: copy it again from the model's source."]
    if encoder:
        return []
    template = find_template(folder)
    if not template:
        return ["Its tokenizer has no chat template: use the instruction-tuned model, or add chat_template.jinja."]
    if problem := template_problem(template, special_tokens(settings)):
        return [f"Its chat template is broken ({problem}): copy it again from the model's source."]
    return []


def _unreadable_tokenizer(folder: Path) -> list[str]:
    """Try the tokenizer itself, which takes a second for a large vocabulary."""
    path = folder / "tokenizer.json"
    try:
        if path.is_file():
            _read_tokenizer(path)
    except ModelError as error:
        return [f"Its tokenizer.json is no tokenizer ({error}): copy it again from the model's source."]
    return []


def _read_tokenizer(path: Path) -> None:
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no other kind
        raise ModelError(" ".join(str(error).split())) from error


def _manifest_problems(folder: Path, *, hashes: bool) -> list[str]:
    if not (folder / MANIFEST).exists():
        return []
    manifest = read_manifest(folder)
    if manifest is None:
        return [f"Its {MANIFEST} is damaged: {how_to_mend(folder)}."]
    problems = []
    mend = how_to_mend(folder)
    written = (folder / MANIFEST).stat().st_mtime_ns
    for name, facts in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            problems.append(f"Its file {name} is missing: {mend}.")
        elif path.stat().st_size != facts["bytes"]:
            problems.append(f"Its file {name} has {path.stat().st_size} bytes, not {facts['bytes']}: {mend}.")
        elif not os.access(path, os.R_OK):
            problems.append(f"Its file {name} may not be read: ask its owner for access.")
        elif (hashes or path.stat().st_mtime_ns > written) and file_sha256(path) != facts["sha256"]:
            problems.append(f"Its file {name} was changed (its SHA-256 differs): {mend}.")
    return problems
