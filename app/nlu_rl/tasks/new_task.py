"""A task file for a table of the user's own: guessed, tried on the rows at once, and only then written (light)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nlu_rl.data.checks import Refusal, SplitRows, overlaps
from nlu_rl.data.files import read_table
from nlu_rl.data.tsv import require_file
from nlu_rl.errors import DataError
from nlu_rl.tasks.guess import Guess, guess_task
from nlu_rl.tasks.own import OwnTask, make_task
from nlu_rl.tasks.registry import task_names
from nlu_rl.tasks.task_file import Kind, TaskFile, explain
from nlu_rl.tasks.training_commands import next_commands

HEADER = """\
# A task of your own. Change what was guessed wrongly; 'nlu-rl tasks preview {file}' shows what a model is asked.
# Train on it:
{commands}
"""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is not written yet, and what its rows are like."""

    path: Path
    file: TaskFile
    task: OwnTask
    rows: dict[str, int]
    """By split."""
    labels: dict[str, int]
    """Of the training rows."""
    refused: list[Refusal]
    duplicates: int
    overlap: dict[str, int]
    left_out: list[str]
    """Columns that are neither a text nor the label."""
    unseen: dict[str, list[str]]
    """By other split, the labels of training rows that none of its rows has."""
    header_is_a_row: bool
    """Whether the first line, which names the columns, looks like a row: it has an answer where the label is."""


def new_task(
    data: Path,
    *,
    to: Path | None = None,
    text: Sequence[str] = (),
    label: str | None = None,
    kind: Kind | None = None,
    name: str | None = None,
    validation: Path | None = None,
    test: Path | None = None,
) -> NewTask:
    """Return the task a table makes; `to` is where its file will be, by default beside the data.

    Raises:
        DataError: the table cannot be read, or is no task.
    """
    if name is not None and slug(name) in _taken():
        raise DataError(f"There is a task called '{slug(name)}' here already.", "Give it another --name.")
    target = to or beside(data, name)
    rows, unread = read_table(data)
    try:
        guess = guess_task(rows, text=text, label=label, kind=kind)
    except DataError as error:
        if not unread:
            raise
        message = f"{error.message} {len(unread)} of {len(rows) + len(unread)} rows cannot be read: {unread[0]}."
        raise DataError(message, error.fix) from None
    used = {*guess.text, guess.label}
    called = slug(name or target.stem)
    called = f"my-{called}" if called in _taken() else called
    file = _task_file(guess, called, target.parent, data, validation, test)
    task = make_task(file, target.parent)
    by_split = {split: task.data.read(split) for split in task.data.splits()}
    part = by_split["train"]
    return NewTask(
        path=target,
        file=file,
        task=task,
        rows={split: len(found.rows) for split, found in by_split.items()},
        labels=part.labels,
        refused=part.refused,
        duplicates=part.duplicates,
        overlap=overlaps({split: found.rows for split, found in by_split.items()}),
        left_out=[name for name in dict.fromkeys(key for row in rows for key in row) if name not in used],
        unseen=_unseen(task, part.labels, by_split),
        header_is_a_row=guess.label.strip().casefold() in {answer.casefold() for answer in guess.answers},
    )


def _unseen(task: OwnTask, labels: dict[str, int], by_split: dict[str, SplitRows]) -> dict[str, list[str]]:
    if task.answers is None:
        return {}
    others = {split: found.labels for split, found in by_split.items() if split != "train" and found.labels}
    missing = {split: [name for name in labels if labels[name] and not there[name]] for split, there in others.items()}
    return {split: names for split, names in missing.items() if names}


def _taken() -> set[str]:
    """Return the names that mean something already."""
    return {*task_names(), "wikitext2"}


def write_task(new: NewTask) -> Path:
    """Write the task's file and return where it is. Raises DataError when the disk refuses."""
    given = new.file.model_dump(exclude_none=True, exclude_defaults=True) | {"kind": new.file.kind}
    stated = {key: given[key] for key in type(new.file).model_fields if key in given}
    commands = "\n".join(f"#   {command}" for command in next_commands(new.file, new.path.name))
    header = HEADER.format(file=new.path.name, commands=commands)
    text = yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=110)
    try:
        new.path.parent.mkdir(parents=True, exist_ok=True)
        new.path.write_text(header + text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"Cannot write {new.path}: {error.strerror}.", "Give another --to.") from None
    return new.path


def beside(data: Path, name: str | None = None) -> Path:
    """Return where the task file of a table goes if nothing else is said.

    Raises:
        DataError: the table is a folder, a pipe or a device.
    """
    require_file(data)
    return data.parent / f"{slug(name or data.stem)}.yaml"


def slug(text: str) -> str:
    """Return a text as the name of a task."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:60] or "my-task"


def _task_file(
    guess: Guess, name: str, folder: Path, data: Path, validation: Path | None, test: Path | None
) -> TaskFile:
    given: dict[str, Any] = {
        "name": name,
        "train": _relative(data, folder),
        "validation": _relative(validation, folder),
        "test": _relative(test, folder),
        "text": guess.text,
        "label": guess.label,
        "kind": guess.kind,
        "metric": guess.metric,
        "passage": guess.passage,
    }
    if guess.kind == "answers":
        given["answers"] = guess.answers
    if guess.kind == "number":
        given |= {"low": guess.low, "high": guess.high}
    try:
        draft = TaskFile.model_validate(given)
    except ValidationError as error:
        raise DataError(
            f"{data} makes no task: {explain(error)}", "Say what is what: --label COLUMN, --text COLUMNS, --kind KIND."
        ) from None
    return draft.model_copy(update={"instructions": draft.question()})


def _relative(path: Path | None, folder: Path) -> str | None:
    """Return a path as the task file names it: from its own folder where it lies in it."""
    if path is None:
        return None
    whole, base = path.expanduser().resolve(), folder.expanduser().resolve()
    return str(whole.relative_to(base)) if whole.is_relative_to(base) else str(whole)
