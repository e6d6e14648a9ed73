"""What finished evaluations and training runs say, as plain records read from their directories (light)."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl.errors import RunError
from nlu_rl.report.score_spread import but_for_seed
from nlu_rl.runs.history import History, Point
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, list_runs, open_run
from nlu_rl.runs.overview import read_recipe
from nlu_rl.runs.status import read_status

CURVE_POINTS = 400


@dataclass(frozen=True, slots=True)
class Record:
    """One finished evaluation. `group` is what evaluations of other seeds have in common with it."""

    name: str
    method: str
    model: str
    group: str
    result: dict[str, Any]
    seed: int

    @property
    def task(self) -> str:
        return str(self.result["task"])

    @property
    def metric(self) -> str:
        return str(self.result["metric"])

    @property
    def rows(self) -> str:
        """What was scored, for people: the task, and whose rows where they are not its own."""
        data = self.result.get("data")
        return f"{self.task}: {Path(str(data)).name}" if data else self.task

    @property
    def measure(self) -> str:
        """The metric, for people, with all that its figures compare only for."""
        if not self.result.get("window"):
            return self.metric
        return f"{self.metric}, windows of {self.result['window']}, {self.result['stride']} apart"


@dataclass(frozen=True, slots=True)
class Curve:
    """The reward of a training run over its steps (its loss, where there is no reward), and its validations."""

    name: str
    state: str
    step: int
    total: int | None
    quantity: str
    points: list[Point]
    validations: list[Point]
    step_seconds: float | None


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything read; `without` are runs that have nothing to show, and why."""

    records: list[Record]
    curves: list[Curve]
    without: dict[str, str]


def collect(names: Sequence[str]) -> Collected:
    """Read evaluations, and training runs with their evaluations, by name.

    Raises:
        RunError: no such run, or none of them has anything to show.
    """
    records: dict[Path, Record] = {}
    curves: dict[Path, Curve] = {}
    without: dict[str, str] = {}
    for name in names:
        run = open_run(name)
        kind = read_job(run).kind
        found = 0
        if kind in ("train", "encoder"):
            curve = read_curve(run)
            if curve is not None:
                curves[run.path] = curve
            evaluations: Iterable[RunDirectory] = list_runs(run.eval_dir)
            found += curve is not None
        else:
            evaluations = [run]
        for evaluation in evaluations:
            record = read_record(evaluation)
            if record is not None:
                records[evaluation.path] = record
                found += 1
        if not found:
            without[run.name] = f"{kind}, {read_status(run).state}"
    if not records and not curves:
        listed = ", ".join(f"{name} ({why})" for name, why in without.items())
        raise RunError(f"There is nothing to report yet: {listed}.", "'nlu-rl eval' makes evaluations.")
    return Collected(list(records.values()), list(curves.values()), without)


def read_record(run: RunDirectory) -> Record | None:
    """Return a finished evaluation; None for anything else."""
    job = read_job(run)
    if job.kind != "evaluate" or read_status(run).state != "done":
        return None
    try:
        result = json.loads(run.result_path.read_text(encoding="utf-8"))
        if not {"task", "scores", "intervals", "metric", "n"} <= result.keys():
            return None
    except (OSError, ValueError, AttributeError):
        return None
    asked = job.arguments
    method, model, seed, without_seed = _subject(asked, result)
    rows = [asked.get(key) for key in ("task", "split", "data", "examples", "samples", "shots", "greedy")]
    rows += [result.get(key) for key in ("window", "stride")]
    group = json.dumps([method, model, without_seed, *rows], sort_keys=True)
    return Record(run.name, method, model, group, result, seed)


def read_curve(run: RunDirectory) -> Curve | None:
    """Return what a training run's events say; None before its first step."""
    history = History(run, CURVE_POINTS)
    history.poll()
    quantity = "reward" if history.series("reward") else "loss"
    points = history.series(quantity)
    if not points:
        return None
    seconds = [value for _, value in history.series("step_seconds")]
    middle = statistics.median(seconds) if seconds else None
    status = history.status
    return Curve(run.name, status.state, status.step, status.total, quantity, points, history.scores(), middle)


def _subject(asked: dict[str, Any], result: dict[str, Any]) -> tuple[str, str, int, Any]:
    """Return method, model, seed, and what identifies the subject whatever its seed."""
    seed = int(result.get("seed") or 0)
    if asked.get("endpoint"):
        return _prompting(result), str(asked["endpoint_model"]), seed, asked["endpoint"]
    if not asked.get("run"):
        return _prompting(result), Path(str(asked["model"])).name, seed, asked["model"]
    run = open_run(asked["run"])
    settings = training_settings(run)
    method, tasks = str(settings.get("method", "encoder")), settings.get("tasks") or [""]
    shown = f"{method.upper()}-{'ST' if len(tasks) == 1 else 'MT'}"
    if method == "encoder":
        shown = f"encoder after {settings['intermediate']}" if settings.get("intermediate") else method
    return shown, Path(str(settings.get("model"))).name, int(settings.get("seed") or 0), but_for_seed(settings)


def training_settings(run: RunDirectory) -> dict[str, Any]:
    """Return what a training run was asked to do: its recipe, or of an encoder its arguments."""
    job = read_job(run)
    return dict(job.arguments) if job.kind == "encoder" else read_recipe(run)


def _prompting(result: dict[str, Any]) -> str:
    shots = result.get("shots") or 0
    return f"{shots}-shot" if shots else "zero-shot"
