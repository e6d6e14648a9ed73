"""What the shell completes for an argument: runs, recipes, tasks, models. Light, and silent when it knows nothing."""

from pathlib import Path

from nlu_rl import paths


def run_names(incomplete: str) -> list[str]:
    from nlu_rl.runs.layout import list_runs

    return [run.name for run in list_runs() if run.name.startswith(incomplete)]


def trashed_runs(incomplete: str) -> list[str]:
    from nlu_rl.runs.trash import trashed

    return [name for name in trashed() if name.startswith(incomplete)]


def recipe_names(incomplete: str) -> list[str]:
    """Return the shipped recipes, and YAML files and folders that the text may be the start of."""
    names = [path.stem for path in sorted(paths.recipes_dir().glob("*.yaml"))]
    folder = Path(incomplete).parent if incomplete else Path()
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        entries = []
    files = [f"{entry}/" if entry.is_dir() else str(entry) for entry in entries if _recipe_or_folder(entry)]
    return [name for name in (*names, *files) if name.startswith(incomplete)]


def task_names(incomplete: str) -> list[str]:
    from nlu_rl.tasks.registry import task_names as known

    return [name for name in (*known(), "wikitext2") if name.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    from nlu_rl.models.catalogue import CATALOGUE
    from nlu_rl.models.encoders import ENCODERS

    return [name for name in (*CATALOGUE, *ENCODERS) if name.startswith(incomplete)]


def encoder_names(incomplete: str) -> list[str]:
    from nlu_rl.models.encoders import ENCODERS

    return [name for name in ENCODERS if name.startswith(incomplete)]


def runs_and_models(incomplete: str) -> list[str]:
    return [*run_names(incomplete), *model_names(incomplete)]


def _recipe_or_folder(path: Path) -> bool:
    return not path.name.startswith(".") and (path.suffix in (".yaml", ".yml") or path.is_dir())
