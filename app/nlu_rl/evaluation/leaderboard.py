"""Files for the official GLUE and SuperGLUE servers: one for every test set, in one zip (light).

A server takes a zip with all files or none. A row without a readable answer gets the task's default, the answer that
most of its rows have or a harmless one; so does every row of a test set nobody answered. The rows of the official test
sets are numbered from 0, so their count is all that is needed for that; only MultiRC's three numbers, for passage,
question and answer, have to be looked up in the cached test rows.
"""

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu_rl.errors import DataError, RecipeError, unknown_name
from nlu_rl.runs.files import disk_error
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example, Extracted
from nlu_rl.tasks.extraction import NOTHING
from nlu_rl.tasks.registry import get_task

Answers = Sequence[tuple[Example, Extracted]]
TEST_ROWS: Mapping[str, Mapping[str, int]] = {
    "glue": {
        "cola": 1063,
        "sst2": 1821,
        "mrpc": 1725,
        "stsb": 1379,
        "qqp": 390_965,
        "mnli": 9796,
        "mnli-mm": 9847,
        "qnli": 5463,
        "rte": 3000,
        "wnli": 146,
        "ax": 1104,
    },
    "superglue": {
        "boolq": 3245,
        "cb": 250,
        "copa": 500,
        "multirc": 9693,
        "record": 10_000,
        "superglue-rte": 3000,
        "wic": 1400,
        "wsc": 146,
        "ax-b": 1104,
        "ax-g": 356,
    },
}
"""By benchmark, its test sets and the rows of each (of MultiRC: answers)."""
ALSO_ANSWERS: Mapping[str, tuple[str, ...]] = {"mnli": ("mnli-mm", "ax"), "superglue-rte": ("ax-b", "ax-g")}
"""Test sets that have no training rows of their own, by the task whose models answer them."""
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """One file of a submission: what it holds, and how many of its rows are answered and how many are the default."""

    task: str
    name: str
    text: str
    answered: int
    filled: int


def official_rows(benchmark: str) -> Mapping[str, int]:
    """Return the test sets of a benchmark, and the rows of each. Raises RecipeError when there is no such benchmark."""
    if benchmark not in TEST_ROWS:
        raise RecipeError(unknown_name("benchmark", benchmark, TEST_ROWS), "Give glue or superglue.")
    return TEST_ROWS[benchmark]


def require_numbered(benchmark: str) -> None:
    """Raise DataError when the rows of a test set here cannot be numbered as the official file does."""
    for name, rows in official_rows(benchmark).items():
        _ids(get_task(name), rows)


def make_files(benchmark: str, answers: Mapping[str, Answers]) -> list[OfficialFile]:
    """Return every file of a submission, those without answers holding the default.

    Raises:
        DataError: answers to rows that the official test set does not have, or MultiRC's rows cannot be numbered.
    """
    return [_file(get_task(name), rows, answers.get(name, ())) for name, rows in official_rows(benchmark).items()]


def _file(task: DatasetTask, rows: int, answers: Answers) -> OfficialFile:
    ids = _ids(task, rows)
    given = {_number(example.id): (example, extracted) for example, extracted in answers}
    numbers = {_number(row_id): row_id for row_id in ids}
    if strange := [example.id for number, (example, _) in given.items() if number not in numbers]:
        raise DataError(
            f"{len(strange)} of the answers for {task.name} are to rows its official test set does not have, such as "
            f"'{strange[0]}' (it has {rows:,} rows).",
            "Answer the official test split.",
        )
    nothing = {number: (Example(row_id, {}, None), NOTHING) for number, row_id in numbers.items()}
    whole = [given.get(number, nothing[number]) for number in numbers]
    submission = task.submission(whole)
    answered = sum(extracted.value is not None for _, extracted in whole)
    return OfficialFile(task.name, submission.file_name, submission.text(), answered, len(whole) - answered)


def _ids(task: DatasetTask, rows: int) -> list[str]:
    """Return the ids of every row of the official test set, in its order."""
    if task.name != "multirc":
        return [f"test-{number}" for number in range(rows)]
    try:
        ids = [example.id for example in task.load("test")]
    except DataError as error:
        raise DataError(
            "The file for MultiRC numbers passages, questions and answers as its official test file does, and that "
            f"is not here: {error.message}",
            "Import it: nlu-rl data import superglue DIR --task multirc",
        ) from None
    if len(ids) != rows:
        raise DataError(
            f"The test split of multirc here has {len(ids):,} rows, and the official one {rows:,}.",
            "Import the official file: nlu-rl data import superglue DIR --task multirc",
        )
    return ids


def _number(row_id: str) -> tuple[int, ...] | str:
    """Return the official number of a row: its last part, or for MultiRC the last three."""
    _, *parts = row_id.split("-")
    chosen = parts if len(parts) == 3 and all(part.isdecimal() for part in parts) else parts[-1:]
    return tuple(int(part) for part in chosen) if chosen and chosen[-1].isdecimal() else row_id


def write_zip(target: Path, files: Sequence[OfficialFile], *, force: bool = False) -> None:
    """Write the files into a zip, without folders; equal files make an equal zip.

    Raises:
        DataError: it exists (without `force`), or its folder does not.
        RunError: the disk refuses; an earlier file is untouched.
    """
    check_zip_target(target, force=force)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            info = zipfile.ZipInfo(file.name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.text)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(buffer.getvalue())
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, f"write {target}") from None


def check_zip_target(target: Path, *, force: bool) -> None:
    """Raise DataError when the zip cannot or must not be written there."""
    if target.is_dir():
        raise DataError(f"{target} is a folder.", "Give the name of a file.")
    if os.path.lexists(target) and not force:
        raise DataError(f"{target} exists, and is not overwritten.", "Give another --to, or --force to replace it.")
