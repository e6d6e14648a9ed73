"""What is known about a data set before any row is read: its fields, its labels, its licence, where it comes from.

Not here: rows, or how a model is asked about them (`tasks/`). Every reader of rows, whatever the format, checks them
against a schema, so that a label outside the answers is refused in the same words everywhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from nlu_rl.errors import DataError, unknown_name

SPLITS = ("train", "validation", "test")
TEXT_COLUMNS = ("text", "sentence", "review", "snippet", "content", "phrase")
LABEL_COLUMNS = ("label", "gold", "answer", "sentiment", "score", "class", "target", "rating")
ID_COLUMNS = ("id", "index", "idx", "guid", "row_id")


@dataclass(frozen=True, slots=True)
class Schema:
    """A data set: `name` is its key in the cache, `task` the task it belongs to.

    `answers` are the right answers as the task writes them, and None when the label is a number between `low` and
    `high`. `codes` maps the way files write labels (in small letters) to an answer; the answers map to themselves.
    `columns` are other names a field goes by in files.
    """

    name: str
    task: str
    fields: tuple[str, ...]
    answers: tuple[str, ...] | None
    codes: Mapping[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 5.0
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licence: str = "the owner's"
    source: str = "your own file"
    bring: str = ""
    """What to run when the rows are not in the cache, as a sentence."""

    def read_label(self, written: str) -> str:
        """Return the answer meant by a label as a file writes it. Raises ValueError saying why not."""
        text = written.strip()
        if not text:
            raise ValueError("the label is empty")
        if self.answers is None:
            return self._read_number(text)
        known = {**{answer.casefold(): answer for answer in self.answers}, **self.codes}
        answer = known.get(text.casefold())
        if answer is None and text.endswith(".0"):
            answer = known.get(text[:-2])
        if answer is None:
            raise ValueError(f"the label {_shown(text)} is none of {', '.join(known)}")
        return answer

    def _read_number(self, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"the label {_shown(text)} is not a number") from None
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(f"the label {_shown(text)} is not between {self.low:g} and {self.high:g}")
        return number_text(value)

    def label_bin(self, gold: str) -> str:
        """Return the heading a label is counted under: itself, or the unit interval a number lies in."""
        if self.answers is not None:
            return gold
        start = min(math.floor(float(gold)), math.ceil(self.high) - 1)
        return f"{start}-{start + 1}"

    def label_bins(self) -> tuple[str, ...]:
        """Return every heading of `label_bin`, in order."""
        if self.answers is not None:
            return self.answers
        return tuple(f"{start}-{start + 1}" for start in range(math.floor(self.low), math.ceil(self.high)))

    def column_names(self, name: str) -> tuple[str, ...]:
        """Return the column names that are taken for a field, best first."""
        extra = self.columns.get(name, ())
        if name == "label":
            return (*LABEL_COLUMNS, *extra)
        if name == "id":
            return (*ID_COLUMNS, *extra)
        general = TEXT_COLUMNS if len(self.fields) == 1 else ()
        return tuple(dict.fromkeys((name, *extra, *general)))


def number_text(value: float) -> str:
    """Return a number as tasks write it: as few decimals as it needs, at least one (5.0, 3.8, 2.333)."""
    text = f"{value + 0.0:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _glue(task: str, fields: tuple[str, ...], answers: tuple[str, ...] | None, licence: str) -> Schema:
    pairs = {"sentence1": ("sentence_1", "text1", "first"), "sentence2": ("sentence_2", "text2", "second")}
    return Schema(
        name=f"glue/{task}",
        task=task,
        fields=fields,
        answers=answers,
        codes={str(code): answer for code, answer in enumerate(answers or ())},
        columns=pairs if "sentence1" in fields else {},
        licence=licence,
        source="GLUE: the official folder, or nyu-mll/glue on the hub",
        bring=f"Run 'nlu-rl data fetch glue/{task}', or 'nlu-rl data import glue DIR' with the official GLUE folder.",
    )


SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema(
            name="movie-snippets",
            task="movie-snippets",
            fields=("text",),
            answers=("negative", "positive"),
            codes={"0": "negative", "1": "positive"},
            licence="MIT (vaderSentiment); texts after Pang & Lee 2004, ratings by Hutto & Gilbert 2014",
            source="vaderSentiment 3.3.2 from the package index",
            bring="Run 'nlu-rl data fetch movie-snippets'.",
        ),
        _glue(
            "cola", ("sentence",), ("not acceptable", "acceptable"), "not stated; research use (Warstadt et al. 2018)"
        ),
        _glue("sst2", ("sentence",), ("negative", "positive"), "not stated; research use (Socher et al. 2013)"),
        _glue("stsb", ("sentence1", "sentence2"), None, "CC BY-SA 4.0, parts under their own terms (Cer et al. 2017)"),
    )
}


def get_schema(name: str) -> Schema:
    """Return the schema of a data set, by its own name or its task's. Raises DataError for an unknown name."""
    for schema in SCHEMAS.values():
        if name in (schema.name, schema.task):
            return schema
    raise DataError(unknown_name("data set", name, SCHEMAS), "'nlu-rl data list' shows them all.")


def check_split(split: str) -> str:
    """Return `split`, or raise DataError when there is no such split."""
    if split in ("dev", "val", "valid"):
        raise DataError(f"There is no split '{split}'; it is called 'validation' here.", "Give 'validation'.")
    if split not in SPLITS:
        raise DataError(unknown_name("split", split, SPLITS), "Give one of them.")
    return split
