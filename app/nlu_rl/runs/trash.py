"""Removing runs so that it can be undone: they move to `runs/.trash` and back."""

import contextlib
import os
import shutil
import time
from pathlib import Path

from nlu_rl import paths
from nlu_rl.errors import RunError, unknown_name
from nlu_rl.runs.files import disk_error
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, damaged_runs, list_runs, open_run
from nlu_rl.runs.lock import RunLock
from nlu_rl.runs.status import read_status


def trash_dir() -> Path:
    return paths.runs_dir() / ".trash"


def trashed() -> list[str]:
    """Return the names of the removed runs."""
    folder = trash_dir()
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def removable(name: str) -> RunDirectory:
    """Return the run of this name, or the damaged one: it can be removed, though nothing else can be done with it.

    Raises:
        RunError: there is none, or it is not ours to change.
    """
    try:
        return open_run(name, write=True)
    except RunError:
        damaged = next((run for run in damaged_runs() if run.name == name), None)
        if damaged is None or not os.access(damaged.path, os.W_OK):
            raise
        return RunDirectory(damaged.path.resolve())


def _locked(run: RunDirectory) -> contextlib.AbstractContextManager[object]:
    try:
        read_job(run)
    except RunError:
        return contextlib.nullcontext()
    return RunLock(run)


def at_work(run: RunDirectory) -> RunDirectory | None:
    """Return what keeps a run from being removed: itself while it is live, or an evaluation or export inside it."""
    inside = [job for folder in (run.eval_dir, run.export_dir) if folder.is_dir() for job in list_runs(folder)]
    for one in (run, *inside):
        status = read_status(one)
        if status.live and not status.is_prepared:
            return one
    return None


def remove(run: RunDirectory) -> Path:
    """Move a run to the trash and return where it is; into a damaged one nothing is written.

    Raises:
        RunError: it is live, or something inside it is, or it is not a run of its own (but such as an evaluation).
    """
    if run.path.parent != paths.runs_dir().resolve():
        raise RunError(f"{run.name} is not in {paths.runs_dir()}.", "Remove the folder yourself.")
    if (busy := at_work(run)) is not None:
        raise RunError(f"{busy.name} is {read_status(busy).state}.", f"First 'nlu-rl stop {busy.name}'.")
    target = trash_dir() / run.path.name
    try:
        with _locked(run):
            trash_dir().mkdir(exist_ok=True)
            if target.exists():  # an older run of the same name: keep both
                os.rename(target, target.with_name(f"{target.name}.{time.time_ns()}"))
            os.rename(run.path, target)
    except OSError as error:
        raise disk_error(error, f"remove {run.name}") from None
    return target


def restore(name: str) -> RunDirectory:
    """Move a removed run back.

    Raises:
        RunError: there is none of that name in the trash, or there is one again among the runs.
    """
    if name not in trashed():
        known = trashed()
        message = unknown_name("removed run", name, known) if known else "No run has been removed."
        raise RunError(message, "'nlu-rl runs list' shows the runs that are there.")
    target = paths.runs_dir() / name
    if os.path.lexists(target):
        raise RunError(f"There is a run named '{name}' again.", "Remove or rename that one first.")
    try:
        os.rename(trash_dir() / name, target)
    except OSError as error:
        raise disk_error(error, f"restore {name}") from None
    return RunDirectory(target)


def empty() -> int:
    """Delete every removed run for good; return how many."""
    names = trashed()
    for name in names:
        shutil.rmtree(trash_dir() / name)
    return len(names)
