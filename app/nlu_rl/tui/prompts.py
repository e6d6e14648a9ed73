"""Prompts of a task exactly as a model sees them: rendered by a worker, since a tokenizer is heavy to load."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nlu_rl.errors import ModelError

if TYPE_CHECKING:
    from nlu_rl.tasks.base import DatasetTask
    from nlu_rl.tasks.contract import Example

SHOWN_EXAMPLES = 12


class TaskView(NamedTuple):
    """A task's first rows and how its training rows are spread over the labels."""

    task: "DatasetTask"
    examples: "list[Example]"
    rows: dict[str, int]
    labels: dict[str, int]


def task_view(name: str) -> TaskView:
    """Return it. Raises DataError when the data is not here."""
    from nlu_rl.data.checks import label_counts
    from nlu_rl.tasks.registry import get_task

    task = get_task(name)
    train = task.load("train")
    rows = {split: part["rows"] for split, part in task.about()["splits"].items()}
    counts = label_counts(task.schema, ({"gold": example.gold} for example in train))
    return TaskView(task, train[:SHOWN_EXAMPLES], rows, counts)


def plain_prompt(task: "DatasetTask", example: "Example") -> str:
    """Return the chat without a model's template."""
    return "\n".join(f"[{message['role']}]\n{message['content']}" for message in task.prompt(example))


def rendered_prompts(model: str, chats: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return each chat's `text` and number of `tokens`; takes seconds, so call it in a thread.

    Raises:
        ModelError: the model is not here, or has no usable tokenizer or chat template.
    """
    from nlu_rl.cli.live import run_quietly
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    reference = resolve_reference(model)
    if not reference.folder.is_dir():
        raise ModelError(f"{model} is not here yet.", "The run fetches it.")
    plain = [[dict(message) for message in chat] for chat in chats]
    with tempfile.TemporaryDirectory(prefix="nlu-rl-preview-") as folder:
        job = Job("preview", {"model": str(reference.folder), "chats": plain})
        prompts: list[dict[str, Any]] = run_quietly(create_run(Path(folder), "preview", job))["prompts"]
    return prompts


def judged_text(task: "DatasetTask", example: "Example", completion: str) -> str:
    """Return what is read out of a completion of this example, and how it is rewarded."""
    scored = task.score(example, completion)
    read = "∅ nothing" if scored.extracted.value is None else scored.extracted.value
    mark = "▲" if scored.correct else "▼" if scored.extracted.value is None else "◆"
    parts = ", ".join(f"{name} {value:+g}" for name, value in scored.parts.items())
    return f"→ read as {read} ({scored.extracted.how})   {mark} {scored.reward:+g}   {parts}"
