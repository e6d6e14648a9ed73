"""The evaluations that belong together on one axis: a run's own, those of the run it started from, its base model's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.request import find_run, require_trained, tasks_of_run
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.checks import absolute
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.status import Status, read_status

_ROWS = ("task", "split", "data", "examples")


@dataclass(frozen=True, slots=True)
class Measured:
    """One evaluation, done or under way."""

    run: RunDirectory
    """Its own directory."""
    arguments: Mapping[str, Any]
    status: Status
    result: Mapping[str, Any]
    """Empty until it is done."""

    @property
    def name(self) -> str:
        """Return `run@step`, or the model's name."""
        if self.arguments.get("run"):
            step = str(self.arguments.get("checkpoint") or "").removeprefix("step-")
            return f"{Path(str(self.arguments['run'])).name}@{step}"
        return Path(str(self.arguments.get("model"))).name

    @property
    def rows(self) -> tuple[Any, ...]:
        """What two evaluations must share to be compared row by row."""
        return tuple(self.arguments.get(name) for name in _ROWS)


def evaluations_about(run: RunDirectory) -> list[Measured]:
    """Return the evaluations to look at beside a run's own: the base model's on its tasks first, its own last.

    Of several that asked the same, the newest that is done or under way. One that is damaged is left out.

    Raises:
        RunError: it is not a training run.
    """
    require_trained(run)
    tasks = {absolute(name) for name in tasks_of_run(run)}
    base, start = base_model(run), None
    if run.recipe_path.is_file():
        name = load_recipe(run.recipe_path).start_from
        start = find_run(name) if name else None
    found = [one for one in measured(list_runs()) if not one.arguments.get("run") and _is(one, base)]
    if start is not None:
        found += measured(list_runs(start.eval_dir))
    found = [one for one in found if one.arguments.get("task") in tasks]
    found += measured(list_runs(run.eval_dir))
    return list({json.dumps(dict(one.arguments), sort_keys=True): one for one in found}.values())


def base_model(run: RunDirectory) -> str | None:
    """Return the model that a run trains; None for an encoder, which answers nothing before it is trained."""
    return None if read_job(run).kind == "encoder" else load_recipe(run.recipe_path).model


def measured(runs: list[RunDirectory]) -> list[Measured]:
    """Return those of these directories that are evaluations done or under way, the newest last."""
    found = []
    for run in runs:
        try:
            job = read_job(run)
        except NluRlError:
            continue
        status = read_status(run)
        if job.kind != "evaluate" or not (status.live or status.state == "done"):
            continue
        result = _result(run) if status.state == "done" else {}
        if status.live or isinstance(result.get("scores"), dict):
            found.append(Measured(run, job.arguments, status, result))
    return found


def shared_rows(a: RunDirectory, b: RunDirectory) -> tuple[Measured, Measured] | None:
    """Return the newest finished evaluations of two runs that are of the same rows, answered alike."""
    mine, others = ([one for one in measured(list_runs(run.eval_dir)) if one.result] for run in (a, b))
    for one in reversed(mine):
        for other in reversed(others):
            if one.rows == other.rows and one.arguments.get("greedy") == other.arguments.get("greedy"):
                return one, other
    return None


def _is(one: Measured, model: str | None) -> bool:
    named = one.arguments.get("model")
    return model is not None and named is not None and (named == model or _folder(named) == _folder(model))


def _folder(model: Any) -> Path:
    return Path(str(model)).expanduser().resolve()


def _result(run: RunDirectory) -> dict[str, Any]:
    try:
        result = json.loads(run.result_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}
