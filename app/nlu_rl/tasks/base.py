"""What every task over a cached data set shares: loading, the shape of the chat, and the submission file.

A subclass states what differs (system message, instructions, how the query reads) and judges completions. The
instructions never change and come first, the query last, so that all prompts of a task share the longest prefix.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from nlu_rl.data.cache import describe, read_rows
from nlu_rl.data.schema import Schema, get_schema
from nlu_rl.errors import DataError
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Example, Extracted, Message, Scored, Split, Submission


class DatasetTask(ABC):
    """A task over one data set. Class attributes state it; see `contract.Task` for the methods.

    `query` is a format string over the fields. `submission_file` is the name the official server wants, and
    `submission_default` what is handed in for an unparsed answer. `dataset` is the task whose data set it is, where
    that is another. A task without training rows of its own names in `train_from` the data set of another.
    """

    name: str
    version: int = 1
    answers: tuple[str, ...] | None = None
    metric: str
    passage: str = ""
    title: str
    system: str
    instructions: str
    query: str
    reminder: str = ""
    """What follows every query: the form of the answer again, where models forget it."""
    evaluation_split: Split = "validation"
    submission_file: str
    submission_default: str
    dataset: str = ""
    train_from: str = ""
    segments: tuple[str, ...] = ()
    """The row as one or two texts, for a model that reads pairs: format strings; if empty, the fields decide."""
    best_reward: float = 1.0
    """What the right answer earns; an unreadable one earns as much below 0."""
    note: str = ""
    """What a reader of its scores should know, such as rows left out."""

    @cached_property
    def schema(self) -> Schema:
        return get_schema(self.dataset or self.name)

    def load(self, split: Split) -> list[Example]:
        name = self.train_from if split == "train" and self.train_from else self.schema.name
        rows = read_rows(name, split)
        return [Example(row["id"], row["fields"], row["gold"]) for row in rows]

    def datasets(self) -> tuple[str, ...]:
        """Return the data sets of the cache that its rows come from."""
        return (self.schema.name, self.train_from) if self.train_from else (self.schema.name,)

    def about(self) -> dict[str, Any]:
        """Return what is known about its data, `splits` and `licence` among it."""
        return describe(self.schema.name)

    def left_out(self) -> list[str]:
        """Return what to know of rows that its files hold and it does not take, a sentence a file."""
        return []

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> list[Message]:
        """Demonstrations are earlier turns of the chat, answered in the form that is asked for."""
        messages: list[Message] = [{"role": "system", "content": self.system}]
        for shot in shots:
            messages.append({"role": "user", "content": self._user_turn(shot, first=len(messages) == 1)})
            messages.append({"role": "assistant", "content": OPEN_TAG + self.target(shot)})
        messages.append({"role": "user", "content": self._user_turn(example, first=len(messages) == 1)})
        messages.append({"role": "assistant", "content": OPEN_TAG})
        return messages

    def _user_turn(self, example: Example, *, first: bool) -> str:
        query = self.query_text(example)
        text = f"{query}\n{self.reminder}" if self.reminder else query
        return f"{self.instructions}\n\n{text}" if first else text

    def query_text(self, example: Example) -> str:
        """Return the row's own part of the prompt."""
        return self.query.format_map(example.fields)

    def target(self, example: Example) -> str:
        return self.gold(example) + CLOSE_TAG

    def gold(self, example: Example) -> str:
        """Return the right answer. Raises DataError for a row without one."""
        if example.gold is None:
            raise DataError(
                f"Row '{example.id}' of {self.name} has no label, so it cannot be judged or trained on.",
                "Use a labelled split, or 'nlu-rl predict'.",
            )
        return example.gold

    @abstractmethod
    def extract(self, completion: str) -> Extracted: ...

    @abstractmethod
    def score(self, example: Example, completion: str) -> Scored: ...

    @abstractmethod
    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]: ...

    @abstractmethod
    def written_label(self, answer: str) -> str:
        """Return an answer as the official submission writes it."""

    def submission(self, answers: Sequence[tuple[Example, Extracted]]) -> Submission:
        """Return a table of index and label, or lines of JSON where the official file has them.

        The index is the row's in the official test file, else its place in `answers`.
        """
        rows = list(self._indexed(answers))
        if self.submission_file.endswith(".jsonl"):
            lines = (json.dumps({"idx": index, "label": self.json_label(answer)}) for index, answer in rows)
            return Submission(self.submission_file, (), [(line,) for line in lines])
        table: list[tuple[str, ...]] = [(str(index), self.written_label(answer)) for index, answer in rows]
        return Submission(self.submission_file, ("index", "prediction"), table)

    def json_label(self, answer: str) -> str | int:
        """Return an answer as the lines of JSON of an official submission have it."""
        return self.written_label(answer)

    def _indexed(self, answers: Sequence[tuple[Example, Extracted]]) -> Iterator[tuple[int, str]]:
        for place, (example, extracted) in enumerate(answers):
            index = example.id.rpartition("-")[2]
            answer = self.submission_default if extracted.value is None else extracted.value
            yield int(index) if index.isdecimal() else place, answer


def require_rows(scored: Sequence[tuple[Example, Scored]], task: str) -> None:
    if not scored:
        raise DataError(f"There are no rows of {task} to compute a metric over.", "Choose a split with rows.")


def total(parts: Mapping[str, float]) -> float:
    """Return the reward: the sum of its parts."""
    return sum(parts.values())
