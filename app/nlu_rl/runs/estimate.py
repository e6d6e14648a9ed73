"""How long a recipe will take on this machine, from what its like took here: a trial of it, or an earlier run.

Nothing is guessed from the model's size. Where no run of the same model and method was made here, there is no
estimate, and a trial of three steps makes one.
"""

import statistics
from dataclasses import dataclass
from typing import Any

from nlu_rl.recipe import Recipe
from nlu_rl.runs.history import History
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.overview import read_recipe
from nlu_rl.runs.status import host_name
from nlu_rl.runs.watch import metric

LOOKED_AT = 30
"""The newest runs that are considered."""
FEWEST_STEPS = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of one step, and of one validation row, as `source` measured them."""

    step_seconds: float
    row_seconds: float
    source: str

    def seconds(self, recipe: Recipe) -> float:
        """Return how long the whole run takes: its steps and its validations."""
        evaluate, steps = recipe.evaluate, recipe.train.max_steps
        validations = (steps // evaluate.every if evaluate.every else 0) + int(evaluate.before)
        return steps * self.step_seconds + validations * evaluate.examples * len(recipe.tasks) * self.row_seconds


def known_pace(recipe: Recipe) -> Pace | None:
    """Return the pace of the newest run here that is most like `recipe`; None when there is none."""
    best: tuple[int, Pace] | None = None
    for run in reversed(list_runs()[-LOOKED_AT:]):
        likeness = _likeness(recipe, read_recipe(run))
        if likeness and (best is None or likeness > best[0]):
            pace = pace_of(run, recipe)
            best = (likeness, pace) if pace else best
    return best[1] if best else None


def pace_of(run: RunDirectory, recipe: Recipe, source: str = "") -> Pace | None:
    """Return what a step of `run` took, for the batch of `recipe`; None before it has made a few, or elsewhere."""
    history = History(run)
    history.poll()
    steps = list(history.steps)[1:]  # the first one warms up
    if len(steps) + 1 < FEWEST_STEPS or history.status.host not in (None, host_name()):
        return None
    ran = read_recipe(run)
    batch = int((ran.get("train") or {}).get("batch") or recipe.train.batch)
    seconds = _median(steps, "step_seconds")
    if seconds is None:
        return None
    share = recipe.train.batch / batch
    generated = _median(steps, "generate_seconds")
    # Without sampling in its steps (SFT), a row's answer costs about what a row's step does.
    row = (generated if generated is not None else seconds) / batch
    return Pace(seconds * share, row, source or f"as {run.name} measured")


def _likeness(recipe: Recipe, ran: dict[str, Any]) -> int:
    """Return 0 for a run that says nothing about this one, and more the more they have in common."""
    if (ran.get("model"), ran.get("method"), ran.get("quantize", "none")) != (
        recipe.model,
        recipe.method,
        recipe.quantize,
    ):
        return 0
    mine = recipe.model_dump(mode="json")
    same_tasks = bool(ran.get("tasks") == recipe.tasks)
    same_batch = bool((ran.get("train") or {}).get("batch") == recipe.train.batch)
    alike = [part for part in ("lora", "generation", "ppo", "grpo") if ran.get(part) == mine[part]]
    return 1 + 4 * same_tasks + 2 * same_batch + len(alike)


def _median(steps: list[dict[str, Any]], name: str) -> float | None:
    values = [value for event in steps if (value := metric(event, name)) is not None]
    return statistics.median(values) if values else None
