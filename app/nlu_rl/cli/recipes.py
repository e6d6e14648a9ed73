"""A recipe as the user names it, and everything that happens between naming it and a queued run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl import paths
from nlu_rl.errors import ModelError, RecipeError, unknown_name

if TYPE_CHECKING:
    from nlu_rl.models.quantized import Quantization
    from nlu_rl.recipe import Recipe
    from nlu_rl.runs.layout import RunDirectory

_FIX = "Give one of them, or the path of a YAML file."


def find_recipe(name: str) -> Path:
    """Return the file meant by a path or by the name of a shipped recipe.

    Raises:
        RecipeError: there is neither, with the nearest name.
    """
    path = Path(name).expanduser()
    shipped = {recipe.stem: recipe for recipe in paths.recipes_dir().glob("*.yaml")}
    if path.is_file():
        return path
    stem = name.removesuffix(".yaml")  # not with_suffix: the 2.5 of a model is none
    if path.name == name and stem in shipped:
        return shipped[stem]
    if path.is_dir():
        raise RecipeError(f"{path} is a folder, not a recipe.", "Give a YAML file or the name of a shipped recipe.")
    if path.exists():
        raise RecipeError(f"{path} is not a regular file.", "Give a YAML file or the name of a shipped recipe.")
    if path.name != name:
        raise RecipeError(f"There is no recipe file {path}.", "Check the path; 'nlu-rl run --help' shows examples.")
    raise RecipeError(unknown_name("recipe", name, shipped), _other_task(stem, shipped) or _FIX)


def _other_task(name: str, shipped: dict[str, Path]) -> str:
    """Return how to run what `name` asks for when it is TASK-METHOD of a task without a recipe of its own, else ""."""
    from nlu_rl.tasks.registry import task_names

    for task in task_names():
        like = f"sst2-{name.removeprefix(f'{task}-')}"
        if name.startswith(f"{task}-") and like in shipped:
            return f"Any task takes the recipe of another: nlu-rl run {like} 'tasks=[{task}]'"
    return ""


def resolve(name: str, overrides: Sequence[str]) -> "tuple[Path, Recipe]":
    """Return the recipe's file and the recipe with overrides; folders and task files in it become absolute.

    A base that is stored in 4 bits is held so whatever the recipe says: `quantize` becomes what will be.
    """
    from nlu_rl.recipe import load_recipe
    from nlu_rl.runs.checks import absolute

    path = find_recipe(name)
    recipe = load_recipe(path, overrides)
    tasks = [absolute(task) for task in recipe.tasks]
    mix = (
        {absolute(task): weight for task, weight in recipe.mix.items()} if isinstance(recipe.mix, dict) else recipe.mix
    )
    model = absolute(recipe.model)
    return path, recipe.model_copy(
        update={"model": model, "tasks": tasks, "mix": mix, "quantize": _held(recipe, model)}
    )


def _held(recipe: "Recipe", model: str) -> "Quantization":
    """Return how the base's weights will be held, and tell the person when that is not what the recipe says."""
    from nlu_rl.cli.console import note
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.quantized import stored_quantization

    try:
        stored = stored_quantization(resolve_reference(model).folder)
    except ModelError:  # which the checks tell
        return recipe.quantize
    if recipe.quantize != "none" or stored == "none":
        return recipe.quantize
    if "quantize" in recipe.model_fields_set:
        note(f"The weights of {recipe.model} are stored in 4 bits, so quantize is nf4, not none.")
    return stored


def fetch_missing_data(recipe: "Recipe") -> None:
    """Fetch the data sets of the recipe's tasks that are not in the cache, with a progress bar."""
    from nlu_rl.cli.console import progress_bar
    from nlu_rl.data.cache import read_meta
    from nlu_rl.data.fetch import fetch_dataset
    from nlu_rl.tasks.registry import get_task

    for name in recipe.tasks:
        for dataset in get_task(name).datasets():
            if read_meta(dataset) is None:
                with progress_bar(f"Fetching the data of {name}") as progress:
                    fetch_dataset(dataset, progress)


def create_training_run(path: Path, recipe: "Recipe", name: str | None = None) -> "RunDirectory":
    """Make a queued training run; its name tells task, model and method unless `name` is given."""
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    tasks = "-".join(Path(task).stem for task in recipe.tasks) if len(recipe.tasks) <= 2 else "mix"
    hint = f"{tasks}-{Path(recipe.model).name}-{recipe.method}".lower()[:90]
    source = path.read_text(encoding="utf-8")
    job = Job("train")
    if name is not None:
        return create_run(paths.runs_dir(), name, job, recipe.to_yaml(), source, exact=True)
    return create_run(paths.runs_dir(), hint, job, recipe.to_yaml(), source)


def run_summary(run: "RunDirectory") -> dict[str, Any]:
    """Return {"run", "state", "step", "scores"} as it stands; scores are the last validation's."""
    from nlu_rl.runs.events import read_events
    from nlu_rl.runs.status import read_status

    status = read_status(run)
    scores: dict[str, dict[str, float]] = {}
    for event in read_events(run.events_path):
        if event.get("type") == "validation" and isinstance(event.get("scores"), dict):
            scores[str(event.get("task"))] = event["scores"]
    if len(scores) == 1:
        flat: dict[str, Any] = next(iter(scores.values()))
    else:
        flat = {f"{task}/{name}": value for task, found in scores.items() for name, value in found.items()}
    return {"run": run.name, "state": status.state, "step": status.step, "scores": flat}
