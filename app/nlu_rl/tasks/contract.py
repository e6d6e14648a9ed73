"""The task contract: what a row is, what a task must answer, and what a judged completion looks like.

One file beside this one implements it for each task. Nothing here, or in any task, knows a model or a tokenizer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypedDict

OPEN_TAG = "<Judgement>"
CLOSE_TAG = "</Judgement>"

Split = Literal["train", "validation", "test"]


class Message(TypedDict):
    """One turn of a chat, as chat templates take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One row: `fields` are its texts by name, `gold` the right answer as the task writes it (None: unlabelled)."""

    id: str
    fields: Mapping[str, str]
    gold: str | None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was read out of a completion.

    `value` is the canonical answer (a label, or a number as text) or None when nothing could be read ("exceptional").
    `how` is `strict` (exactly an answer, closed by the tag), `lenient` (an answer was found in it) or `none`.
    """

    value: str | None
    how: Literal["strict", "lenient", "none"]


@dataclass(frozen=True, slots=True)
class Scored:
    """A completion judged: the total `reward`, its named `parts`, and whether the answer is `correct`."""

    reward: float
    parts: Mapping[str, float]
    correct: bool
    extracted: Extracted


@dataclass(frozen=True, slots=True)
class Submission:
    """A file for an official evaluation server: a table, or lines of JSON as rows of one column without a header."""

    file_name: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def text(self) -> str:
        """Return the content of the file, tab-separated where there are columns."""
        lines = [*([self.header] if self.header else []), *self.rows]
        return "".join("\t".join(columns) + "\n" for columns in lines)


class Task(Protocol):
    """A language-understanding task. `answers` is None for free text or a number."""

    name: str
    version: int
    answers: tuple[str, ...] | None
    metric: str
    """The name in `metrics()` by which checkpoints are compared; higher is better."""
    best_reward: float
    """The highest reward; the lowest is its negative."""
    passage: str
    """The field that may be shortened where a prompt does not fit a model, or "" (`passage.fit_prompt`)."""

    def load(self, split: Split) -> list[Example]:
        """Return the rows of a split. Raises DataError when the data is missing, with the command that gets it."""
        ...

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> list[Message]:
        """Return the chat up to the answer. The last message is the assistant's, holding `OPEN_TAG` alone."""
        ...

    def target(self, example: Example) -> str:
        """Return the right completion, from after `OPEN_TAG` up to and including `CLOSE_TAG`."""
        ...

    def extract(self, completion: str) -> Extracted: ...

    def score(self, example: Example, completion: str) -> Scored: ...

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return every metric of the task over the rows together."""
        ...

    def submission(self, answers: Sequence[tuple[Example, Extracted]]) -> Submission: ...
