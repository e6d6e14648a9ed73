"""How the hub lays out a row: most as ours, by column; a few data sets in their own shape. Pure functions.

A file copied from the hub (Parquet, JSON lines) has the same shape, and is known by its first row.
"""

from collections.abc import Callable, Mapping
from typing import Any

from nlu_rl.data.row_schema import ALL_CONFIGS, Schema
from nlu_rl.data.squad import accepted_answers
from nlu_rl.data.superglue_rows import entity_lines, mark_pronoun, require_inside, standing_in

Record = Mapping[str, Any]
Shape = Callable[[Schema, Record, int], tuple[str, dict[str, str], str | None]]
"""From (schema, row, its number) to the id within the split, the texts by field, and the label as written."""

NO_LABEL = ("-1", "-1.0", "None")
"""How the hub writes that a row has no label; where labels are numbers, -1 is one too."""


def plain(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    """Columns under the names of our fields, or those the schema says; the label in `label`."""
    names = schema.hub.columns if schema.hub else {}
    texts = {field: str(row[names.get(field, field)] or "") for field in schema.fields}
    numbered_together = schema.hub is None or schema.hub.config != ALL_CONFIGS
    row_id = row.get("idx", number) if numbered_together else number
    return str(row_id), texts, _label(schema, row["label"])


def copa(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    row_id, texts, label = plain(schema, row, number)
    return row_id, texts, None if label is None else str(int(label) + 1)


def multirc(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    _, texts, label = plain(schema, {**row, "idx": number}, number)
    place = row["idx"]
    return f"{place['paragraph']}-{place['question']}-{place['answer']}", texts, label


def record(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    passage = row["passage"]
    entities = entity_lines(standing_in(passage, row["entities"]))
    texts = {"passage": passage, "entities": entities, "query": row["query"]}
    answers = "\n".join(standing_in(passage, row["answers"]))
    return str(row["idx"]["query"]), texts, answers or None


def wic(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    require_inside(row)
    return plain(schema, row, number)


def wsc(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    pronoun, noun = row["span2_text"], row["span1_text"]
    texts = {"text": mark_pronoun(row["text"], row["span2_index"], pronoun), "noun": noun, "pronoun": pronoun}
    return str(row["idx"]), texts, _label(schema, row["label"])


def squad(schema: Schema, row: Record, number: int) -> tuple[str, dict[str, str], str | None]:
    texts = {"context": row["context"], "question": row["question"]}
    return str(row["id"]), texts, accepted_answers(row["context"], row["answers"]["text"])


def whole_id(schema: Schema, split: str, row_id: str) -> str:
    """Return the id that the official files give a row: with its split, but for SQuAD's, which are its own."""
    return row_id if schema.name == "squad" else f"{split}-{row_id}"


def _label(schema: Schema, written: Any) -> str | None:
    text = str(written)
    if text in NO_LABEL:
        return None
    return schema.hub.labels.get(text, text) if schema.hub else text


def shape_of(schema: Schema, row: Record) -> Shape | None:
    """Return how to read a row that has the hub's own shape; None when its columns are to be read by name."""
    known = {
        "superglue/multirc": isinstance(row.get("idx"), Mapping) and "answer" in row,
        "superglue/record": isinstance(row.get("entities"), list) and "query" in row,
        "superglue/wsc": "span1_text" in row and "span2_index" in row,
        "squad": isinstance(row.get("answers"), Mapping),
    }
    return SHAPES[schema.name] if known.get(schema.name) else None


SHAPES: dict[str, Shape] = {
    "superglue/copa": copa,
    "superglue/multirc": multirc,
    "superglue/record": record,
    "superglue/wic": wic,
    "superglue/wsc": wsc,
    "squad": squad,
}
