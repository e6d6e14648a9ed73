"""Putting a run that has ended back into the queue, to go on from its latest whole checkpoint."""

import contextlib
import json
import time
from dataclasses import replace
from pathlib import Path

from nlu_rl.errors import RunError
from nlu_rl.runs import control
from nlu_rl.runs.checkpoints import adapter_checkpoint, complete_checkpoints
from nlu_rl.runs.files import disk_error
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.lock import RunLock
from nlu_rl.runs.status import Status, read_status, write_status


def requeue(run: RunDirectory) -> int:
    """Make a stopped, failed or lost run ready to launch; return the step it goes on from.

    Raises:
        RunError: it is done, or live.
    """
    job = read_job(run)
    _refuse(run, read_status(run))
    with RunLock(run):
        status = read_status(run)
        _refuse(run, status)
        checkpoints = complete_checkpoints(run)
        step = checkpoints[-1][0] if checkpoints else 0
        control.clear(run)
        queued = Status(kind=job.kind, state="queued", step=step, total=status.total, heartbeat=time.time())
        try:
            write_status(run, replace(queued, started=status.started), durable=True)
        except OSError as error:
            raise disk_error(error, f"resume {run.name}") from None
    return step


def drop_samples(run: RunDirectory, after: int) -> None:
    """Cut off the samples of steps beyond `after`: the run does these steps again, and draws the same samples again."""
    with contextlib.suppress(OSError), run.samples_path.open("r+b") as file:
        end = 0
        for line in file:
            if _step_of(line) > after:
                file.truncate(end)
                return
            end += len(line)


def _step_of(line: bytes) -> int:
    """Return the step of a sample; 0 for a line that is none."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 0


def start_checkpoint(run: RunDirectory) -> Path:
    """Return the checkpoint that `start_from` goes on from. Raises RunError as `adapter_checkpoint` does."""
    anew = f"train it again with 'nlu-rl run {run.recipe_path}'"
    return adapter_checkpoint(run, damaged_fix=f"Name another run in start_from, or {anew} and start from that one.")


def require_recipe(run: RunDirectory) -> None:
    """Raise RunError for a training run whose recipe was never written."""
    if not run.recipe_path.is_file():
        raise RunError(
            f"The run {run.name} is half-written: it has no recipe.yaml.",
            f"Start it anew with 'nlu-rl run'; 'nlu-rl runs rm {run.name}' removes this one.",
        )


def _refuse(run: RunDirectory, status: Status) -> None:
    if status.state == "done":
        raise RunError(
            f"The run {run.name} is done: there is nothing to resume.",
            f"To train further, start a run with start_from={run.name}.",
        )
    if status.live and not status.is_prepared:
        worker = f" (process {status.pid} on {status.host})" if status.pid else ""
        raise RunError(
            f"The run {run.name} is {status.state}: it already has a worker{worker}.",
            f"Follow it with 'nlu-rl runs logs -f {run.name}', or 'nlu-rl stop {run.name}' first.",
        )
