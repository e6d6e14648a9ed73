"""Where the answers to official test sets come from: runs, models, or files of predictions (light).

A run answers the test sets of its own tasks, and those that are made for them (MNLI-mm and AX for mnli, AX-b and AX-g
for superglue-rte); a model answers all that nobody else does. `TASK=SOURCE` says it for one test set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlu_rl.errors import DataError, RecipeError, unknown_name
from nlu_rl.evaluation.journal import read_lines
from nlu_rl.evaluation.leaderboard import ALSO_ANSWERS, Answers, official_rows
from nlu_rl.evaluation.request import resolve_subject, tasks_of_run
from nlu_rl.runs.layout import open_run
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task


@dataclass(frozen=True, slots=True)
class Source:
    """Who answers a test set: a run or a model (`subject`), or a file of predictions.

    `named`: asked for by name, or by naming a run that was trained on it; then the test rows must be here.
    """

    text: str
    subject: dict[str, Any] | None = None
    file: Path | None = None
    named: bool = True


def find_sources(benchmark: str, given: Sequence[str], **endpoint: Any) -> dict[str, Source]:
    """Return the source of each test set that has one; `endpoint` is what `endpoint.endpoint_arguments` takes.

    Raises:
        RecipeError: an unknown test set, one with two sources, or a run whose tasks are not of the benchmark.
        RunError, ModelError, DataError: a source that is not there.
    """
    known = official_rows(benchmark)
    sources: dict[str, Source] = {}
    rest: Source | None = None
    for text in given:
        name, equals, value = text.partition("=")
        if equals and "/" not in name:
            if name not in known:
                raise RecipeError(unknown_name(f"test set of {benchmark}", name, known), "Write TASK=RUN.")
            _add(sources, name, _source(value, endpoint))
            continue
        source = _source(text, endpoint)
        if source.file is not None:
            raise RecipeError(f"It is not said which test set {text} answers.", f"Write TASK={text}.")
        tasks = _tasks_of(source, known)
        if tasks is None:
            if rest is not None:
                raise RecipeError(f"Both {rest.text} and {text} are to answer the rest.", "Write TASK=MODEL for each.")
            rest = source
        for task, own in (tasks or {}).items():
            _add(sources, task, replace(source, named=own))
    if rest is not None:
        sources = {task: sources.get(task, replace(rest, named=False)) for task in known}
    return sources


def _add(sources: dict[str, Source], task: str, source: Source) -> None:
    if task in sources:
        raise RecipeError(
            f"Both {sources[task].text} and {source.text} are to answer {task}.", f"Write {task}=RUN for one of them."
        )
    sources[task] = source


def _source(text: str, endpoint: Mapping[str, Any]) -> Source:
    path = Path(text).expanduser()
    if path.suffix == ".jsonl":
        return Source(text, file=path)
    return Source(text, resolve_subject(text, **endpoint))


def _tasks_of(source: Source, known: Mapping[str, int]) -> dict[str, bool] | None:
    """Return the test sets a run answers, and whether each is one of its own tasks; None for a model."""
    run = (source.subject or {}).get("run")
    if run is None:
        return None
    own = tasks_of_run(open_run(run))
    tasks = [name for task in own for name in (task, *ALSO_ANSWERS.get(task, ())) if name in known]
    if not tasks:
        raise RecipeError(
            f"The run {source.text} was trained on {', '.join(own)}, none of which has a test set here.",
            f"Write TASK={source.text} to have it answer one all the same.",
        )
    return {task: task in own for task in tasks}


def read_answers(task_name: str, path: Path) -> Answers:
    """Return the answers in a file of predictions, the first sample of each row, read by the task again.

    Raises:
        RunError: it cannot be read.
        DataError: it holds no predictions, or those of a split that is not the test split.
    """
    task = get_task(task_name)
    lines = [line for line in read_lines(path) if line["sample"] == 0]
    if not lines:
        raise DataError(f"{path} holds no predictions.", "Give the predictions.jsonl of an evaluation.")
    wrong = [line["id"] for line in lines if not str(line["id"]).startswith("test-")]
    if wrong:
        raise DataError(
            f"{path} does not answer the test split of {task_name}: it holds rows such as '{wrong[0]}'.",
            "Give predictions of the test split, or the run or model to have it answered.",
        )
    return [(Example(line["id"], {}, None), task.extract(line["completion"])) for line in lines]
