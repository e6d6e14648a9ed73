"""The official GLUE folder layout: one folder a task, `train.tsv`, `dev.tsv`, `test.tsv` in it.

The dev split becomes `validation`; the official test split has no labels and stays `test`. Everything is read before
anything is written, so a folder that cannot be used changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import Refusal, Row, SplitRows, count_overlap, make_row
from nlu_rl.data.schema import Schema, get_schema
from nlu_rl.data.tsv import read_columns
from nlu_rl.errors import DataError, unknown_name

FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
NOT_YET = ("MNLI", "MRPC", "QNLI", "QQP", "RTE", "WNLI", "diagnostic", "AX", "SNLI")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a task's columns stand. `columns` are the file's names of the schema's fields, in its order.

    `bare` is the columns of the labelled files when those have no header line.
    """

    folder: str
    task: str
    columns: tuple[str, ...]
    label: str
    bare: tuple[str, ...] = ()

    @property
    def schema(self) -> Schema:
        return get_schema(self.task)


LAYOUTS = (
    Layout("CoLA", "cola", ("sentence",), "label", bare=("source", "label", "star", "sentence")),
    Layout("SST-2", "sst2", ("sentence",), "label"),
    Layout("STS-B", "stsb", ("sentence1", "sentence2"), "score"),
)


@dataclass(slots=True)
class GlueImport:
    """What an import did. `overlap` is, by task, the validation rows whose text is also in the training rows."""

    splits: list[SplitRows] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    overlap: dict[str, int] = field(default_factory=dict)


def import_glue(directory: Path, *, task: str | None = None, strict: bool = False) -> GlueImport:
    """Read the official folder (or one task's folder of it) and put its rows into the cache.

    Raises:
        DataError: no such folder, nothing in it to import, a split that is empty or unreadable, or, with `strict`, a
            refused row. Nothing is written then.
    """
    result = GlueImport()
    for layout, folder in _task_folders(directory, task, result):
        for split, file_name in FILES.items():
            path = folder / file_name
            if path.exists():
                result.splits.append(read_split(layout, path, split))
    if not result.splits:
        known = ", ".join(layout.folder for layout in LAYOUTS)
        skipped = f" (there are: {'; '.join(result.skipped)})" if result.skipped else ""
        raise DataError(
            f"{directory} holds none of the GLUE tasks that can be imported{skipped}.",
            f"Give the folder that holds {known}, each with train.tsv, dev.tsv or test.tsv.",
        )
    if strict:
        _refuse_refusals(result.splits)
    for name in {part.schema.name: None for part in result.splits}:
        parts = [part for part in result.splits if part.schema.name == name]
        by_split = {part.split: part.rows for part in parts}
        if "train" in by_split and "validation" in by_split:
            result.overlap[parts[0].schema.task] = count_overlap(by_split["train"], by_split["validation"])
        write_splits(name, parts)
    return result


def _task_folders(directory: Path, task: str | None, result: GlueImport) -> list[tuple[Layout, Path]]:
    """Return the folders to import, and note in `result.skipped` those that are not."""
    tasks = [layout.task for layout in LAYOUTS]
    if task is not None and task not in tasks:
        raise DataError(unknown_name("GLUE task", task, tasks), "Leave --task out to import them all.")
    if not directory.is_dir():
        raise DataError(f"{directory} is not a folder.", "Give the official GLUE folder.")
    by_name = {layout.folder.casefold(): layout for layout in LAYOUTS}
    own = by_name.get(directory.resolve().name.casefold())
    if own and any((directory / name).exists() for name in FILES.values()):
        return [(own, directory)] if task in (None, own.task) else []
    found = []
    for folder in sorted(entry for entry in directory.iterdir() if entry.is_dir()):
        layout = by_name.get(folder.name.casefold())
        if layout is None:
            known = folder.name.casefold() in (name.casefold() for name in NOT_YET)
            result.skipped.append(f"{folder.name}: {'not supported yet' if known else 'not a GLUE task'}")
        elif task in (None, layout.task):
            found.append((layout, folder))
            if not any((folder / name).exists() for name in FILES.values()):
                result.skipped.append(f"{folder.name}: no {', '.join(FILES.values())} in it")
    return found


def read_split(layout: Layout, path: Path, split: str) -> SplitRows:
    """Return the rows of one file, and the rows refused.

    Raises:
        DataError: the file is unreadable, has not the expected header, or not one usable row.
    """
    schema = layout.schema
    labelled = split != "test"
    lines = list(read_columns(path))
    header = list(layout.bare) if layout.bare and labelled else None
    if header is None:
        first = lines.pop(0)[1] if lines else []
        header = [] if isinstance(first, Refusal) else [name.strip() for name in first]
        _check_header(layout, path, header, labelled)
    rows: list[Row] = []
    refused: list[Refusal] = []
    for index, (number, columns) in enumerate(lines):
        if isinstance(columns, Refusal):
            refused.append(columns)
            continue
        try:
            rows.append(_row(layout, header, columns, f"{split}-{index}", split))
        except ValueError as error:
            refused.append(Refusal(number, str(error)))
    if not rows:
        reasons = f" All {len(refused)} rows were refused, the first: {refused[0]}." if refused else ""
        raise DataError(
            f"The split '{split}' of {layout.folder} is empty: {path} has no usable row.{reasons}",
            "Nothing was changed. Download the file again, or leave it out.",
        )
    return SplitRows(schema, split, f"official GLUE folder, {layout.folder}/{path.name}", rows, refused)


def _check_header(layout: Layout, path: Path, header: list[str], labelled: bool) -> None:
    wanted = [*layout.columns, *([layout.label] if labelled else [])]
    missing = [name for name in wanted if name not in header]
    if not header:
        raise DataError(
            f"{path} is empty or not text, so {layout.folder} cannot be imported.",
            "Nothing was changed. Download the file again, or leave it out.",
        )
    if missing:
        seen = ", ".join(header)[:80] or "nothing"
        raise DataError(
            f"{path} is not the official {layout.folder} file: its first line has no column "
            f"{' and no column '.join(missing)} (it has: {seen}).",
            "Nothing was changed. Give the official file, tab-separated with its header line.",
        )


def _row(layout: Layout, header: Sequence[str], columns: list[str], row_id: str, split: str) -> Row:
    if len(columns) != len(header):
        blank = " (a blank line)" if columns == [""] else ""
        raise ValueError(f"{len(columns)} column{'s' * (len(columns) != 1)} instead of {len(header)}{blank}")
    values = dict(zip(header, columns, strict=True))
    texts = dict(zip(layout.schema.fields, (values[name] for name in layout.columns), strict=True))
    if split == "test":
        index = values.get("index", "").strip()
        return make_row(layout.schema, f"test-{index}" if index.isdigit() else row_id, texts, None)
    return make_row(layout.schema, row_id, texts, values[layout.label])


def _refuse_refusals(splits: Sequence[SplitRows]) -> None:
    bad = [(part, refusal) for part in splits for refusal in part.refused]
    if bad:
        part, refusal = bad[0]
        raise DataError(
            f"{len(bad)} rows are refused, the first in {part.schema.task} {part.split}, {refusal}.",
            "Nothing was changed. Correct them, or import without --strict.",
        )
