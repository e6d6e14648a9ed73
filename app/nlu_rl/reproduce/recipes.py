"""The recipe of each training run of a table: a shipped one of the same method, for this model and these tasks.

A model below two billion parameters gets the recipes measured on SmolLM2, a larger one the paper's own. Nothing is
validated on the way, so that the rows that are scored play no part in choosing a checkpoint: the last one counts.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from nlu_rl import paths
from nlu_rl.errors import ModelError
from nlu_rl.models.recipe_plan import shape_of
from nlu_rl.recipe import Recipe, parse_recipe
from nlu_rl.reproduce.budget import Budget
from nlu_rl.reproduce.matrix import Training
from nlu_rl.runs.checks import absolute

SMALL_PARAMETERS = 2_000_000_000
READING = ("squad", "squad-em", "squad-f1", "record")
READING_TOKENS = 32


def planned_recipe(model: str, training: Training, budget: Budget, overrides: Sequence[str]) -> Recipe:
    """Return the recipe of a training run; `overrides` are `key=value` as for `nlu-rl run`.

    Raises:
        RecipeError: an override that does not fit.
    """
    path = _template(model, training)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    evaluate = data.get("evaluate") or {}
    train = dict(data.get("train") or {})
    if budget.steps is not None:
        train["max_steps"] = budget.steps
        train["save_every"] = max(1, min(train.get("save_every", 50), budget.steps))
    data |= {
        "model": absolute(model),
        "tasks": list(training.tasks),
        "seed": training.seed,
        "train": train,
        "evaluate": {**evaluate, "every": None, "before": False, "patience": None},
    }
    if any(task in READING for task in training.tasks):
        data["generation"] = {**(data.get("generation") or {}), "max_new_tokens": READING_TOKENS}
    return parse_recipe(yaml.safe_dump(data), overrides, source=f"The recipe of {training.method}")


def _template(model: str, training: Training) -> Path:
    """Return the shipped recipe to start from: of this model, else of its size."""
    name = Path(model).name.lower()
    task = training.tasks[0] if len(training.tasks) == 1 else "sst2"
    size = "" if _is_small(model) else "-llama-2-7b"
    for stem in (f"{task}-{training.method}-{name}", f"{task}-{training.method}{size}"):
        path = paths.recipes_dir() / f"{stem}.yaml"
        if path.is_file():
            return path
    return paths.recipes_dir() / f"sst2-{training.method}{size}.yaml"


def _is_small(model: str) -> bool:
    try:
        return shape_of(model)[1].parameters < SMALL_PARAMETERS
    except ModelError:
        return True
