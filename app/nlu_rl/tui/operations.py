"""What the interface does to runs, in the words of the run protocol. Every function returns at once, or says so."""

import subprocess
import sys
from typing import TYPE_CHECKING

from nlu_rl.errors import DataError, RunError
from nlu_rl.runs import control
from nlu_rl.runs.jobs import launch, read_job
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.resume import requeue
from nlu_rl.runs.status import read_status

if TYPE_CHECKING:
    from pathlib import Path

    from nlu_rl.recipe import Recipe


def ask(run: RunDirectory, name: str) -> None:
    """Ask a live worker for pause, resume, checkpoint or stop. Raises RunError when there is none."""
    status = read_status(run)
    if not status.live:
        fix = "It is whole: e scores it, x exports it." if status.state == "done" else "r goes on with it."
        raise RunError(f"{run.name} is {status.state}: nothing is running.", fix)
    control.request(run, name)


def pause_or_go_on(run: RunDirectory) -> str:
    """Ask a live worker for a pause, take that back, or have it go on; return what happens, as a sentence."""
    status = read_status(run)
    if not status.live:
        return "Nothing is running here."
    if status.state == "paused":
        control.request(run, "resume")
        return "Going on."
    if "pause" in control.pending(run):
        control.acknowledge(run, "pause")
        return "Going on without a pause."
    control.request(run, "pause")
    return "Pausing after this step."


def resume(run: RunDirectory) -> str:
    """Go on with a run that has ended or is paused; return what happens, as a sentence."""
    if read_status(run).state == "paused":
        control.request(run, "resume")
        return f"{run.name} goes on."
    if read_job(run).kind != "train":
        raise RunError(f"{run.name} is not a training run.", "Start its evaluation or export again; it goes on.")
    step = requeue(run)
    launch(run)
    return f"{run.name} goes on from step {step}."


def remove(name: str) -> None:
    from nlu_rl.runs import trash

    trash.remove(trash.removable(name))


def at_work(name: str) -> str | None:
    """Return the name of what keeps a run from being removed: itself, or an evaluation or export of it under way."""
    from nlu_rl.runs import trash

    busy = trash.at_work(trash.removable(name))
    return None if busy is None else busy.name


def restore(name: str) -> str:
    from nlu_rl.runs import trash

    return trash.restore(name).name


def start_demo() -> RunDirectory:
    """Start the training run of the demo; waits for its data, so call it in a thread."""
    from nlu_rl.cli.recipes import resolve

    path, recipe = resolve("demo", [])
    return start(path, recipe)


def start(path: "Path", recipe: "Recipe") -> RunDirectory:
    """Make and launch a run of `recipe`, whose file is `path`; waits for missing data, so call it in a thread.

    Raises:
        NluRlError: it cannot run here.
    """
    from nlu_rl.cli.recipes import create_training_run
    from nlu_rl.runs.checks import check_recipe, require

    require(check_recipe(recipe))
    fetch_missing_data(recipe.tasks)
    run = create_training_run(path, recipe)
    launch(run)
    return run


def fetch_missing_data(tasks: list[str]) -> None:
    """Fetch the data of tasks that is not here, in a process of its own: asking the hub loads what is heavy.

    Raises:
        DataError: it could not be fetched.
    """
    from nlu_rl.data.cache import read_meta
    from nlu_rl.tasks.registry import get_task

    for name in tasks:
        task = get_task(name)
        for dataset in task.datasets():
            if read_meta(dataset) is not None:
                continue
            command = [sys.executable, "-m", "nlu_rl.cli.main", "data", "fetch", dataset]
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            if done.returncode:
                why = " ".join(done.stderr.split())[-400:]
                raise DataError(f"The data of {name} could not be fetched: {why}", task.schema.bring)


def stop_now(run: RunDirectory) -> str:
    """End a worker without a checkpoint; may take seconds, so call it in a thread. Return what came of it."""
    from nlu_rl.runs.stop import stop_now as end

    return f"{run.name} is {end(run).state}."


def evaluate(
    name: str,
    *,
    task: str | None = None,
    split: str | None = None,
    examples: int | None = None,
    seed: int = 1,
    greedy: bool = False,
) -> RunDirectory:
    """Return the evaluation of a run's best checkpoint, or of a model: a finished one, or one that goes on.

    Reads rows, so call it in a thread.

    Raises:
        NluRlError: it has no checkpoint, or its task no rows.
    """
    from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_for
    from nlu_rl.evaluation.request import choose_task, evaluation_arguments, resolve_subject
    from nlu_rl.evaluation.rows import load_rows

    subject = resolve_subject(name)
    named, chosen = choose_task(task, [subject])
    arguments = evaluation_arguments(
        subject, named, chosen, split=split, data=None, examples=examples, seed=seed, greedy=greedy
    )
    rows = load_rows(chosen, arguments)
    if (done := evaluation_for(chosen, rows, arguments, DONE)) is not None:
        return done
    job = evaluation_for(chosen, rows, arguments, INTERRUPTED)
    if job is not None:
        requeue(job)
    else:
        job = create_evaluation(chosen, arguments)
    launch(job)
    return job


def export(run: RunDirectory, to: str | None = None, *, gguf: str | None = None) -> RunDirectory:
    """Start the export of a training run's best checkpoint, by default to `exports/<run>`, and return its job.

    `gguf`: the type of a GGUF file to write as well.

    Raises:
        NluRlError: it has no checkpoint, or there is something at that place.
    """
    from nlu_rl.evaluation.checkpoint import find_checkpoint
    from nlu_rl.export.target import export_target
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    require_adapter(run)
    target, step = export_target(run, to), find_checkpoint(run, None).name
    job = Job("export", {"run": run.name, "to": str(target), "checkpoint": step, "gguf": gguf})
    directory = create_run(run.export_dir, "export", job)
    launch(directory)
    return directory


def require_adapter(run: RunDirectory) -> None:
    """Raise RunError unless the run trains a language model and has a checkpoint, whole or to come."""
    from nlu_rl.evaluation.request import require_trained

    require_trained(run)
    if read_job(run).kind == "encoder":
        raise RunError(
            f"{run.name} is an encoder: it does not talk, and its model is a folder already, with nothing to merge.",
            "Evaluate it instead (e).",
        )
