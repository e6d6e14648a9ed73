"""How far a table is, told from run directories alone: which runs and evaluations are there, whole, and still valid.

A training run belongs to the table when it was started from the very recipe that is planned, whoever started it; an
evaluation when it was asked with the same arguments and nothing it stands on has changed. So a table that was
interrupted, or killed, goes on when its command is given again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nlu_rl.encoder.request import encoder_arguments, encoder_run
from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.finished import evaluation_for, evaluation_on
from nlu_rl.evaluation.perplexity import ground_of, perplexity_arguments, text_of
from nlu_rl.evaluation.request import evaluation_arguments, resolve_subject
from nlu_rl.evaluation.rows import load_rows
from nlu_rl.recipe import Recipe
from nlu_rl.reproduce.budget import Budget
from nlu_rl.reproduce.matrix import PERPLEXITY, Cell, Training
from nlu_rl.reproduce.recipes import planned_recipe
from nlu_rl.runs.checkpoints import latest_checkpoint
from nlu_rl.runs.checks import absolute
from nlu_rl.runs.events import merged_steps, read_events
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.status import ENDED, read_status
from nlu_rl.runs.watch import metric
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

LIVE = frozenset({"queued", "loading", "baseline", "training", "paused", "saving", "evaluating"})
ALMOST = 0.98
"""Of the budget's time: a run that has used so much of it is not started again for the rest."""


@dataclass
class Reproduction:
    """What is reproduced: the model, its settings, and the rows it is scored on."""

    model: str
    encoder: str
    budget: Budget
    overrides: Sequence[str] = ()
    examples: int | None = None
    encoder_options: dict[str, Any] = field(default_factory=dict)
    endpoint: dict[str, Any] = field(default_factory=dict)

    def recipe(self, training: Training) -> Recipe:
        return planned_recipe(self.model, training, self.budget, self.overrides)

    def encoder_job(self, training: Training) -> dict[str, Any]:
        """Return the arguments of the encoder job of a training."""
        options = dict(self.encoder_options)
        if self.budget.steps is not None:
            options["max_steps"] = self.budget.steps
        return encoder_arguments(self.encoder, training.tasks[0], seed=training.seed, **options)

    def training_run(self, training: Training) -> RunDirectory | None:
        """Return the run of a training: the newest that is finished, else one under way, else an interrupted one."""
        if training.method == "encoder":
            arguments = self.encoder_job(training)
            groups: tuple[Iterable[str], ...] = ({"done"}, LIVE, ENDED)
            return next((run for states in groups if (run := encoder_run(arguments, set(states))) is not None), None)
        wanted = self.recipe(training).to_yaml()
        found = [run for run in list_runs() if _source(run) == wanted]
        ranked = sorted(found, key=lambda run: (self.is_finished(run, training), read_status(run).live))
        return ranked[-1] if ranked else None

    def is_finished(self, run: RunDirectory, training: Training) -> bool:
        """Whether a run has come to its end, or has used up its time and left a checkpoint."""
        status = read_status(run)
        if status.state == "done":
            return True
        limit = self.budget.seconds
        if status.live or limit is None or training.method == "encoder" or latest_checkpoint(run) is None:
            return False
        return trained_seconds(run) >= limit * ALMOST

    def subject(self, cell: Cell) -> dict[str, Any] | None:
        """Return the subject of a cell's evaluation; None while it is not trained."""
        if cell.training is not None:
            run = self.training_run(cell.training)
            if run is None or not self.is_finished(run, cell.training):
                return None
            return {"run": run.name, "model": None, "checkpoint": find_checkpoint(run, None).name}
        if cell.subject is not None:
            return resolve_subject(cell.subject, **self.endpoint)
        return {"run": None, "model": absolute(self.model), "checkpoint": None}

    def arguments(self, cell: Cell, subject: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a cell's evaluation."""
        rows: dict[str, Any] = {"split": None, "data": None, "examples": self.examples, "seed": cell.seed}
        if cell.task == PERPLEXITY:
            return perplexity_arguments(subject, window=None, stride=None, **rows)
        return evaluation_arguments(subject, cell.task, get_task(cell.task), greedy=False, shots=cell.shots, **rows)

    def evaluation(self, cell: Cell, states: Iterable[str]) -> RunDirectory | None:
        """Return a cell's evaluation in one of these states; None when there is none, or nothing trained yet."""
        subject = self.subject(cell)
        if subject is None:
            return None
        arguments = self.arguments(cell, subject)
        if cell.task == PERPLEXITY:
            return evaluation_on(ground_of(text_of(arguments)), arguments, states)
        return evaluation_for(get_task(cell.task), self.rows(cell.task), arguments, states)  # type: ignore[arg-type]

    def rows(self, task: str) -> list[tuple[int, Example]]:
        """Return the rows a task is scored on."""
        if task not in self._rows:
            self._rows[task] = load_rows(get_task(task), {"examples": self.examples})  # type: ignore[arg-type]
        return self._rows[task]

    @cached_property
    def _rows(self) -> dict[str, list[tuple[int, Example]]]:
        return {}


def trained_seconds(run: RunDirectory) -> float:
    """Return the time that a run's steps took, those that a resume has superseded left out."""
    return sum(metric(event, "step_seconds") or 0.0 for event in merged_steps(read_events(run.events_path)))


def _source(run: RunDirectory) -> str | None:
    """Return the recipe that a training run was started from."""
    try:
        if read_job(run).kind != "train":
            return None
        return run.source_path.read_text(encoding="utf-8")
    except (OSError, NluRlError, UnicodeDecodeError):
        return None


def missing_rows(task: str) -> str | None:
    """Return why a task cannot be scored here, with what to do; None when it can."""
    try:
        if task == PERPLEXITY:
            text_of({"split": "test"})
        else:
            load_rows(get_task(task), {"examples": 1})  # type: ignore[arg-type]
    except NluRlError as error:
        return str(error)
    return None


def has_training_rows(task: str) -> bool:
    """Whether there are labelled rows to train on."""
    try:
        return any(example.gold is not None for example in get_task(task).load("train"))
    except NluRlError:
        return False


def home_of(table: str, model: str, root: Path) -> Path:
    """Return the folder of a table's files."""
    return root / f"{table}-{Path(model).name}"
