"""How an encoder sees a task: which texts of a row go in, and what comes out (pure, light).

A row is one text, a pair of texts, or a pair for each choice. A task may state its texts (`segments`); else its fields
decide: one field is a text, two are a pair, a passage stands second after all others, and fields called choice1,
choice2, ... make it multiple choice.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nlu_rl.data.schema import number_text, scale_decimals
from nlu_rl.errors import RecipeError
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import CLOSE_TAG, Example

Pair = tuple[str, str | None]
Kind = Literal["classification", "regression", "choice"]
TRAINED_LENGTH = 5.0
"""How long every scale of numbers is to the head: that of STS-B, for which the usual learning rates were found."""
_CHOICE = re.compile(r"choice\d+$")


@dataclass(frozen=True, slots=True)
class Form:
    """What an encoder has to answer. `answers` are empty for numbers, which lie from `low` to `high`.

    A new head says numbers about 0, and its learning rate suits answers of a few units: it is trained on the number
    less `shift`, in units of `unit`, by which every scale is as long as STS-B's.
    """

    kind: Kind
    answers: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    shift: float = 0.0
    unit: float = 1.0

    @property
    def outputs(self) -> int:
        """Numbers that come out of the head for a text."""
        return len(self.answers) if self.kind == "classification" else 1

    def label(self, gold: str) -> float | int:
        """Return the right answer as training takes it."""
        return (float(gold) - self.shift) / self.unit if self.kind == "regression" else self.answers.index(gold)

    def completion(self, scores: Sequence[float]) -> str:
        """Return the answer that the head's outputs mean, as a language model would complete the prompt."""
        if self.kind == "regression":
            number = self.shift + self.unit * float(scores[0])
            rounded = round(number, scale_decimals(self.low, self.high) + 3)
            return number_text(min(max(rounded, self.low), self.high)) + CLOSE_TAG
        return self.answers[max(range(len(scores)), key=lambda place: scores[place])] + CLOSE_TAG


def form_of(task: DatasetTask) -> Form:
    """Return what an encoder has to answer.

    Raises:
        RecipeError: the task is answered with a text.
    """
    fields = choice_fields(task)
    if task.answers is not None:
        return Form("choice" if len(fields) == len(task.answers) > 1 else "classification", task.answers)
    low, high = getattr(task, "low", None), getattr(task, "high", None)
    if low is None or high is None:
        raise RecipeError(
            f"{task.name} is answered with a text, which an encoder with a head cannot write.",
            "Give a task with a list of answers or a number; 'nlu-rl tasks list' shows them.",
        )
    return Form("regression", low=low, high=high, shift=low, unit=(high - low) / TRAINED_LENGTH)


def require_same_answers(trained: DatasetTask, task: DatasetTask) -> None:
    """Raise RecipeError where a task has other answers than the one an encoder was trained for."""
    if form_of(task) != form_of(trained):
        raise RecipeError(
            f"The encoder was trained for {trained.name}, whose answers are not those of {task.name}.",
            f"Train one with 'nlu-rl encoder MODEL --task {task.name}'.",
        )


def choice_fields(task: DatasetTask) -> list[str]:
    return [name for name in task.schema.fields if _CHOICE.match(name)]


def texts_of(task: DatasetTask, example: Example) -> list[Pair]:
    """Return the row as one pair of texts, or as one for each choice; the second text of a pair may be None."""
    fields = example.fields
    choices = choice_fields(task) if form_of(task).kind == "choice" else []
    if task.segments:
        stated = [segment.format_map(fields) for segment in task.segments]
    else:
        stated = _arranged({name: fields[name] for name in task.schema.fields if name not in choices}, task.passage)
    if choices:
        return [(" ".join(stated), fields[name]) for name in choices]
    return [(stated[0], stated[1] if len(stated) > 1 else None)]


def _arranged(fields: dict[str, str], passage: str) -> list[str]:
    if passage in fields and len(fields) > 1:
        return [" ".join(text for name, text in fields.items() if name != passage), fields[passage]]
    texts = list(fields.values())
    return texts if len(texts) <= 2 else [texts[0], " ".join(texts[1:])]
