"""The zero-shot transfer sets in the forms they are published in, and Amazon reviews.

Financial PhraseBank is Latin-1, one `text@label` a line; Emotion one `text;label` a line; the others are CSV or JSON
lines, read as a user's own file is. A file whose name says neither train nor validation is the `test` split.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.files import read_file
from nlu_rl.data.official import ImportResult, Raw, collect
from nlu_rl.data.records import csv_lines
from nlu_rl.data.schema import get_schema
from nlu_rl.data.schemas_other import STARS
from nlu_rl.data.tsv import kind_suffix, read_bytes
from nlu_rl.errors import DataError, unknown_name

TASKS = ("financial-phrasebank", "financial-news", "mental-health", "emotion", "babi-nli", "siga-nli")
NAMES = {
    "financial-phrasebank": ("phrasebank", "sentences_allagree", "sentences_75agree", "sentences_66", "sentences_50"),
    "financial-news": ("fin_cleaned", "financial-news", "financial_news", "labelled_financial"),
    "mental-health": ("mental", "combined data", "combined_data"),
    "emotion": ("emotion",),
    "babi-nli": ("babi",),
    "siga-nli": ("siga",),
}
"""What the name of a file or its folder holds, in small letters, by which its task is known."""
SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".json", ".parquet")
_MARKED = {"financial-phrasebank": ("@", "iso-8859-1"), "emotion": (";", "utf-8")}
"""The sets of `text<mark>label` lines: the mark, and the encoding."""


def import_transfer(
    path: Path,
    *,
    task: str | None = None,
    split: str | None = None,
    columns: dict[str, str] | None = None,
    strict: bool = False,
) -> ImportResult:
    """Read a file, or every file of a folder that is known by its name, and put the rows into the cache.

    The split of a file follows from its name unless `split` says it. Of several files of one split the first is taken;
    of Financial PhraseBank the one on which all annotators agree.

    Raises:
        DataError: nothing to import, a file that cannot be read, or, with `strict`, a refused row. Nothing is written
            then.
    """
    if task is not None and task not in TASKS:
        raise DataError(unknown_name("transfer set", task, TASKS), "Give one of them.")
    result = ImportResult()
    for (name, of_name), file in _files(path, task, result.skipped).items():
        result.splits.append(read_set(name, file, split or of_name, columns))
    if not result.splits:
        raise DataError(
            f"{path} holds no file that is known by its name as a transfer set.",
            f"Give a file and --task; the sets are {', '.join(TASKS)}.",
        )
    result.write(strict=strict)
    return result


def import_amazon(
    path: Path, *, split: str = "test", columns: dict[str, str] | None = None, strict: bool = False
) -> ImportResult:
    """Read reviews with their ratings from 1 to 5 and put them into the cache.

    Files with columns by name, and `amazon_review_full` (Zhang et al. 2015), whose rows are rating, title and text.

    Raises:
        DataError: a file that cannot be read, or, with `strict`, a refused row. Nothing is written then.
    """
    if path.is_dir():
        files = sorted(file.name for file in path.iterdir() if kind_suffix(file) in SUFFIXES)
        raise DataError(f"{path} is a folder.", f"Give one of its files: {', '.join(files[:9]) or 'it holds none'}.")
    if _is_review_full(path):
        part = collect(get_schema("amazon"), split, f"file {path.name}", path, _review_full(path, split))
    else:
        part = read_file(get_schema("amazon"), path, split=split, columns=columns)
    result = ImportResult([part])
    result.write(strict=strict)
    return result


def _is_review_full(path: Path) -> bool:
    """Whether a CSV begins with a rating where others have their columns' names."""
    if kind_suffix(path) != ".csv":
        return False
    first = next(csv_lines(path, ","), None)
    return first is not None and isinstance(first[1], list) and len(first[1]) == 3 and first[1][0].strip() in STARS


def _review_full(path: Path, split: str) -> Iterator[tuple[int, Raw | Refusal]]:
    """Yield the rows of rating, title and text; the text follows its title on a line of its own."""
    for number, columns in csv_lines(path, ","):
        if isinstance(columns, Refusal):
            yield number, columns
        elif len(columns) != 3:
            yield number, Refusal(number, f"{len(columns)} columns instead of 3")
        else:
            rating, title, text = columns
            yield number, (f"{split}-{number}", {"text": "\n".join(filter(None, (title.strip(), text)))}, rating)


def read_set(task: str, path: Path, split: str, columns: dict[str, str] | None = None) -> SplitRows:
    """Return the rows of one file, and the rows refused.

    Raises:
        DataError: an unreadable file, or not one usable row.
    """
    if task in _MARKED and kind_suffix(path) not in SUFFIXES[1:]:
        mark, encoding = _MARKED[task]
        return collect(get_schema(task), split, f"file {path.name}", path, _marked(path, mark, encoding, split))
    kind = "csv" if kind_suffix(path) == ".txt" else None
    return read_file(get_schema(task), path, split=split, kind=kind, columns=columns)


def _marked(path: Path, mark: str, encoding: str, split: str) -> Iterator[tuple[int, Raw | Refusal]]:
    """Yield the rows of `text<mark>label` lines, from number 0; a first line whose label is `label...` is a header."""
    first = 1
    for number, line in enumerate(read_bytes(path).rstrip(b"\r\n").split(b"\n"), start=1):
        try:
            text, found, label = line.decode(encoding).rstrip("\r").rpartition(mark)
        except UnicodeDecodeError:
            yield number, Refusal(number, f"the line is not {encoding.upper()} text")
            continue
        if number == 1 and label.strip().casefold().startswith("label"):
            first = 2
            continue
        if not found:
            yield number, Refusal(number, f"no '{mark}' between text and label")
        elif not label.strip():
            yield number, Refusal(number, "the label is empty")
        else:
            yield number, (f"{split}-{number - first}", {"text": text}, label)


def _files(path: Path, task: str | None, skipped: list[str]) -> dict[tuple[str, str], Path]:
    """Return the file of each task and split."""
    if not path.is_dir():
        name = task or _task_of(Path(path.name))
        return {(name, _split_of(path)): path} if name else {}
    found: dict[tuple[str, str], Path] = {}
    for file in sorted(path.rglob("*"), key=lambda file: ("allagree" not in file.name.casefold(), file)):
        if not file.is_file() or kind_suffix(file) not in SUFFIXES:
            continue
        own, name = file.relative_to(path), _task_of(file.relative_to(path))
        if name is None or task not in (None, name):
            skipped.extend(
                [f"{own}: not known by its name; to take it, give the file with --task"] if task is None else []
            )
        elif (name, _split_of(file)) in found:
            skipped.append(f"{own}: {found[name, _split_of(file)].name} is taken")
        else:
            found[name, _split_of(file)] = file
    return found


def _split_of(path: Path) -> str:
    words = re.split(r"[^a-z]+", path.stem.casefold())
    splits = {"train": "train", "val": "validation", "validation": "validation", "dev": "validation"}
    return next((splits[word] for word in words if word in splits), "test")


def _task_of(path: Path) -> str | None:
    text = str(path).casefold()
    return next((task for task, words in NAMES.items() if any(word in text for word in words)), None)
