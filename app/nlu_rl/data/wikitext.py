"""WikiText: running text for perplexity, in the cache as one row an article, nothing of it changed.

The raw files hold ` = Title = ` and a blank line above each article; a row keeps its article to the last space, so that
the rows of a split one after the other are the file. Only a byte order mark and the carriage returns of line ends are
set aside. A text without such headings is one row.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from nlu_rl.data.cache import read_rows
from nlu_rl.data.checks import Refusal, Row, SplitRows
from nlu_rl.data.official import ImportResult
from nlu_rl.data.schema import get_schema
from nlu_rl.data.tsv import read_bytes
from nlu_rl.errors import DataError

NAME = "wikitext2"
SPLIT_WORDS = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation", "test": "test"}
SUFFIXES = (".raw", ".txt", ".parquet")
BLANK = " \n"
_BOM = b"\xef\xbb\xbf"
_HEADING = re.compile(r" = [^=].* = ")


def import_wikitext(path: Path, *, split: str | None = None, strict: bool = False) -> ImportResult:
    """Read the official raw folder, or one file (raw text, or the hub's Parquet), and put its text into the cache.

    The split of a file follows from its name (train, valid, test) unless `split` says it.

    Raises:
        DataError: nothing to import, an unreadable or empty file, or, with `strict`, a line that is not UTF-8. Nothing
            is written then.
    """
    result = ImportResult()
    for name, file in _files(path, split, result.skipped).items():
        result.splits.append(read_split(file, name))
    result.write(strict=strict)
    return result


def read_split(path: Path, split: str) -> SplitRows:
    """Return the articles of a file; lines that are not UTF-8 are refused.

    Raises:
        DataError: an unreadable file, or one without text.
    """
    lines, refused = _parquet_lines(path) if path.suffix.casefold() == ".parquet" else _text_lines(path)
    rows = article_rows(lines, split)
    if not rows:
        raise DataError(f"{path} holds no text.", "Nothing was changed. Give the raw text file.")
    return SplitRows(get_schema(NAME), split, f"file {path.name}", rows, refused)


def article_rows(lines: Iterable[str], split: str) -> list[Row]:
    """Return the lines, each with its end, as rows of whole articles; what stands before the first goes with it."""
    articles: list[list[str]] = []
    titled = False
    for line, after in pairwise([*lines, ""]):
        heading = not after.strip() and _HEADING.fullmatch(line.rstrip("\n")) is not None
        if not articles or (heading and titled):
            articles.append([])
        titled = titled or heading
        articles[-1].append(line)
    texts = ["".join(article) for article in articles]
    if not any(text.strip() for text in texts):
        return []
    return [{"id": f"{split}-{number}", "fields": {"text": text}, "gold": None} for number, text in enumerate(texts)]


def lines_of_hub(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the raw file's lines from the hub's rows, in which a blank line (a space) is an empty text."""
    return [str(row["text"]) or BLANK for row in rows]


def read_text(split: str = "test", data: Path | None = None) -> str:
    """Return the whole text of a split of the cache, or of a file of one's own.

    Raises:
        DataError: it is not here, damaged, or holds no text.
    """
    if data is None:
        return "".join(row["fields"]["text"] for row in read_rows(NAME, split))
    part = read_split(data, split)
    if part.refused:
        raise DataError(f"{data} is not UTF-8 text: {part.refused[0]}.", "Save the file as UTF-8.")
    return "".join(row["fields"]["text"] for row in part.rows)


def _text_lines(path: Path) -> tuple[list[str], list[Refusal]]:
    lines: list[str] = []
    refused: list[Refusal] = []
    content = read_bytes(path).removeprefix(_BOM).replace(b"\r\n", b"\n")
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError:
            refused.append(Refusal(number, "the line is not UTF-8 text"))
    return lines, refused


def _parquet_lines(path: Path) -> tuple[list[str], list[Refusal]]:
    from nlu_rl.data.files import read_table

    rows, refused = read_table(path)
    if "text" not in rows[0]:
        raise DataError(f"{path} has no column 'text' (it has: {', '.join(rows[0])}).", "Give the hub's own file.")
    return lines_of_hub(rows), refused


def _files(path: Path, split: str | None, skipped: list[str]) -> dict[str, Path]:
    if not path.is_dir():
        return {split or _split_of(path) or "test": path}
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        name = _split_of(file)
        if not file.is_file() or name is None or not _is_wikitext(file):
            skipped.append(f"{file.name}: not one of the raw texts")
        elif name in found:
            skipped.append(f"{file.name}: {found[name].name} is taken")
        elif split in (None, name):
            found[name] = file
    if not found:
        raise DataError(
            f"{path} holds none of the raw texts, such as wiki.test.raw.",
            "Give the folder of the raw files, or one of them.",
        )
    return found


def _is_wikitext(path: Path) -> bool:
    """Whether a file of a folder is of the data set: by its ending, or as text that it or its folder calls so."""
    suffix = path.suffix.casefold()
    named = "wiki" in path.name.casefold() or "wiki" in path.resolve().parent.name.casefold()
    return suffix in SUFFIXES and (named or suffix != ".txt")


def _split_of(path: Path) -> str | None:
    words: Sequence[str] = re.split(r"[^a-z]+", path.name.casefold())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)
