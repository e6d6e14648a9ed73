"""The official GLUE folder layout: one folder a task, `train.tsv`, `dev.tsv`, `test.tsv` in it.

The dev split becomes `validation`; the official test split has no labels and stays `test`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.files import read_file
from nlu_rl.data.glue_layout import DEV_IDS, LAYOUTS, Layout, TableFile, folders
from nlu_rl.data.official import ImportResult, Raw, collect, find_folders, require_some
from nlu_rl.data.schema import get_schema
from nlu_rl.data.tsv import read_columns
from nlu_rl.errors import DataError


def import_glue(directory: Path, *, task: str | None = None, strict: bool = False) -> ImportResult:
    """Read the official folder (or one task's folder of it) and put its rows into the cache.

    Raises:
        DataError: no such folder, nothing in it to import, a split that is empty or unreadable, or, with `strict`, a
            refused row. Nothing is written then.
    """
    result = ImportResult()
    known = folders()
    for found, folder in find_folders("GLUE", directory, known, task, result.skipped):
        for layout in LAYOUTS:
            if layout.folder == found.folder and task in (None, layout.task):
                result.splits.extend(_read_task(layout, folder, result.skipped))
    require_some("GLUE", directory, [known[name].folder for name in known], result)
    result.write(strict=strict)
    return result


def _read_task(layout: Layout, folder: Path, skipped: list[str]) -> Iterator[SplitRows]:
    for split, files in layout.files.items():
        file = next((file for file in files if (folder / file.name).exists()), None)
        if file is None:
            continue
        if file.subset == "dev" and not (folder / DEV_IDS).exists():
            skipped.append(f"{layout.folder}: no {DEV_IDS}, so all of {file.name} is in train and none in validation")
            continue
        yield read_split(layout, file, folder / file.name, split)


def read_split(layout: Layout, file: TableFile, path: Path, split: str) -> SplitRows:
    """Return the rows of one file, and the rows refused.

    Raises:
        DataError: the file is unreadable, has not the expected header, or not one usable row.
    """
    schema = get_schema(layout.task)
    if path.suffix == ".jsonl":
        part = read_file(schema, path, split=split, labels="optional" if split == "test" else "required")
        for number, row in enumerate(part.rows):
            row["id"] = f"{split}-{number}"
        return part
    lines = list(read_columns(path))
    header = list(file.bare)
    if not header:
        first = lines.pop(0)[1] if lines else []
        header = [] if isinstance(first, Refusal) else [name.strip() for name in first]
        _check_header(layout, file, path, header)
    source = f"official GLUE folder, {layout.folder}/{path.name}"
    return collect(schema, split, source, path, _raws(file, path, split, schema.fields, header, lines))


def _raws(
    file: TableFile,
    path: Path,
    split: str,
    fields: Sequence[str],
    header: list[str],
    lines: Sequence[tuple[int, list[str] | Refusal]],
) -> Iterator[tuple[int, Raw | Refusal]]:
    dev = _dev_ids(path.parent) if file.subset else set()
    for index, (number, columns) in enumerate(lines):
        if isinstance(columns, Refusal):
            yield number, columns
        elif len(columns) != len(header):
            blank = " (a blank line)" if columns == [""] else ""
            reason = f"{len(columns)} column{'s' * (len(columns) != 1)} instead of {len(header)}{blank}"
            yield number, Refusal(number, reason)
        else:
            values = dict(zip(header, columns, strict=True))
            if file.subset and ((values["#1 ID"], values["#2 ID"]) in dev) != (file.subset == "dev"):
                continue
            texts = {field: values[name] for field, name in zip(fields, file.columns, strict=True)}
            label = values[file.label] if file.label else None
            yield number, (_row_id(file, split, values, index), texts, label)


def _row_id(file: TableFile, split: str, values: Mapping[str, str], index: int) -> str:
    """Return the id: for test rows with the official index, which the submission needs."""
    official = values.get(file.index, "").strip() if split == "test" else ""
    return f"{split}-{official if official.isdigit() else index}"


def _dev_ids(folder: Path) -> set[tuple[str, ...]]:
    path = folder / DEV_IDS
    if not path.exists():
        return set()
    return {tuple(columns[:2]) for _, columns in read_columns(path) if not isinstance(columns, Refusal)}


def _check_header(layout: Layout, file: TableFile, path: Path, header: list[str]) -> None:
    wanted = [*file.columns, *([file.label] if file.label else [])]
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
