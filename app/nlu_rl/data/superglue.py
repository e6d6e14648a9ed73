"""The official SuperGLUE folder layout: one folder a task, `train.jsonl`, `val.jsonl`, `test.jsonl` in it.

The val split becomes `validation`; AX-b and AX-g are test splits in one file each. Rows are counted as the benchmark
counts them: MultiRC by answer, ReCoRD by query.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.official import ImportResult, Raw, TaskFolder, collect, find_folders, require_some, unlike_official
from nlu_rl.data.schema import get_schema
from nlu_rl.data.superglue_rows import ROWS_OF, RowsOf
from nlu_rl.data.tsv import read_lines

FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}
FOLDERS = {
    "BoolQ": "boolq",
    "CB": "cb",
    "COPA": "copa",
    "MultiRC": "multirc",
    "ReCoRD": "record",
    "RTE": "superglue-rte",
    "WiC": "wic",
    "WSC": "wsc",
    "AX-b": "ax-b",
    "AX-g": "ax-g",
}


def import_superglue(directory: Path, *, task: str | None = None, strict: bool = False) -> ImportResult:
    """Read the official folder (or one task's folder of it) and put its rows into the cache.

    Raises:
        DataError: no such folder, nothing in it to import, a split that is empty or unreadable, or, with `strict`, a
            refused row. Nothing is written then.
    """
    result = ImportResult()
    known = {folder.casefold(): TaskFolder(folder, (name,), _files(folder)) for folder, name in FOLDERS.items()}
    chosen = "superglue-rte" if task == "rte" else task
    for found, folder in find_folders("SuperGLUE", directory, known, chosen, result.skipped):
        splits = {"test": f"{found.folder}.jsonl"} if found.folder.startswith("AX") else FILES
        for split, file_name in splits.items():
            path = folder / file_name
            if path.exists():
                result.splits.append(read_split(found.tasks[0], path, split))
    require_some("SuperGLUE", directory, FOLDERS, result)
    result.write(strict=strict)
    return result


def _files(folder: str) -> tuple[str, ...]:
    return (f"{folder}.jsonl",) if folder.startswith("AX") else tuple(FILES.values())


def read_split(task: str, path: Path, split: str) -> SplitRows:
    """Return the rows of one file, and the rows refused.

    Raises:
        DataError: the file is unreadable or has not one usable row.
    """
    source = f"official SuperGLUE folder, {path.parent.name}/{path.name}"
    return collect(get_schema(task), split, source, path, _raws(ROWS_OF[task], path, split), own_ids=True)


def _raws(rows_of: RowsOf, path: Path, split: str) -> Iterator[tuple[int, Raw | Refusal]]:
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            yield number, line
            continue
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            yield number, Refusal(number, "not valid JSON")
            continue
        if not isinstance(record, dict):
            yield number, Refusal(number, "not a JSON object")
            continue
        try:
            for raw in rows_of(split, record):
                yield number, raw
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield number, Refusal(number, unlike_official(error))
