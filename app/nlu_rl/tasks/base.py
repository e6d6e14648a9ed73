"""What every task over a cached data set shares: loading, the shape of the chat, and the submission file.

A subclass states what differs (system message, instructions, how the query reads) and judges completions. The
instructions never change and come first, the query last, so that all prompts of a task share the longest prefix.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from nlu_rl.data.cache import read_rows
from nlu_rl.data.schema import Schema, get_schema
from nlu_rl.errors import DataError
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Example, Extracted, Message, Scored, Split, Submission


class DatasetTask(ABC):
    """A task over one data set. Class attributes state it; see `contract.Task` for the methods.

    `query` is a format string over the fields. `submission_file` is the name the official server wants, and
    `submission_default` what is handed in for an unparsed answer.
    """

    name: str
    version: int = 1
    answers: tuple[str, ...] | None = None
    metric: str
    title: ClassVar[str]
    system: ClassVar[str]
    instructions: ClassVar[str]
    query: ClassVar[str]
    evaluation_split: Split = "validation"
    submission_file: ClassVar[str]
    submission_default: ClassVar[str]
    note: ClassVar[str] = ""
    """What a reader of its scores should know, such as rows left out."""

    @cached_property
    def schema(self) -> Schema:
        return get_schema(self.name)

    def load(self, split: Split) -> list[Example]:
        rows = read_rows(self.schema.name, split)
        return [Example(row["id"], row["fields"], row["gold"]) for row in rows]

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
        query = self.query.format_map(example.fields)
        return f"{self.instructions}\n\n{query}" if first else query

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
        """The index is the row's in the official test file, else its place in `answers`."""
        rows: list[tuple[str, ...]] = []
        for place, (example, extracted) in enumerate(answers):
            index = example.id.rpartition("-")[2]
            answer = self.submission_default if extracted.value is None else extracted.value
            rows.append((index if index.isdigit() else str(place), self.written_label(answer)))
        return Submission(self.submission_file, ("index", "prediction"), rows)


def require_rows(scored: Sequence[tuple[Example, Scored]], task: str) -> None:
    if not scored:
        raise DataError(f"There are no rows of {task} to compute a metric over.", "Choose a split with rows.")


def total(parts: Mapping[str, float]) -> float:
    """Return the reward: the sum of its parts."""
    return sum(parts.values())
