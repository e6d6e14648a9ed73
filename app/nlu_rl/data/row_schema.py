"""The form of a row: its fields, what a label may be, and what files call them.

Every reader of rows, whatever the format, checks them against a schema, so that a label outside the answers is refused
in the same words everywhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

SPLITS = ("train", "validation", "test")
ANSWERED = "answered"
MOST_BINS = 20
FEWEST_BINS = 5
MOST_LISTED = 20
TEXT_COLUMNS = ("text", "sentence", "review", "snippet", "content", "phrase")
LABEL_COLUMNS = ("label", "gold", "answer", "sentiment", "score", "class", "target", "rating", "labels", "category")
ID_COLUMNS = ("id", "index", "idx", "guid", "row_id")
ALL_CONFIGS = "*"
"""Every configuration of a data set on the hub, one after the other; each numbers its own rows."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where a data set lies on the hub. `splits` maps our split names to the hub's.

    `columns` is the hub's column of a field where that has another name, and `labels` the answer a label stands for
    where the hub numbers them in its own way. `archive` is a zip of the repository and the official file in it, where
    the rest of it is a program, which the hub's library does not run.
    """

    repository: str
    config: str | None = None
    splits: Mapping[str, str] = field(default_factory=lambda: {split: split for split in SPLITS})
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    archive: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A data set: `name` is its key in the cache, `task` the task it belongs to.

    `answers` are the right answers as the task writes them, and None when the label is a number between `low` and
    `high`, or with `free_text` a text: then the gold holds every accepted answer, one a line. `codes` maps the way
    files write labels (in small letters) to an answer; the answers map to themselves. `columns` are other names a field
    goes by in files.
    """

    name: str
    task: str
    fields: tuple[str, ...]
    answers: tuple[str, ...] | None
    codes: Mapping[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 5.0
    free_text: bool = False
    may_be_empty: tuple[str, ...] = ()
    """Fields of which the official files have a few empty ones."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licence: str = "the owner's"
    source: str = "your own file"
    bring: str = ""
    """What to run when the rows are not in the cache, as a sentence."""
    hub: HubSource | None = None

    def read_label(self, written: str) -> str:
        """Return the answer meant by a label as a file writes it. Raises ValueError saying why not."""
        text = written.strip()
        if not text:
            raise ValueError("the label is empty")
        if self.free_text:
            return "\n".join(line.strip() for line in text.splitlines() if line.strip())
        if self.answers is None:
            return self._read_number(text)
        known = _known(self.answers, tuple(self.codes.items()))
        text = " ".join(text.split())
        answer = known.get(text.casefold())
        if answer is None and text.endswith(".0"):
            answer = known.get(text[:-2])
        if answer is None and ("<" in text or ">" in text):
            raise ValueError(f"the label {_shown(text)} has angle brackets, which mark an answer in the prompt")
        if answer is None:
            raise ValueError(f"the label {_shown(text)} is none of {_listed(known)}")
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
        """Return the heading a label is counted under: itself, the interval a number lies in, or "answered" (text)."""
        if self.free_text:
            return ANSWERED
        if self.answers is not None:
            return gold
        starts = self._bin_starts()
        place = max(0, min(int((float(gold) - starts[0]) // self._bin_width()), len(starts) - 1))
        return self.label_bins()[place]

    def label_bins(self) -> tuple[str, ...]:
        """Return every heading of `label_bin`, in order."""
        if self.free_text:
            return (ANSWERED,)
        if self.answers is not None:
            return self.answers
        return tuple(f"{start:g}-{start + self._bin_width():g}" for start in self._bin_starts())

    def _bin_width(self) -> float:
        """Return 1 for scales up to `MOST_BINS` wide, else what makes that many intervals; of one below 1, a fifth."""
        if self.high - self.low < 1:
            return (self.high - self.low) / FEWEST_BINS
        return max(1.0, math.ceil((math.ceil(self.high) - math.floor(self.low)) / MOST_BINS))

    def _bin_starts(self) -> list[float]:
        first, width = math.floor(self.low), self._bin_width()
        if width < 1:
            return [self.low + width * number for number in range(FEWEST_BINS)]
        count = max(1, math.ceil((math.ceil(self.high) - first) / width))
        return [first + width * number for number in range(count)]

    def column_names(self, name: str) -> tuple[str, ...]:
        """Return the column names that are taken for a field, best first."""
        extra = self.columns.get(name, ())
        if name == "label":
            return (*extra, *LABEL_COLUMNS)
        if name == "id":
            return (*ID_COLUMNS, *extra)
        general = TEXT_COLUMNS if len(self.fields) == 1 else ()
        return tuple(dict.fromkeys((name, *extra, *general)))


def number_text(value: float) -> str:
    """Return a number as tasks write it: as few decimals as it needs, at least one (5.0, 3.8, 2.333).

    At most six decimals, of numbers below a thousandth six digits.
    """
    decimals = 6 if abs(value) >= 0.001 or not value else 5 - math.floor(math.log10(abs(value)))
    text = f"{value + 0.0:.{decimals}f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def scale_decimals(low: float, high: float) -> int:
    """Return how many decimals tell the numbers of a scale apart: one, of scales shorter than 1 more."""
    return max(1, 1 - math.floor(math.log10(high - low)))


@lru_cache
def _known(answers: tuple[str, ...], codes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return every way to write a label, in small letters, with the answer it means."""
    return {**{answer.casefold(): answer for answer in answers}, **dict(codes)}


def _listed(known: Mapping[str, str]) -> str:
    names = list(known)
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
