"""Prompts through a model's own chat template, rendered by a worker whose directory is temporary."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl.cli.console import spinner
from nlu_rl.errors import ModelError

if TYPE_CHECKING:
    from nlu_rl.tasks.contract import Example


def as_row(task: str, example: "Example", shots: "Sequence[Example]" = ()) -> dict[str, Any]:
    """Return the row of a chat, for `rendered`."""
    from dataclasses import asdict

    from nlu_rl.runs.checks import absolute

    return {"task": absolute(task), "example": asdict(example), "shots": [asdict(shot) for shot in shots]}


def rendered(model: str, chats: Sequence[Sequence[Any]], rows: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return each chat's `text` as the model sees it, and its number of `tokens`.

    With the `rows` the chats are of, a passage is cut as training and evaluation cut it (`shortened`).

    Raises:
        ModelError: the model is not here (nothing is fetched), or has no usable tokenizer or chat template.
    """
    from nlu_rl.cli.live import run_quietly
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    reference = resolve_reference(model)
    if not reference.folder.is_dir():
        raise ModelError(f"{model} is not here.", f"'nlu-rl models fetch {model}' fetches it.")
    plain = [[{"role": message["role"], "content": message["content"]} for message in chat] for chat in chats]
    arguments = {"model": str(reference.folder), "chats": plain, "rows": list(rows)}
    with tempfile.TemporaryDirectory(prefix="nlu-rl-preview-") as folder, spinner("Reading the tokenizer"):
        run = create_run(Path(folder), "preview", Job("preview", arguments))
        prompts: list[dict[str, Any]] = run_quietly(run)["prompts"]
    return prompts
