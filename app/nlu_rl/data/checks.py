"""What an import tells about the rows it read: how many, which were refused and why, balance, duplicates, overlap.

Pure functions over rows. A duplicate is a text that is equal after case, punctuation and spacing are set aside; it is
counted, not dropped (the benchmarks' rows are as they are).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlu_rl.data.row_schema import Schema

Row = dict[str, Any]
"""A row in the cache: `{"id": str, "fields": {name: text}, "gold": str | None}`."""

MOST_REASONS = 5
_NOT_TEXT = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken: its line in the file (from 1) and the reason; `unit` where it is not a line."""

    line: int
    reason: str
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.unit} {self.line}: {self.reason}"


@dataclass(slots=True)
class SplitRows:
    """The rows of one split and what happened on the way.

    `dropped` counts rows left out on purpose, by reason; `kept` is the file of the rows that these have replaced.
    """

    schema: Schema
    split: str
    source: str
    rows: list[Row]
    refused: list[Refusal] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    kept: Path | None = None

    @property
    def labels(self) -> dict[str, int]:
        """Return rows by label (numbers: by unit interval); empty when the split has no labels."""
        return label_counts(self.schema, self.rows)

    @property
    def duplicates(self) -> int:
        return count_duplicates(self.rows)


def text_key(fields: Mapping[str, str]) -> str:
    """Return what two rows share when they are the same text; never empty for a text without letters."""
    return "\n".join(_NOT_TEXT.sub(" ", text.casefold()).strip() or text for _, text in sorted(fields.items()))


def label_counts(schema: Schema, rows: Iterable[Row]) -> dict[str, int]:
    counts = Counter(schema.label_bin(row["gold"]) for row in rows if row["gold"] is not None)
    return {name: counts[name] for name in schema.label_bins()} if counts else {}


def count_duplicates(rows: Sequence[Row]) -> int:
    """Return how many rows repeat an earlier one's text."""
    return len(rows) - len({text_key(row["fields"]) for row in rows})


def overlaps(by_split: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Return, for each evaluation split, how many of its rows have a text that also stands in `train`."""
    train = by_split.get("train")
    if train is None:
        return {}
    known = {text_key(row["fields"]) for row in train}
    held_out = ((split, rows) for split, rows in by_split.items() if split != "train")
    return {split: sum(text_key(row["fields"]) in known for row in rows) for split, rows in held_out}


def refusals_told(refused: Sequence[Refusal]) -> str:
    """Return why rows were refused, the most frequent reasons with their counts and the first line of each."""
    by_reason: dict[str, list[Refusal]] = {}
    for refusal in refused:
        by_reason.setdefault(refusal.reason, []).append(refusal)
    ordered = sorted(by_reason.items(), key=lambda found: -len(found[1]))
    told = [f"{reason} ({len(rows):,}, first in {rows[0].unit} {rows[0].line})" for reason, rows in ordered]
    others = sum(len(rows) for _, rows in ordered[MOST_REASONS:])
    return "; ".join(told[:MOST_REASONS] + ([f"and {others:,} for other reasons"] if others else []))


def make_row(schema: Schema, row_id: str, texts: Mapping[str, str], label: str | None) -> Row:
    """Return a row, or raise ValueError saying why it is refused: an empty text, or a label that is not an answer."""
    fields = {name: texts[name].strip() for name in schema.fields}
    for name, text in fields.items():
        if not text and name not in schema.may_be_empty:
            raise ValueError(f"the {name} is empty")
    return {"id": row_id, "fields": fields, "gold": None if label is None else schema.read_label(label)}
