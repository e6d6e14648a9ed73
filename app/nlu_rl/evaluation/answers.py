"""The file of answers: a user's rows with the answer and how it was read (`strict`, `lenient`, `none`) after them.

It is written whole beside its place and then moved there, and never over an existing file unless told to.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.errors import DataError
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.runs.files import disk_error


def check_target(target: Path, source: Path | None = None, *, force: bool) -> None:
    """Raise DataError when the answers to the rows of `source` cannot or must not be written there."""
    if source is not None and target.exists() and source.exists() and target.samefile(source):
        raise DataError(f"{target} is the file the rows come from.", "Give another --to.")
    if os.path.lexists(target) and not force:
        raise DataError(f"{target} exists, and is not overwritten.", "Give another --to, or --force to replace it.")
    if target.is_dir():
        raise DataError(f"{target} is a folder.", "Give the name of a file.")
    if target.suffix.lower() != ".csv":
        raise DataError(f"Answers are written as CSV, and {target.name} is not named so.", "Give --to a name in .csv.")
    if not target.absolute().parent.is_dir():
        raise DataError(f"The folder {target.absolute().parent} does not exist.", "Make it first.")


def write_answers(
    target: Path, records: Sequence[Mapping[str, Any]], predictions: Sequence[Prediction], *, force: bool = False
) -> None:
    """Write the rows with their answers as CSV.

    Raises:
        DataError: the file exists (without `force`).
        RunError: the disk refuses; an earlier file is untouched.
    """
    columns = list(dict.fromkeys(name for record in records for name in record))
    answer, parsed = _free_name("answer", columns), _free_name("parsed", columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, answer, parsed])
    for record, prediction in zip(records, predictions, strict=True):
        cells = [_cell(record.get(name)) for name in columns]
        writer.writerow([*cells, prediction.extracted.value or "", prediction.extracted.how])
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(text.getvalue().encode("utf-8"))
        if force:
            os.replace(temporary, target)
        else:
            os.link(temporary, target)  # fails when the file has come into being meanwhile
            temporary.unlink()
    except FileExistsError:
        temporary.unlink(missing_ok=True)
        check_target(target, force=False)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, f"write {target}") from None


def _cell(value: Any) -> str:
    """Return a value of the user's file as text: texts as they are, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _free_name(name: str, columns: Sequence[str]) -> str:
    """Return a column name that the user's file does not have."""
    while name in columns:
        name = f"model_{name}"
    return name
