"""All runs at a glance, as a list shows them: read again only where something has changed.

Nothing here fails because of one run: one that is damaged or half-written says so, one removed meanwhile is left out.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs.checkpoints import best_record
from nlu_rl.runs.history import History, Point
from nlu_rl.runs.jobs import Job, read_job
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.status import Failure, Status

_KEPT_POINTS = 150
_SECTIONS = ("lora", "train", "evaluate", "generation", "ppo", "grpo")
_NO_RECIPE = "Its recipe.yaml is missing or damaged: it cannot be gone on with."


@dataclass(frozen=True, slots=True)
class Overview:
    """One run. `curve` is its reward, or its loss where there is no reward (`curve_name` says which)."""

    run: RunDirectory
    status: Status
    kind: str
    recipe: dict[str, Any]
    """As the file has it; empty when there is none."""
    tasks: tuple[str, ...]
    best: float | None
    best_step: int | None
    baseline: float | None
    created: float
    curve: list[float]
    curve_name: str
    eta_seconds: float | None
    warnings: tuple[str, ...]
    latest: dict[str, Any]
    """The last step event; empty before the first."""
    scores: list[Point]
    damage: str = ""
    """What is wrong with its files; empty for a whole run."""

    @property
    def state(self) -> str:
        """As the status has it, or `damaged`."""
        return "damaged" if self.damage and not self.status.live else self.status.state

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def method(self) -> str:
        return str(self.recipe.get("method") or self.kind)


class Overviews:
    """The runs of the user; `poll` reads what has changed and returns all, the newest first.

    The first reading takes what `job.json` says of a recipe. Later ones read the recipe itself.
    """

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}
        self._polled = False

    def poll(self) -> list[Overview]:
        runs = [*reversed(list_runs()), *_unfinished()]
        found = [overview for run in runs if (overview := self._overview(run)) is not None]
        there = {overview.run.path for overview in found}
        self._known = {path: kept for path, kept in self._known.items() if path in there}
        self._polled = True
        return found

    def _overview(self, run: RunDirectory) -> Overview | None:
        try:
            seen = _signature(run)
            known = self._known.get(run.path)
            if known is not None and known.seen == seen and known.history.ended and known.whole:
                return known.overview
            history = known.history if known else History(run, _KEPT_POINTS)
            history.poll()
            job = read_job(run)
            whole = self._polled or not job.recipe
            recipe = known.overview.recipe if known and known.whole else read_recipe(run) if whole else job.recipe
            overview = _describe(history, job, recipe)
        except RunError as error:
            return _damaged(run, error) if run.path.is_dir() else None
        except OSError:
            return None
        self._known[run.path] = _Known(history, seen, overview, whole)
        return overview


class _Known(NamedTuple):
    """What was read of a run; `whole`: its recipe too."""

    history: History
    seen: tuple[int, ...]
    overview: Overview
    whole: bool


def read_recipe(run: RunDirectory) -> dict[str, Any]:
    """Return the recipe file as plain values; empty when there is none or it cannot be read."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, six times as fast, where it was built
    try:
        recipe = yaml.load(run.recipe_path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return recipe if _is_recipe(recipe) else {}


def _is_recipe(recipe: Any) -> bool:
    """Return whether the values are laid out as those of a recipe, so that readers need not look at each."""
    if not isinstance(recipe, dict):
        return False
    tasks = recipe.get("tasks", [])
    names = isinstance(tasks, list) and all(isinstance(task, str) for task in tasks)
    return names and all(isinstance(recipe.get(section, {}), dict) for section in _SECTIONS)


def _signature(run: RunDirectory) -> tuple[int, ...]:
    """Return what changes when a run does."""
    found = [os.stat(path) for path in (run.job_path, run.status_path, run.events_path) if path.exists()]
    return tuple(number for stat in found for number in (stat.st_ino, stat.st_mtime_ns, stat.st_size))


def _unfinished() -> list[RunDirectory]:
    """Return the folders among the user's runs that have no `job.json`, by name."""
    try:
        entries = sorted(entry for entry in paths.runs_dir().iterdir() if not entry.name.startswith("."))
    except OSError:
        return []
    return [RunDirectory(entry) for entry in entries if entry.is_dir() and not (entry / "job.json").is_file()]


def _damaged(run: RunDirectory, error: RunError) -> Overview:
    """Return what a list shows of a folder that is no whole run."""
    status = Status(kind="damaged", state="lost", error=Failure(error.message, error.fix))
    damage, when = error.message.replace(str(run.path), "This folder"), run.path.stat().st_mtime
    unknown: dict[str, Any] = {"best": None, "best_step": None, "baseline": None, "eta_seconds": None}
    nothing: dict[str, Any] = {"recipe": {}, "tasks": (), "curve": [], "warnings": (), "latest": {}, "scores": []}
    return Overview(run, status, "damaged", created=when, curve_name="", damage=damage, **unknown, **nothing)


def _describe(history: History, job: Job, recipe: dict[str, Any]) -> Overview:
    run = history.run
    best = best_record(run)
    name = "reward" if history.series("reward") else "loss"
    scores = history.mean_scores()
    tasks = recipe.get("tasks") or [task for task in [job.arguments.get("task")] if task]
    return Overview(
        run=run,
        status=history.status,
        kind=job.kind,
        recipe=recipe,
        tasks=tuple(Path(str(task)).stem for task in tasks),
        best=_evaluated(run) if job.kind == "evaluate" else _number(best.get("score")),
        best_step=best.get("step") if isinstance(best.get("step"), int) else None,
        baseline=scores[0][1] if scores and scores[0][0] == 0 else None,
        created=run.job_path.stat().st_mtime,
        curve=[value for _, value in history.series(name)],
        curve_name=name,
        eta_seconds=history.eta_seconds() if history.status.live else None,
        warnings=tuple(history.warnings),
        latest=history.latest,
        scores=scores,
        damage=_NO_RECIPE if job.kind == "train" and not recipe else "",
    )


def _evaluated(run: RunDirectory) -> float | None:
    """Return the score of a finished evaluation."""
    try:
        result = json.loads(run.result_path.read_text(encoding="utf-8"))
        return _number(result["scores"].get(result["metric"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
