"""Jobs the wizard starts besides a run: fetching a model, and a trial of three steps. Both are workers, watched alike.

Their directories lie hidden beside the runs and are removed when they have served.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.recipe import Recipe, parse_recipe
from nlu_rl.runs.estimate import Pace, pace_of
from nlu_rl.runs.jobs import Job, launch
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.tail import TailReader

TRIAL_STEPS = 3
TRIAL = (
    f"train.max_steps={TRIAL_STEPS}",
    "train.save_every=1000",
    "evaluate.every=null",
    "evaluate.before=false",
    "evaluate.patience=null",
)
SHOWN_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """What three steps of a recipe measured here."""

    recipe: Recipe
    pace: Pace | None
    peak_bytes: float | None
    samples: tuple[dict[str, Any], ...]


def jobs_dir() -> Path:
    return paths.runs_dir() / ".jobs"


def start_fetch(model: str) -> RunDirectory:
    """Start to fetch a model. Raises RunError when the disk refuses."""
    job = create_run(jobs_dir(), f"fetch-{Path(model).name}", Job("fetch", {"model": model, "force": False}))
    launch(job)
    return job


def trial_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe of its trial: the same steps, three of them, without validations."""
    return parse_recipe(recipe.to_yaml(), TRIAL)


def start_trial(path: Path, recipe: Recipe) -> RunDirectory:
    """Start three steps of a recipe, as a run would; waits for missing data, so call it in a thread.

    Raises:
        NluRlError: it cannot run here.
    """
    from nlu_rl.runs.checks import check_recipe, require
    from nlu_rl.tui.operations import fetch_missing_data

    require(check_recipe(recipe))
    fetch_missing_data(recipe.tasks)
    job = create_run(jobs_dir(), "trial", Job("train"), trial_recipe(recipe).to_yaml(), path.read_text("utf-8"))
    launch(job)
    return job


def finish_trial(job: RunDirectory, recipe: Recipe) -> Trial:
    """Return what a trial that is done has measured, and remove it."""
    try:
        result = json.loads(job.result_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = {}
    pace = pace_of(job, recipe, "measured just now, in three steps")
    samples = TailReader(job.samples_path).poll()[-SHOWN_SAMPLES:]
    discard(job)
    return Trial(trial_recipe(recipe), pace, result.get("peak_bytes"), tuple(samples))


def discard(job: RunDirectory) -> None:
    """Remove a job of this kind, and nothing else."""
    if job.path.parent == jobs_dir().resolve() or job.path.parent == jobs_dir():
        shutil.rmtree(job.path, ignore_errors=True)
