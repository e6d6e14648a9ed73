"""Records out of a file: CSV, TSV, JSON lines (or one JSON list) or Parquet, each as a mapping from column to value.

Nothing here knows what a column means. CSV follows RFC 4180 (comma, or semicolon or tab where the header says so); TSV
has no quoting, as in GLUE. A line that cannot be read comes as a Refusal, with its number.
"""

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.data.checks import Refusal
from nlu_rl.data.tsv import kind_suffix, read_bytes, read_columns, read_lines, require_file
from nlu_rl.errors import DataError

KINDS = ("csv", "jsonl", "parquet", "tsv")
PARQUET = b"PAR1"
"""What a Parquet file begins with."""
_NOT_TEXT = re.compile("[\udc80-\udcff]")
Record = tuple[int, "dict[str, Any] | Refusal"]
"""The line a record begins at (of Parquet and of a JSON list: its number), and the record."""


def file_kind(path: Path) -> str:
    """Return the kind a file's name says. Raises DataError when it says none."""
    kind = {"json": "jsonl", "ndjson": "jsonl"}.get(suffix := kind_suffix(path).lstrip("."), suffix)
    if kind not in KINDS:
        raise DataError(
            f"The kind of {path} is not known by its name.", f"Name it .{', .'.join(KINDS)}, or one of these with .gz."
        )
    return kind


def records_of(path: Path, kind: str, names: Sequence[str] = ()) -> Iterator[Record]:
    """Return the records of a file. `names` are columns to look for, by which a CSV's delimiter is known.

    Raises:
        DataError: unreadable file, or one that is not of its kind.
    """
    if kind != "parquet" and _begins_as_parquet(path):
        raise DataError(f"{path} is a Parquet file.", "Name it .parquet, or write 'nlu-rl data import parquet'.")
    if kind == "csv":
        return _csv_records(path, names)
    if kind == "tsv":
        return _table(path, read_columns(path))
    if kind == "jsonl":
        return _json_records(path)
    return _parquet_records(path)


def _begins_as_parquet(path: Path) -> bool:
    require_file(path)
    try:
        with path.open("rb") as file:
            return file.read(len(PARQUET)) == PARQUET
    except OSError:
        return False  # whoever reads it says why not


def _table(path: Path, lines: Iterable[tuple[int, list[str] | Refusal]]) -> Iterator[Record]:
    """Pair each line with the header, which is the first."""
    header: list[str] | None = None
    for number, columns in lines:
        if isinstance(columns, Refusal):
            if header is None:
                raise DataError(
                    f"The first line of {path} is no header: {columns.reason}.",
                    "The first line names the columns, in UTF-8; for rows of JSON write 'nlu-rl data import jsonl'.",
                )
            yield number, columns
        elif header is None:
            header = [name.strip() for name in columns]
            if twice := next((name for name in header if name and header.count(name) > 1), None):
                raise DataError(f"{path} has two columns called '{twice}'.", "Rename one of them.")
        elif len(columns) != len(header):
            reason = f"{len(columns)} column{'s' * (len(columns) != 1)} instead of {len(header)}"
            yield number, Refusal(number, reason)
        else:
            yield number, dict(zip(header, columns, strict=True))


def _csv_records(path: Path, names: Sequence[str]) -> Iterator[Record]:
    text = _csv_text(path)
    first = text.split("\n", 1)[0]
    wanted = {name.casefold() for name in names}
    delimiter = next((mark for mark in ",;\t" if _names(first, mark) & wanted), None)
    delimiter = delimiter or max(",;\t", key=first.count)
    return _table(path, _csv_lines(text, delimiter))


def csv_lines(path: Path, delimiter: str) -> Iterator[tuple[int, list[str] | Refusal]]:
    """Return the columns of every line of a CSV without a header. Raises DataError for an unreadable file."""
    return _csv_lines(_csv_text(path), delimiter)


def _csv_text(path: Path) -> str:
    """Return the text of a file; what is not UTF-8 in it stays as lone surrogates, for its line to be refused."""
    content = read_bytes(path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is not UTF-8 text but UTF-16.", "Save the file as UTF-8.")
    text = content.decode("utf-8-sig", errors="surrogateescape")
    text = text.replace("\r\n", "\n")
    text = text.replace("\r", " " if "\n" in text else "\n")  # a lone carriage return is text, unless all ends are
    return text.rstrip("\n")


def _names(line: str, delimiter: str) -> set[str]:
    return {name.strip().strip('"').casefold() for name in line.split(delimiter)}


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | Refusal]]:
    csv.field_size_limit(2**31 - 1)
    lines = text.split("\n")
    skipped = misread = 0
    reader = _reader(lines, skipped, delimiter)
    while True:
        number = skipped + reader.line_num + 1
        try:
            columns = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = skipped + reader.line_num
            if last == number and "end of data" not in str(error):
                yield number, Refusal(number, f"not valid CSV: {error}")
                continue
            # Lines were read as one text: go on behind the one that opens it.
            reason = f"a quotation mark opens on line {number} and does not close where a text may end"
            yield number, Refusal(number, reason)
            skipped, misread = number, max(misread, last)
            reader = _reader(lines, skipped, delimiter)
            continue
        if number <= misread and "".join(lines[number - 1 : skipped + reader.line_num]).count('"') % 2:
            yield number, Refusal(number, "a quotation mark without its pair, after one that does not close")
        elif any(map(_NOT_TEXT.search, columns)):
            yield number, Refusal(number, "the line is not UTF-8 text")
        elif columns:  # a blank line between records is no row
            yield number, columns


def _reader(lines: Sequence[str], start: int, delimiter: str) -> Any:
    return csv.reader((f"{lines[n]}\n" for n in range(start, len(lines))), delimiter=delimiter, strict=True)


def _json_records(path: Path) -> Iterator[Record]:
    listed = _json_list(path)
    if listed is not None:
        yield from enumerate(
            (item if isinstance(item, dict) else Refusal(n, "not a JSON object") for n, item in enumerate(listed, 1)), 1
        )
        return
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            yield number, line
            continue
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield number, Refusal(number, "not valid JSON")
            continue
        ok = isinstance(record, dict)
        yield number, record if ok else Refusal(number, "not a JSON object")


def _json_list(path: Path) -> list[Any] | None:
    """Return the items of a file that is one JSON list; None when it is anything else."""
    content = read_bytes(path).removeprefix(b"\xef\xbb\xbf").strip()
    if not content.startswith(b"["):
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _parquet_records(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file; the line of a row is its number, from 1."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    require_file(path)
    try:
        table = pyarrow.parquet.read_table(path)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or _why_not(path)}.", "Give a readable file.") from None
    except pyarrow.ArrowException:
        raise DataError(f"{path} is not a Parquet file.", "Give a readable file.") from None
    yield from enumerate(table.to_pylist(), start=1)


def _why_not(path: Path) -> str:
    return "not a Parquet file" if path.exists() else "No such file or directory"
