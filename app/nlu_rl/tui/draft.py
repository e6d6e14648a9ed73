"""A run that is being put together: a shipped recipe and what was changed in it, as the shell would say it. Pure.

`nlu-rl run <recipe> <overrides>` gives exactly the draft's recipe (tested), so nothing can be started here that cannot
be started from a shell.
"""

import contextlib
import json
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from nlu_rl import paths
from nlu_rl.errors import NluRlError, RecipeError
from nlu_rl.recipe import Recipe, load_recipe, parse_recipe
from nlu_rl.recipe_sections import Section
from nlu_rl.tasks.registry import get_task
from nlu_rl.tasks.training_commands import Way, way_for

FIRST_RECIPE = "demo"
_BY_METHOD = ("train.batch", "train.optimizer")  # what a recipe leaves to its method unless it says otherwise


@dataclass(frozen=True, slots=True)
class Draft:
    """`path` is the shipped recipe it began with."""

    path: Path
    recipe: Recipe

    @property
    def overrides(self) -> list[str]:
        return overrides_between(load_recipe(self.path), self.recipe)

    @property
    def command(self) -> str:
        """The same run from the shell."""
        shipped = self.path.parent == paths.recipes_dir()
        return shlex.join(["nlu-rl", "run", self.path.stem if shipped else str(self.path), *self.overrides])

    def changed(self, *overrides: str) -> "Draft":
        """Return the draft with `key=value` overrides. Raises RecipeError when that is no recipe."""
        return Draft(self.path, parse_recipe(self.recipe.to_yaml(), overrides, source="recipe"))

    def edited(self, text: str) -> "Draft":
        """Return the draft with the whole recipe as this YAML. Raises RecipeError."""
        return Draft(self.path, parse_recipe(text, source="recipe"))


def save_as(draft: Draft, path: Path) -> Draft:
    """Write the whole recipe to a file of the user's and return the draft that begins with it.

    Raises:
        RecipeError: it is there already, or cannot be written.
    """
    path = path.expanduser().absolute()
    if path.name and path.suffix not in (".yaml", ".yml"):
        path = path.with_name(f"{path.name}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"# nlu-rl run {shlex.quote(str(path))}\n{draft.recipe.to_yaml()}")
    except FileExistsError:
        raise RecipeError(f"{path} is there already; it is not overwritten.", "Give another name.") from None
    except OSError as error:
        raise RecipeError(f"Cannot write {path}: {error.strerror}.", "Give another place.") from None
    return Draft(path, draft.recipe)


def first_draft() -> Draft:
    """Return what runs on any machine."""
    path = paths.recipes_dir() / f"{FIRST_RECIPE}.yaml"
    return Draft(path, load_recipe(path))


def draft_of(path: Path, model: str) -> Draft:
    """Return a shipped recipe for a model."""
    recipe = load_recipe(path)
    return Draft(path, recipe if recipe.model == model else recipe.model_copy(update={"model": model}))


def draft_for(path: Path, task: str, model: str) -> Draft:
    """Return a shipped recipe for a model and a task, which may be another than the recipe's own."""
    draft = draft_of(path, model)
    if draft.recipe.tasks == [task]:
        return draft
    way = _way_for(task)
    return draft.changed(f"tasks=[{json.dumps(task)}]", *(way.overrides if way else ()))


def recipes_for(task: str, model: str) -> list[Path]:
    """Return the shipped recipes of a task: those for this model when there are any, else for the smallest one.

    A task without any, such as a user's own, is trained by those of one that is like it. Supervised training comes
    first: it works whatever the model says untrained.
    """
    found = _recipes_of(task, model)
    if found or (way := _way_for(task)) is None:
        return found
    found = _recipes_of(way.family, model)
    return sorted(found, key=lambda path: load_recipe(path).method != "ppo") if way.at_once else found


def _way_for(task: str) -> Way | None:
    """Return how a task is trained on; None for one that is not there."""
    try:
        found = get_task(task)
    except NluRlError:
        return None
    kind = "answers" if found.answers else "span" if found.schema.free_text else "number"
    scale = (getattr(found, "low", 0.0), getattr(found, "high", 5.0))
    return way_for(kind, found.answers or (), scale)


def _recipes_of(task: str, model: str) -> list[Path]:
    """Return the shipped recipes that name a task."""
    found = {path: recipe for path, recipe in _shipped(paths.recipes_dir()).items() if recipe.tasks == [task]}
    own = [path for path, recipe in found.items() if recipe.model == model]
    general = [path for path, recipe in found.items() if recipe.model == "smollm2-135m"]
    order = {"sft": 0, "ppo": 1, "grpo": 2}
    return sorted(own or general or found, key=lambda path: order[found[path].method])


@cache
def _shipped(folder: Path) -> dict[Path, Recipe]:
    """Return the recipes in a folder; a file that is none is left out."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        with contextlib.suppress(RecipeError):
            found[path] = load_recipe(path)
    return found


def overrides_between(base: Recipe, wanted: Recipe) -> list[str]:
    """Return the overrides that make `wanted` of the file `base` was read from, in the order of the recipe."""
    before, after = _flat(base), _flat(wanted)
    stated = set(_BY_METHOD) if base.method != wanted.method else set()
    return [f"{key}={_text(value)}" for key, value in after.items() if value != before[key] or key in stated]


def _flat(recipe: Recipe) -> dict[str, Any]:
    """Return every value under its dotted key."""
    flat: dict[str, Any] = {}
    for name, value in recipe.model_dump(mode="json").items():
        if isinstance(getattr(recipe, name), Section):
            flat.update({f"{name}.{key}": item for key, item in value.items()})
        else:
            flat[name] = value
    return flat


def _text(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()
