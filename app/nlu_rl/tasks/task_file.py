"""A user's own task as one YAML file: which data, which columns, what is asked, what counts as right.

No code and no dotted paths. `nlu-rl tasks new my.csv` writes one; this module reads and checks it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nlu_rl.data.schema import number_text, scale_decimals
from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG
from nlu_rl.yaml_text import load_words, load_yaml, named_parts, yaml_problem

Text = Annotated[str, Field(min_length=1)]
Kind = Literal["answers", "number", "span"]
METRICS: dict[Kind, tuple[str, ...]] = {
    "answers": ("accuracy", "f1", "matthews"),
    "number": ("spearman", "pearson", "accuracy"),
    "span": ("f1", "em"),
}
"""The metrics of each kind; the first is the default."""
MOST_TAGGED = 10
"""Up to so many answers are each shown in tags in instructions that are made up here."""
SUFFIXES = (".yaml", ".yml")


class TaskFile(BaseModel):
    """The file's keys. Paths are relative to the file's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")]
    """What the task is called in runs and tables."""
    train: Text | None = None
    """The file with the training rows: .csv, .tsv, .jsonl or .parquet."""
    validation: Text | None = None
    """The file to validate on; without one, a tenth of the training texts is held out."""
    test: Text | None = None
    """The file to evaluate on, if there is one apart."""
    text: Annotated[list[Text], Field(min_length=1)]
    """The columns a model is shown, in this order."""
    label: Text = "label"
    """The column with the right answer."""
    kind: Kind = "answers"
    """What an answer is: one of a list, a number, or a text (span)."""
    answers: list[str] | dict[str, str] | None = None
    """The answers, the positive one of two last; or what each label of the file is called in the answer."""
    low: float = 0.0
    """The smallest number."""
    high: float = 5.0
    """The greatest number."""
    system: Text = "You are an assistant that reads carefully and answers exactly as asked."
    """The system message."""
    instructions: Text | None = None
    """What is asked, before the row's own text; made up from the answers when it is left out."""
    metric: str | None = None
    """What checkpoints are compared by: accuracy, f1 or matthews; spearman, pearson or accuracy; f1 or em."""
    reward: Literal["em", "f1", "mean"] = "mean"
    """The reward of a span: exact match, word-level F1, or their mean."""
    passage: str | None = None
    """The column that may be shortened where a prompt does not fit a model."""
    demonstrations: list[dict[str, str]] = []
    """Rows that stand before every question: the text columns, and `answer`."""
    note: str = ""
    """What a reader of its scores should know."""

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, data: Any) -> Any:
        """Take numbers and booleans that YAML reads out of unquoted answers as the texts they were."""
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        if isinstance(data.get("text"), str):
            data["text"] = [data["text"]]
        answers = data.get("answers")
        if isinstance(answers, list):
            data["answers"] = [_scalar(answer) for answer in answers]
        if isinstance(answers, Mapping):
            data["answers"] = {_scalar(code): _scalar(answer) for code, answer in answers.items()}
        if isinstance(data.get("demonstrations"), list):
            data["demonstrations"] = [
                {str(key): _scalar(value) for key, value in row.items()} if isinstance(row, Mapping) else row
                for row in data["demonstrations"]
            ]
        return data

    @model_validator(mode="after")
    def _check_together(self) -> "TaskFile":
        if not (self.train or self.validation or self.test):
            raise ValueError("no data: name a file in train, validation or test")
        if self.label in self.text or len(set(self.text)) < len(self.text):
            raise ValueError("text names a column twice, or the label's")
        if self.kind == "answers":
            _check_answers(self.answer_names())
        elif self.answers is not None:
            raise ValueError(f"answers are for kind: answers, not for kind: {self.kind}")
        if self.kind != "span" and "reward" in self.model_fields_set:
            raise ValueError(f"reward is for kind: span; of kind: {self.kind} it follows from the answers")
        if self.kind == "number" and not self.low < self.high:
            raise ValueError("low must be below high")
        if self.metric is not None and self.metric not in METRICS[self.kind]:
            raise ValueError(unknown_name(f"metric of kind: {self.kind}", self.metric, METRICS[self.kind]))
        if self.passage is not None and self.passage not in self.text:
            raise ValueError(f"passage must be one of the text columns {', '.join(self.text)}")
        for row in self.demonstrations:
            if set(row) != {*self.text, "answer"}:
                raise ValueError(f"a demonstration has the keys {', '.join(self.text)} and answer, no others")
        return self

    def answer_names(self) -> tuple[str, ...]:
        """Return the answers as a model gives them; none for numbers and spans."""
        values = self.answers.values() if isinstance(self.answers, dict) else self.answers or ()
        return tuple(dict.fromkeys(" ".join(value.split()) for value in values))

    def question(self) -> str:
        """Return the instructions, made up where the file has none."""
        return self.instructions or default_instructions(self.kind, self.answer_names(), self.low, self.high)


def default_instructions(kind: Kind, answers: tuple[str, ...], low: float, high: float) -> str:
    """Return instructions that show the exact form of an answer."""
    if kind == "number":
        third, decimals = (high - low) / 3, scale_decimals(low, high)
        shown = [f"{OPEN_TAG}{number:.{decimals}f}{CLOSE_TAG}" for number in (low + third / 2, low + 2.5 * third)]
        ends = " to ".join(number_text(end).removesuffix(".0") for end in (low, high))
        return f"Answer with one number from {ends}, such as {' or '.join(shown)}, and nothing else."
    if kind == "span":
        return f"Answer with as few words as possible, exactly as {OPEN_TAG}the words{CLOSE_TAG}, and nothing else."
    tagged = [f"{OPEN_TAG}{answer}{CLOSE_TAG}" for answer in answers]
    if len(answers) <= MOST_TAGGED:
        listed = " or ".join(filter(None, (", ".join(tagged[:-1]), tagged[-1])))
        return f"Classify the text. Answer with exactly {listed} and nothing else."
    return (
        f"Classify the text. Answer with exactly one of the labels below, such as {tagged[0]} or {tagged[1]}, and "
        f"nothing else.\nLabels: {', '.join(answers)}"
    )


def load_task_file(path: Path) -> TaskFile:
    """Read and check a task file.

    Raises:
        RecipeError: unreadable, not YAML, an unknown key, or a value that is not allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data, written = load_yaml(text), load_words(text)
    except OSError as error:
        raise RecipeError(f"Cannot read the task file {path}: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"The task file {path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not valid YAML: {yaml_problem(error)}.", "Correct the line.") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path} does not hold keys and values.", "'nlu-rl tasks new my.csv' writes such a file.")
    as_written = {key: written[key] for key in ("answers", "demonstrations") if data.get(key)}
    try:
        return TaskFile.model_validate({**data, **as_written})
    except ValidationError as error:
        raise RecipeError(f"{path}: {explain(error)}", "Correct the task file.") from None


def explain(error: ValidationError) -> str:
    """Return what is wrong with the keys of a task file, as sentences."""
    sentences = []
    for problem in error.errors():
        key = ".".join(named_parts(problem))
        if problem["type"] == "extra_forbidden":
            sentences.append(unknown_name("key", key, TaskFile.model_fields))
        elif problem["type"] == "missing":
            sentences.append(f"The key '{key}' is missing.")
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            if key == "answers" and problem["type"] in ("list_type", "tuple_type", "dict_type"):
                message = (
                    "it must be a list, such as [negative, positive], or a mapping from the file's values to answers"
                )
            sentences.append(f"{key}: {message}." if key else f"{message}.")
    return " ".join(dict.fromkeys(sentences))


def _check_answers(answers: tuple[str, ...]) -> None:
    if len(answers) < 2:
        raise ValueError("answers must list two or more, such as answers: [negative, positive]")
    seen: dict[str, str] = {}
    for answer in answers:
        if not answer or "<" in answer or ">" in answer:
            raise ValueError(
                f"the answer {answer!r} is empty or has angle brackets, which mark the answer in the prompt"
            )
        if seen.setdefault(answer.casefold(), answer) != answer:
            raise ValueError(f"the answers {seen[answer.casefold()]!r} and {answer!r} differ in capitals alone")


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
