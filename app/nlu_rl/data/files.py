"""A user's own rows from CSV, TSV, JSON lines or Parquet.

`read_file` tells which rows it refused; `read_examples` is for `eval --data` and `predict --data`, where every row must
be usable. Columns are found by name, or named by the user as `field=column`; `records.py` reads the file itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from nlu_rl.data.checks import Refusal, Row, SplitRows, make_row
from nlu_rl.data.hub_shapes import Shape, shape_of, whole_id
from nlu_rl.data.records import Record, file_kind, records_of
from nlu_rl.data.schema import Schema
from nlu_rl.errors import DataError, unknown_name
from nlu_rl.tasks.contract import Example

MAX_SHOWN = 5
MAX_NAME = 30

Labels = Literal["required", "optional", "ignored"]
"""Optional labels must be right where there are any; of ignored ones, those that are not answers count as none."""
UNLABELLED = ("", "-1")


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
    records = _records(path, file_kind(path), task.schema)
    return [record for _, record in records if not isinstance(record, Refusal)]


def read_table(path: Path) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Return the rows of a file whose columns are not known yet, and those that cannot be read.

    Raises:
        DataError: unreadable file, unknown kind, or no rows.
    """
    records = [record for _, record in records_of(path, file_kind(path))]
    rows = [record for record in records if not isinstance(record, Refusal)]
    refused = [record for record in records if isinstance(record, Refusal)]
    if not rows and refused:
        more = f"; and {len(refused) - 1} more" if len(refused) > 1 else ""
        fix = "Save the file as UTF-8." if "UTF-8" in refused[0].reason else "Correct that line."
        raise DataError(f"{path} has no row that can be read: {refused[0]}{more}.", fix)
    if not rows:
        raise DataError(f"{path} has no rows.", "Give a file with a header and at least one row.")
    return rows, refused


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
    kind = kind or file_kind(path)
    records = list(_records(path, kind, schema))
    if not records:
        raise DataError(f"{path} has no rows.", "Give a file with a header and at least one row.")
    first = next((record for _, record in records if not isinstance(record, Refusal)), {})
    shape = None if columns else shape_of(schema, first)
    names = {} if shape else _columns(schema, path, records, columns or {}, labels)
    from_zero = _counts_from_zero(schema, records, names.get("label"))
    rows: list[Row] = []
    refused: list[Refusal] = []
    seen: set[str] = set()
    for position, (line, record) in enumerate(records):
        if isinstance(record, Refusal):
            refused.append(record)
            continue
        try:
            if shape:
                row = _hub_row(schema, shape, record, split, position, labels)
            else:
                row = _row(
                    schema, _from_one(record, names["label"]) if from_zero else record, names, str(position), labels
                )
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


def _records(path: Path, kind: str, schema: Schema) -> Iterator[Record]:
    return records_of(path, kind, [name for field in schema.fields for name in schema.column_names(field)])


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
                raise DataError(
                    f"{path}: {unknown_name('column', chosen[field], map(_brief, there))}",
                    "Correct --columns, or the task's file; all files of a task have the same columns.",
                )
            result[field] = chosen[field]
            continue
        taken = set(result.values())
        names = (folded.get(name.casefold()) for name in schema.column_names(field))
        result[field] = next((name for name in names if name is not None and name not in taken), None)
        needed = field in schema.fields or (field == "label" and labels == "required")
        if needed and result[field] is None and there:
            raise DataError(
                f"{path} has no column for '{field}' (it has: {', '.join(map(_brief, there))}).",
                f"Name the column '{field}', or say which it is with --columns {field}=COLUMN.",
            )
    return result


def _brief(name: str) -> str:
    """Return a column's name on one line: in a file without a header, it is a whole text."""
    name = " ".join(name.split())
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."


def _row(
    schema: Schema, record: Mapping[str, Any], names: Mapping[str, str | None], number: str, labels: Labels
) -> Row:
    texts = {field: _text(record.get(names[field] or ""), field) for field in schema.fields}
    row_id = _text(record.get(names["id"] or ""), "id").strip() or number
    label = record.get(names["label"] or "")
    if isinstance(label, bool) and schema.answers is not None:
        label = "true" if label else "false"  # a number or a text is no truth value
    if labels == "required":
        return make_row(schema, row_id, texts, _text(label, "label"))
    row = make_row(schema, row_id, texts, None)
    try:
        row["gold"] = schema.read_label(_text(label, "label"))
    except ValueError:
        if labels == "optional" and str(label or "").strip() not in UNLABELLED:
            raise
    return row


def _hub_row(schema: Schema, shape: Shape, record: Mapping[str, Any], split: str, position: int, labels: Labels) -> Row:
    """Return a row of a file that has the hub's own shape, under the id that the official files give it."""
    try:
        row_id, texts, label = shape(schema, record, position)
        row = make_row(
            schema, whole_id(schema, split, row_id), texts, "" if label is None and labels == "required" else label
        )
    except KeyError as error:
        raise ValueError(f"no {error.args[0]!r} in it") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not as the hub has it: {error}") from None
    return row


def _counts_from_zero(schema: Schema, records: Sequence[Record], column: str | None) -> bool:
    """Whether a file numbers COPA's two choices 0 and 1, as the official files and the hub do."""
    if schema.name != "superglue/copa" or column is None:
        return False
    given = {str(record.get(column)).strip() for _, record in records if not isinstance(record, Refusal)}
    return "0" in given and "2" not in given


def _from_one(record: Mapping[str, Any], column: str | None) -> Mapping[str, Any]:
    label = str(record.get(column or "")).strip()
    return {**record, column: str(int(label) + 1)} if column and label in ("0", "1") else record


def _text(value: Any, field: str) -> str:
    if value is None:
        return ""
    if field == "label" and isinstance(value, dict):
        value = value.get("text")  # accepted answers as SQuAD on the hub has them
    if field == "label" and isinstance(value, list) and all(isinstance(text, str) for text in value):
        return "\n".join(" ".join(text.split()) for text in value)  # several accepted answers
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"the {field} is not a text")
    return str(value)
