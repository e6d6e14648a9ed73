"""What importers of an official folder share: finding the tasks' folders, and writing all of it or nothing.

Everything is read before anything is written, so a folder that cannot be used changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.schema import Schema
from nlu_rl.errors import DataError, unknown_name

Raw = tuple[str, dict[str, str], str | None]
"""A row before it is checked: its id, its texts by field, its label as the file writes it (None: unlabelled)."""
UNLABELLED = ("", "-1", "-")


@dataclass(slots=True)
class ImportResult:
    """What an import did: the splits it read, and what it left aside, in words."""

    splits: list[SplitRows] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def write(self, *, strict: bool) -> None:
        """Put the splits into the cache.

        Raises:
            DataError: with `strict`, a refused row. Nothing is written then.
        """
        bad = [(part, refusal) for part in self.splits for refusal in part.refused]
        if strict and bad:
            part, refusal = bad[0]
            raise DataError(
                f"{len(bad)} {'rows are' if len(bad) > 1 else 'row is'} refused, the first in {part.schema.task} "
                f"{part.split}, {refusal}.",
                "Nothing was changed. Correct them, or import without --strict.",
            )
        done: list[str] = []
        for name in dict.fromkeys(part.schema.name for part in self.splits):
            try:
                write_splits(name, [part for part in self.splits if part.schema.name == name])
            except DataError as error:
                raise DataError(f"{error.message} {_told(done)}", error.fix) from None
            done.append(name)


def _told(done: Sequence[str]) -> str:
    """Say what an import had done before it broke off."""
    return f"Imported before that: {', '.join(done)}." if done else "Nothing was imported before that."


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A folder of a benchmark: its tasks, and every file that may hold rows of them."""

    folder: str
    tasks: tuple[str, ...]
    files: tuple[str, ...]


def find_folders(
    benchmark: str, directory: Path, known: Mapping[str, TaskFolder], task: str | None, skipped: list[str]
) -> Iterator[tuple[TaskFolder, Path]]:
    """Yield the folders with something to import; those without are told in `skipped`.

    `known` is by folder name in small letters. `directory` may also be one task's own folder.

    Raises:
        DataError: no such folder, or no such task.
    """
    tasks = list(dict.fromkeys(name for folder in known.values() for name in folder.tasks))
    if task is not None and task not in tasks:
        raise DataError(unknown_name(f"{benchmark} task", task, tasks), "Leave --task out to import them all.")
    if not directory.is_dir():
        raise DataError(f"{directory} is not a folder.", f"Give the official {benchmark} folder.")
    own = known.get(directory.resolve().name.casefold())
    entries = [directory] if own and _present(own, directory) else sorted(directory.iterdir())
    for entry in entries:
        if not entry.is_dir():
            continue
        found = known.get(entry.resolve().name.casefold() if entry is directory else entry.name.casefold())
        if found is None:
            skipped.append(f"{entry.name}: not a {benchmark} task")
        elif task is None or task in found.tasks:
            if _present(found, entry):
                yield found, entry
            else:
                skipped.append(f"{entry.name}: no {', '.join(found.files)} in it")


def _present(folder: TaskFolder, path: Path) -> bool:
    return any((path / name).exists() for name in folder.files)


def require_some(benchmark: str, directory: Path, folders: Iterable[str], result: ImportResult) -> None:
    """Raise DataError when nothing was found."""
    if result.splits:
        return
    skipped = f" (there are: {'; '.join(result.skipped)})" if result.skipped else ""
    raise DataError(
        f"{directory} holds none of the {benchmark} tasks{skipped}.",
        f"Give the folder that holds {', '.join(folders)}, under these names and each with the official files.",
    )


def unlike_official(error: Exception) -> str:
    """Return why a row is refused that could not be read; only a ValueError says it in words for the user."""
    if isinstance(error, KeyError):
        return f"no {error.args[0]!r} in it"
    return str(error) if isinstance(error, ValueError) else "a value in it is of another type than in the official file"


def collect(
    schema: Schema,
    split: str,
    source: str,
    path: Path,
    raws: Iterable[tuple[int, Raw | Refusal]],
    *,
    own_ids: bool = False,
) -> SplitRows:
    """Check every row: labels must be right in train and validation, and may be missing in test.

    `own_ids`: the ids are the file's own; of several rows with one id the first is taken, as predictions go by it.

    Raises:
        DataError: not one row can be used.
    """
    rows: list[Row] = []
    refused: list[Refusal] = []
    seen: set[str] = set()
    for line, raw in raws:
        if isinstance(raw, Refusal):
            refused.append(raw)
            continue
        row_id, texts, label = raw
        if split == "test" and (label is None or label.strip() in UNLABELLED):
            label = None
        elif label is None:
            label = ""
        try:
            row = make_row(schema, row_id, texts, label)
        except ValueError as error:
            refused.append(Refusal(line, str(error)))
            continue
        if own_ids and row_id in seen:
            refused.append(Refusal(line, f"its id '{row_id}' is that of an earlier row"))
            continue
        seen.add(row_id)
        rows.append(row)
    if not rows:
        reasons = f" All {len(refused)} rows were refused, the first: {refused[0]}." if refused else ""
        raise DataError(
            f"The split '{split}' of {schema.task} is empty: {path} has no usable row.{reasons}",
            "Nothing was changed. Download the file again, or leave it out.",
        )
    return SplitRows(schema, split, source, rows, refused)
