"""A user's own task, made from its YAML file: classification, a number or a text, over the user's own rows."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from nlu_rl.data.checks import refusals_told
from nlu_rl.data.own import OwnData
from nlu_rl.data.row_schema import Schema
from nlu_rl.errors import DataError, RecipeError
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.classification import ClassificationTask
from nlu_rl.tasks.contract import Example, Message, Split
from nlu_rl.tasks.free_text import FreeTextTask
from nlu_rl.tasks.regression import RegressionTask
from nlu_rl.tasks.task_file import METRICS, SUFFIXES, TaskFile, load_task_file

RESERVED = ("label", "id")
"""Names that importers give a meaning of their own, so a text column of that name becomes a field of another."""


def is_task_file(name: str) -> bool:
    """Whether a task is named by the path of its file."""
    return name.casefold().endswith(SUFFIXES)


def own_task(path: Path) -> DatasetTask:
    """Return the task of a file; the same object for as long as the file does not change.

    Raises:
        RecipeError: the file cannot be read or used.
    """
    path = path.expanduser().absolute()
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise RecipeError(
            f"Cannot read the task file {path}: {error.strerror}.", "'nlu-rl tasks new my.csv' writes one."
        ) from None
    return _own_task(path, changed)


@lru_cache
def _own_task(path: Path, changed: int) -> DatasetTask:
    file = load_task_file(path)
    return make_task(file, path.parent)


def make_task(file: TaskFile, folder: Path) -> "OwnTask":
    """Return the task a file describes; its data files are relative to `folder`."""
    if file.kind == "number":
        return OwnNumber(file, folder)
    return OwnSpan(file, folder) if file.kind == "span" else OwnClassification(file, folder)


class OwnTask(DatasetTask):
    """What own tasks of every kind share."""

    def __init__(self, file: TaskFile, folder: Path) -> None:
        self.file = file
        self.folder = folder
        self.name = file.name
        self.title = f"Your own task, from {file.train or file.validation or file.test}"
        self.metric = file.metric or METRICS[file.kind][0]
        self.system = file.system
        self.instructions = file.question()
        self.note = file.note
        self.passage = field_of(file.passage) if file.passage else field_of(file.text[0]) if len(file.text) == 1 else ""
        self.query = "\n".join(f"{heading(column)}: {{{field_of(column)}}}" for column in file.text)
        self.evaluation_split = "test" if file.test else "validation"
        self.submission_file = f"{file.name}.tsv"
        self._demonstrations = [self._demonstration(number, row) for number, row in enumerate(file.demonstrations)]

    @cached_property
    def schema(self) -> Schema:
        """The form of the user's rows."""
        file = self.file
        codes = (
            {code.casefold(): answer for code, answer in file.answers.items()} if isinstance(file.answers, dict) else {}
        )
        return Schema(
            name=f"own/{file.name}",
            task=file.name,
            fields=tuple(field_of(column) for column in file.text),
            answers=file.answer_names() or None,
            codes={" ".join(code.casefold().split()): " ".join(answer.split()) for code, answer in codes.items()},
            low=file.low,
            high=file.high,
            free_text=file.kind == "span",
            columns={**{field_of(column): (column,) for column in file.text}, "label": (file.label,)},
            bring="Correct the paths in the task file.",
        )

    @cached_property
    def data(self) -> OwnData:
        """The user's files."""
        names = {"train": self.file.train, "validation": self.file.validation, "test": self.file.test}
        files = {split: self.folder / Path(name).expanduser() for split, name in names.items() if name}
        columns = {field_of(column): column for column in self.file.text} | {"label": self.file.label}
        return OwnData(self.schema, files, columns)

    def load(self, split: Split) -> list[Example]:
        return [Example(row["id"], row["fields"], row["gold"]) for row in self.data.read(split).rows]

    def datasets(self) -> tuple[str, ...]:
        return ()

    def about(self) -> dict[str, Any]:
        parts = {split: self.data.read(split) for split in self.data.splits()}
        counts = {split: {"rows": len(part.rows), "refused": len(part.refused)} for split, part in parts.items()}
        return {"name": self.schema.name, "licence": self.schema.licence, "splits": counts, "damaged": ""}

    def left_out(self) -> list[str]:
        found = []
        for split, path in self.data.files.items():
            try:
                refused = self.data.read(split).refused
            except DataError as error:
                found.append(error.message)
                continue
            if refused:
                rows = "1 row is" if len(refused) == 1 else f"{len(refused):,} rows are"
                found.append(f"Of {path.name}, {rows} left out: {refusals_told(refused)}.")
        return found

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> list[Message]:
        return super().prompt(example, [*self._demonstrations, *shots])

    def query_text(self, example: Example) -> str:
        """Return the columns under their headings; a column's name may hold any characters."""
        return "\n".join(f"{heading(column)}: {example.fields[field_of(column)]}" for column in self.file.text)

    def _demonstration(self, number: int, row: dict[str, str]) -> Example:
        try:
            gold = self.schema.read_label(row["answer"])
        except ValueError as error:
            raise RecipeError(
                f"Demonstration {number + 1} of {self.name}: {error}.", "Correct it in the task file."
            ) from None
        return Example(
            f"demonstration-{number + 1}", {field_of(column): row[column] for column in self.file.text}, gold
        )


class OwnClassification(OwnTask, ClassificationTask):
    """One of a list of answers."""

    def __init__(self, file: TaskFile, folder: Path) -> None:
        self.answers = file.answer_names()
        self.submission_default = self.answers[0]
        super().__init__(file, folder)


class OwnNumber(OwnTask, RegressionTask):
    """A number between two bounds."""

    def __init__(self, file: TaskFile, folder: Path) -> None:
        self.low, self.high = file.low, file.high
        self.submission_default = str(self.middle)
        super().__init__(file, folder)


class OwnSpan(OwnTask, FreeTextTask):
    """A text."""

    def __init__(self, file: TaskFile, folder: Path) -> None:
        self.reward_of = file.reward
        super().__init__(file, folder)


def field_of(column: str) -> str:
    """Return the field of a text column."""
    return f"{column} text" if column.casefold() in RESERVED else column


def heading(column: str) -> str:
    """Return a column's name as people write it."""
    words = " ".join(column.replace("_", " ").split())
    return words[:1].upper() + words[1:]
