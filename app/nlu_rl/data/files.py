"""A user's own rows from CSV, TSV, JSON lines or Parquet.

`read_file` tells which rows it refused; `read_examples` is for `eval --data` and `predict --data`, where every row must
be usable. Columns are found by name, or named by the user as `field=column`. CSV follows RFC 4180 (comma, or semicolon
or tab where the header says so); TSV has no quoting, as in GLUE.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.schema import Schema
from nlu_rl.data.tsv import read_bytes, read_columns, read_lines
from nlu_rl.errors import DataError, unknown_name
from nlu_rl.tasks.contract import Example

KINDS = ("csv", "jsonl", "parquet", "tsv")
MAX_SHOWN = 5

Labels = Literal["required", "optional", "ignored"]
"""Optional labels must be right where there are any; of ignored ones, those that are not answers count as none."""
UNLABELLED = ("", "-1")
Record = tuple[int, "dict[str, Any] | Refusal"]


class HasSchema(Protocol):
    """A task, as far as this module needs one."""

    @property
    def schema(self) -> Schema: ...


def read_examples(
    task: HasSchema, path: Path, require_labels: bool, *, columns: Mapping[str, str] | None = None
) -> list[Example]:
    """Return every row of a file, in its order; `gold` is None where the file has no usable label.

    Raises:
        DataError: unreadable file, unknown kind, missing column, no rows, or rows that cannot be used (with lines).
    """
    part = read_file(task.schema, path, columns=columns, labels="required" if require_labels else "ignored")
    if part.refused:
        shown = "; ".join(str(refusal) for refusal in part.refused[:MAX_SHOWN])
        more = f"; and {len(part.refused) - MAX_SHOWN} more" if len(part.refused) > MAX_SHOWN else ""
        total = len(part.refused) + len(part.rows)
        raise DataError(
            f"{len(part.refused)} of {total} rows of {path} cannot be used: {shown}{more}.", "Correct these rows."
        )
    return [Example(row["id"], row["fields"], row["gold"]) for row in part.rows]


def read_records(task: HasSchema, path: Path) -> list[dict[str, Any]]:
    """Return every row of a file as it stands there, all its columns, in the order of `read_examples`.

    Raises:
        DataError: unreadable file or unknown kind.
    """
    records = _records(path, _kind(path), task.schema)
    return [record for _, record in records if not isinstance(record, Refusal)]


def read_table(path: Path) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Return the rows of a file whose columns are not known yet, and those that cannot be read.

    Raises:
        DataError: unreadable file, unknown kind, or no rows.
    """
    nothing_known = Schema(name="", task="", fields=(), answers=None)
    records = [record for _, record in _records(path, _kind(path), nothing_known)]
    rows = [record for record in records if not isinstance(record, Refusal)]
    if not rows:
        raise DataError(f"{path} has no rows.", "Give a file with a header and at least one row.")
    return rows, [record for record in records if isinstance(record, Refusal)]


def read_file(
    schema: Schema,
    path: Path,
    *,
    split: str = "test",
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Labels = "required",
) -> SplitRows:
    """Return the usable rows of a file and the refused ones.

    `labels` is `required` (a row without a right one is refused) or `optional` (such a row is unlabelled).

    Raises:
        DataError: unreadable file, unknown kind, a column that is not there, or no usable row at all.
    """
    kind = kind or _kind(path)
    records = list(_records(path, kind, schema))
    if not records:
        raise DataError(f"{path} has no rows.", "Give a file with a header and at least one row.")
    names = _columns(schema, path, records, columns or {}, labels)
    rows: list[Row] = []
    refused: list[Refusal] = []
    seen: set[str] = set()
    for position, (line, record) in enumerate(records):
        if isinstance(record, Refusal):
            refused.append(record)
            continue
        try:
            row = _row(schema, record, names, str(position), labels)
        except ValueError as error:
            refused.append(Refusal(line, str(error)))
            continue
        if row["id"] in seen:
            row["id"] = f"{row['id']}-line{line}"
        seen.add(row["id"])
        rows.append(row)
    if not rows:
        raise DataError(f"{path} has no usable row; the first was refused: {refused[0]}.", "Correct the file.")
    return SplitRows(schema, split, f"{kind} file {path.name}", rows, refused)


def parse_columns(text: str | None, schema: Schema) -> dict[str, str]:
    """Return `field=column,...` as a mapping. Raises DataError for a field the task does not have."""
    mapping = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise DataError(f"'{part.strip()}' does not name a column.", "Write --columns text=review,label=stars.")
        allowed = (*schema.fields, "label", "id")
        if field not in allowed:
            raise DataError(unknown_name("field", field, allowed), "Write --columns FIELD=COLUMN,...")
        mapping[field] = column
    return mapping


def _kind(path: Path) -> str:
    kind = {"json": "jsonl", "ndjson": "jsonl"}.get(suffix := path.suffix.casefold().lstrip("."), suffix)
    if kind not in KINDS:
        raise DataError(f"The kind of {path} is not known by its name.", f"Name it .{', .'.join(KINDS)}.")
    return kind


def _records(path: Path, kind: str, schema: Schema) -> Iterator[Record]:
    if kind == "csv":
        return _csv_records(path, schema)
    if kind == "tsv":
        return _table(path, read_columns(path))
    if kind == "jsonl":
        return _json_records(path)
    return _parquet_records(path)


def _table(path: Path, lines: Iterable[tuple[int, list[str] | Refusal]]) -> Iterator[Record]:
    """Pair each line with the header, which is the first."""
    header: list[str] | None = None
    for number, columns in lines:
        if isinstance(columns, Refusal):
            if header is None:
                raise DataError(f"The first line of {path} is not UTF-8 text.", "Save the file as UTF-8.")
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


def _csv_records(path: Path, schema: Schema) -> Iterator[Record]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path} is not UTF-8 text: line {line}.", "Save the file as UTF-8.") from None
    text = text.replace("\r\n", "\n")
    text = text.replace("\r", " " if "\n" in text else "\n")  # a lone carriage return is text, unless all ends are
    text = text.rstrip("\n")
    first = text.split("\n", 1)[0]
    wanted = [name.casefold() for field in schema.fields for name in schema.column_names(field)]
    delimiter = next((mark for mark in ",;\t" if _names(first, mark) & set(wanted)), None)
    delimiter = delimiter or max(",;\t", key=first.count)
    return _table(path, _csv_lines(path, text, delimiter))


def _names(line: str, delimiter: str) -> set[str]:
    return {name.strip().strip('"').casefold() for name in line.split(delimiter)}


def _csv_lines(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str] | Refusal]]:
    csv.field_size_limit(2**31 - 1)
    lines = text.split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            columns = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise DataError(
                    f"{path}, line {number}: a quotation mark opens here and never closes.",
                    "Double the quotation marks inside a quoted text, or give the file as .tsv or .jsonl.",
                ) from None
            yield number, Refusal(number, f"not valid CSV: {error}")
            continue
        if columns:  # a blank line between records is no row
            yield number, columns


def _json_records(path: Path) -> Iterator[Record]:
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


def _parquet_records(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file; the line of a row is its number, from 1."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    if not path.is_file():
        raise DataError(f"Cannot read {path}: there is no such file.", "Give a readable file.")
    try:
        table = pyarrow.parquet.read_table(path)
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror or 'not a Parquet file'}.", "Give a readable file."
        ) from None
    except pyarrow.ArrowException:
        raise DataError(f"{path} is not a Parquet file.", "Give a readable file.") from None
    yield from enumerate(table.to_pylist(), start=1)


def _columns(
    schema: Schema, path: Path, records: Sequence[Record], chosen: Mapping[str, str], labels: Labels
) -> dict[str, str | None]:
    """Return the file's column for every field, for `label` and for `id` (None: the file has none)."""
    there: dict[str, None] = {}
    for _, record in records:
        if not isinstance(record, Refusal):
            there.update(dict.fromkeys(record))
    folded = {name.casefold(): name for name in reversed(there)}
    result: dict[str, str | None] = {}
    for field in (*schema.fields, "label", "id"):
        if field in chosen:
            if chosen[field] not in there:
                raise DataError(f"{path}: {unknown_name('column', chosen[field], there)}", "Correct --columns.")
            result[field] = chosen[field]
            continue
        taken = set(result.values())
        names = (folded.get(name.casefold()) for name in schema.column_names(field))
        result[field] = next((name for name in names if name is not None and name not in taken), None)
        needed = field in schema.fields or (field == "label" and labels == "required")
        if needed and result[field] is None and there:
            raise DataError(
                f"{path} has no column for '{field}' (it has: {', '.join(there)}).",
                f"Name the column '{field}', or say which it is with --columns {field}=COLUMN.",
            )
    return result


def _row(
    schema: Schema, record: Mapping[str, Any], names: Mapping[str, str | None], number: str, labels: Labels
) -> Row:
    texts = {field: _text(record.get(names[field] or ""), field) for field in schema.fields}
    row_id = _text(record.get(names["id"] or ""), "id").strip() or number
    label = record.get(names["label"] or "")
    if labels == "required":
        return make_row(schema, row_id, texts, _text(label, "label"))
    row = make_row(schema, row_id, texts, None)
    try:
        row["gold"] = schema.read_label(_text(label, "label"))
    except ValueError:
        if labels == "optional" and str(label or "").strip() not in UNLABELLED:
            raise
    return row


def _text(value: Any, field: str) -> str:
    if value is None:
        return ""
    if field == "label" and isinstance(value, list) and all(isinstance(text, str) for text in value):
        return "\n".join(" ".join(text.split()) for text in value)  # several accepted answers
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"the {field} is not a text")
    return str(value)
