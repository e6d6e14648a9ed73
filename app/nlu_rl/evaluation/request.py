"""What a user asks to have evaluated, checked and complete before any worker starts (light)."""

from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.data.schema import check_split
from nlu_rl.errors import DataError, ModelError, RecipeError, RunError, unknown_name
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.endpoint import endpoint_arguments, is_endpoint
from nlu_rl.evaluation.rows import MOST_SHOTS
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.checks import absolute
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, open_run, run_names
from nlu_rl.runs.resume import require_recipe
from nlu_rl.tasks.contract import Task
from nlu_rl.tasks.registry import get_task

TRAINED = ("train", "encoder")
"""The kinds of runs that leave something to evaluate."""


def resolve_subject(name: str, checkpoint: str | None = None, **endpoint: Any) -> dict[str, Any]:
    """Return `{"run", "model", "checkpoint"}` for a run, or else a model, of this name; more for `openai:MODEL`.

    The checkpoint of a run is pinned to its step, so that the answer stays true while the run goes on. `endpoint` is
    what `endpoint.endpoint_arguments` takes.

    Raises:
        RunError: a run that cannot be evaluated, or no such checkpoint.
        ModelError: neither a run nor a model.
    """
    if is_endpoint(name):
        if checkpoint is not None:
            raise RunError(f"'{name}' is not a run, so it has no checkpoint '{checkpoint}'.", "Leave --checkpoint out.")
        return endpoint_arguments(name, **endpoint)
    run = find_run(name)
    if run is not None:
        require_trained(run)
        return {"run": run.name, "model": None, "checkpoint": find_checkpoint(run, checkpoint).name}
    if checkpoint is not None:
        raise RunError(f"'{name}' is not a run, so it has no checkpoint '{checkpoint}'.", "Leave --checkpoint out.")
    from nlu_rl.models.catalogue import known_models, resolve_reference
    from nlu_rl.models.encoders import find_encoder
    from nlu_rl.models.verify import verify_folder

    try:
        resolve_reference(name)
    except ModelError:
        if Path(name).expanduser().exists() or find_encoder(name):
            raise
        known = [*run_names("train"), *known_models()]
        raise ModelError(
            unknown_name("run or model", name, known),
            "'nlu-rl runs list' and 'nlu-rl models list' show them; or give a folder, a hub id or openai:MODEL.",
        ) from None
    folder = Path(name).expanduser()
    if folder.is_dir() and (problems := verify_folder(folder, hashes=False)):
        raise ModelError(
            f"The model {folder} cannot be used. {' '.join(problems)}",
            "Complete the folder, or name a model of 'nlu-rl models list'.",
        )
    return {"run": None, "model": str(folder.resolve()) if folder.is_dir() else name, "checkpoint": None}


def find_run(name: str) -> RunDirectory | None:
    """Return the run of this name or path; None when there is none. Raises RunError when it cannot be used."""
    try:
        return open_run(name)
    except RunError:
        folder = paths.runs_dir() / name  # an absolute name stays as it is
        if folder.is_dir() and paths.runs_dir() in folder.parents:
            raise
        return None


def require_trained(run: RunDirectory) -> None:
    """Raise RunError unless the run is a training run, of a language model or an encoder."""
    job = read_job(run)
    if job.kind == "evaluate":
        asked = job.arguments
        of = asked.get("run") or asked.get("model") or f"openai:{asked.get('endpoint_model')}"
        raise RunError(
            f"{run.name} is an evaluation.",
            f"Give what it evaluated, {of}, with --task {asked.get('task')} and the settings it had: its answers are "
            "used again.",
        )
    if job.kind not in TRAINED:
        raise RunError(f"{run.name} is a job of kind '{job.kind}', which has no adapter.", "Give a training run.")
    if job.kind == "train":
        require_recipe(run)


def choose_task(name: str | None, subjects: list[dict[str, Any]]) -> tuple[str, Task]:
    """Return the task asked for, else the first that all runs were trained for.

    Raises:
        RecipeError: unknown task, or none given and none that the runs share.
    """
    name = absolute(_shared_task(subjects) if name is None else name)
    return name, get_task(name)


def _shared_task(subjects: list[dict[str, Any]]) -> str:
    tasks = {subject["run"]: tasks_of_run(open_run(subject["run"])) for subject in subjects if subject["run"]}
    if not tasks:
        raise RecipeError("A model has no task of its own.", "Give --task; 'nlu-rl tasks list' shows them.")
    first, *others = tasks.values()
    shared = next((task for task in first if all(task in other for other in others)), None)
    if shared is None:
        told = ", ".join(f"{run} for {', '.join(names)}" for run, names in tasks.items())
        raise RecipeError(f"The runs were trained for different tasks: {told}.", "Say with --task what to score.")
    return shared


def tasks_of_run(run: RunDirectory) -> list[str]:
    """Return the tasks that a run was trained for."""
    job = read_job(run)
    return [str(job.arguments["task"])] if job.kind == "encoder" else load_recipe(run.recipe_path).tasks


def evaluation_arguments(
    subject: dict[str, Any],
    task_name: str,
    task: Task,
    *,
    split: str | None,
    data: Path | None,
    examples: int | None,
    seed: int,
    greedy: bool,
    samples: int = 1,
    shots: str = "0",
    shots_seed: int = 0,
) -> dict[str, Any]:
    """Return the arguments of an evaluate job.

    Raises:
        DataError, RecipeError: values that do not go together or do not exist.
    """
    if data is not None and split is not None:
        raise DataError("--split and --data both say which rows to use.", "Give one of them.")
    if greedy and samples > 1:
        raise RecipeError("Greedy answers are all the same, so there is no use in several.", "Leave --samples out.")
    if shots != "best" and not (shots.isdecimal() and int(shots) <= MOST_SHOTS):
        raise RecipeError(
            f"'{shots}' is not a number of demonstrations from 0 to {MOST_SHOTS}.",
            f"Give --shots 0 to {MOST_SHOTS}, or --shots best.",
        )
    if subject.get("run"):
        _check_encoder(subject["run"], task, samples=samples, shots=shots)
    default = getattr(task, "evaluation_split", "validation")
    return {
        **subject,
        "task": task_name,
        "split": None if data else check_split(split or default),
        "data": str(data.expanduser().resolve()) if data else None,
        "examples": examples,
        "seed": seed,
        "greedy": greedy,
        "samples": samples,
        "shots": "best" if shots == "best" else int(shots),
        **({"shots_seed": shots_seed} if shots_seed else {}),
    }


def _check_encoder(name: str, task: Task, *, samples: int, shots: str) -> None:
    """Raise RecipeError for what the run cannot be asked, if it is of an encoder."""
    job = read_job(open_run(name))
    if job.kind != "encoder":
        return
    from nlu_rl.encoder.texts import require_same_answers

    require_same_answers(get_task(str(job.arguments["task"])), task)  # type: ignore[arg-type]
    if shots != "0":
        raise RecipeError("An encoder reads no demonstrations.", "Leave --shots out.")
    if samples > 1:
        raise RecipeError("An encoder does not sample: its answers are all the same.", "Leave --samples out.")


def metric_names(task: "Task") -> list[str]:
    """Return the names of the task's metrics, from one made-up right answer: no data is needed."""
    from nlu_rl.tasks.contract import Example

    gold = task.answers[0] if task.answers else "1.0"
    example = Example("0", {}, gold)
    return sorted(task.metrics([(example, task.score(example, task.target(example)))]))
