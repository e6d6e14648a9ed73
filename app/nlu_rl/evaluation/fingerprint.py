"""Short fingerprints of what an evaluation stands on: rows, weights, adapter. Equal ones mean equal predictions."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.errors import RunError
from nlu_rl.tasks.contract import Example, Task

_EDGE_BYTES = 1 << 20
_DIGITS = 24


def of_value(value: Any) -> str:
    """Return the fingerprint of a JSON value."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def of_examples(examples: Iterable[Example]) -> str:
    return of_value([[example.id, dict(example.fields), example.gold] for example in examples])


def of_prompt(task: Task, examples: Sequence[Example]) -> str:
    """Return the fingerprint of how the task asks: its first prompt, without demonstrations."""
    return of_value(task.prompt(examples[0]) if examples else None)


def of_model(folder: Path) -> str:
    """Return the fingerprint of a model folder.

    Small files count whole; of weight files the size, the first and the last megabyte, since hashing gigabytes would
    take longer than many an evaluation.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".jinja", ".safetensors", ".model") and path.is_file():
            digest.update(f"{path.name} {path.stat().st_size} ".encode())
            digest.update(_edges(path))
    return digest.hexdigest()[:_DIGITS]


def of_adapter(folder: Path) -> str:
    """Return the fingerprint of the adapter in a checkpoint."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("adapter_*")):
        digest.update(path.name.encode())
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise RunError(
                f"The adapter {path} cannot be read: {error.strerror}.",
                "Ask the owner of the run for access.",
            ) from None
    return digest.hexdigest()[:_DIGITS]


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys in which two mappings differ."""
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def _edges(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_EDGE_BYTES)
        file.seek(max(size - _EDGE_BYTES, len(first)))
        return first + file.read()
