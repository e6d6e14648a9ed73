"""A run directory: the names in it, how one is made and found.

A run appears whole: it is written into a hidden folder and moved into place under a new name, so a directory without a
readable `job.json` is not one of ours, or is half-written, and is never written to.
"""

import contextlib
import os
import re
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from nlu_rl import paths
from nlu_rl.errors import RunError, did_you_mean, unknown_name
from nlu_rl.runs.files import disk_error, write_atomic, write_json
from nlu_rl.runs.jobs import Job, how_to_remove, read_job, shown_recipe, write_job
from nlu_rl.runs.status import Status, read_status, write_status

MOST_NAMED = 12
"""Of more runs than this, an unknown name is answered with the nearest alone."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The places in one run."""

    path: Path

    @property
    def name(self) -> str:
        """How the user names it: the directory's name, or its path under the runs folder."""
        with contextlib.suppress(ValueError):
            return str(self.path.relative_to(paths.runs_dir()))
        return str(self.path)

    @property
    def recipe_path(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def source_path(self) -> Path:
        return self.path / "source.yaml"

    @property
    def env_path(self) -> Path:
        return self.path / "env.json"

    @property
    def job_path(self) -> Path:
        return self.path / "job.json"

    @property
    def status_path(self) -> Path:
        return self.path / "status.json"

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def samples_path(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def log_path(self) -> Path:
        return self.path / "log"

    @property
    def lock_path(self) -> Path:
        return self.path / "lock"

    @property
    def control_dir(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints_dir(self) -> Path:
        return self.path / "checkpoints"

    @property
    def eval_dir(self) -> Path:
        return self.path / "eval"

    @property
    def export_dir(self) -> Path:
        return self.path / "export"

    @property
    def result_path(self) -> Path:
        return self.path / "result.json"


def create_run(
    root: Path,
    name_hint: str,
    job: Job,
    recipe_yaml: str | None = None,
    source_yaml: str | None = None,
    *,
    exact: bool = False,
) -> RunDirectory:
    """Make a queued run under `root`, named `<name_hint>-01`, `-02`, ...; with `exact`, `name_hint` itself.

    Raises:
        RunError: the name is taken (with `exact`) or not a file name, or the disk refuses.
    """
    from nlu_rl.runs.environment import describe_environment

    hint = name_hint if exact else (re.sub(r"[^A-Za-z0-9._-]+", "-", name_hint).strip("-.") or "run")
    require_free_name(root, hint, taken_is_fine=not exact)
    draft = RunDirectory(root / f".creating-{uuid.uuid4().hex}")
    try:
        for folder in (draft.control_dir, draft.checkpoints_dir, draft.eval_dir, draft.export_dir):
            folder.mkdir(parents=True, exist_ok=True)
        for path, text in ((draft.recipe_path, recipe_yaml), (draft.source_path, source_yaml)):
            if text is not None:
                write_atomic(path, text)
        write_json(draft.env_path, describe_environment())
        draft.events_path.touch()
        write_status(draft, Status(kind=job.kind, state="queued", heartbeat=time.time()))
        shown = shown_recipe(recipe_yaml) if recipe_yaml else {}
        write_job(draft.job_path, replace(job, recipe=shown))
        return RunDirectory(_move_into_place(draft.path, root, hint, exact))
    except OSError as error:
        raise disk_error(OSError(error.errno, error.strerror, str(root)), "make a run") from None
    finally:
        shutil.rmtree(draft.path, ignore_errors=True)


def _move_into_place(draft: Path, root: Path, hint: str, exact: bool) -> Path:
    for number in range(1, 10_000):
        target = root / (hint if exact else f"{hint}-{number:02d}")
        if not os.path.lexists(target):
            try:
                os.rename(draft, target)
            except OSError:
                if not os.path.lexists(target):  # not someone who was faster, but the disk
                    raise
            else:
                return target
        if exact:
            break
    raise _taken(root, hint)


def require_free_name(root: Path, name: str, *, taken_is_fine: bool = False) -> None:
    """Raise RunError when no run under `root` can be given this name."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise RunError(f"'{name}' cannot be the name of a run.", "Use letters, digits, '-', '_' and '.'.")
    if not taken_is_fine and os.path.lexists(root / name):
        raise _taken(root, name)


def _taken(root: Path, name: str) -> RunError:
    run = RunDirectory(root / name)
    try:
        read_job(run)
    except RunError:
        return RunError(
            f"{run.path} exists, and is no whole run.",
            f"Give another --name; {how_to_remove(run)}",
        )
    ended = read_status(run).state in ("failed", "stopped", "lost")
    go_on = f"'nlu-rl resume {name}' goes on with it, " if ended else ""
    return RunError(
        f"There is already a run named '{name}'.",
        f"Give another --name; a run is never overwritten. {go_on}'nlu-rl runs rm {name}' removes it.",
    )


def open_run(name: str | Path, *, write: bool = False, kind: str | None = None) -> RunDirectory:
    """Return the run of this name (or path); `write` when something will be changed in it.

    `kind`: only runs of this kind are suggested when there is none of the name.

    Raises:
        RunError: no such run, not one of ours, half-written, or not ours to change.
    """
    text = str(name)
    candidates = [paths.runs_dir() / text, Path(text).expanduser()]
    path = next((p for p in candidates if p.is_dir() and text not in ("", ".", "..")), None)
    if path is None:
        known = run_names(kind)
        if len(known) > MOST_NAMED:
            message = f"Unknown run '{text}'.{did_you_mean(text, known)} There are {len(known)} others."
        else:
            message = unknown_name("run", text, known) if known else f"There is no run '{text}', nor any other run yet."
        raise RunError(message, "'nlu-rl runs list' shows every run.")
    run = RunDirectory(path.resolve())
    if not os.access(run.path, os.R_OK | os.X_OK) or (write and not os.access(run.path, os.W_OK)):
        if run.path.stat().st_uid == os.geteuid():
            raise RunError(f"The run {text} cannot be written: {run.path} is read-only.", "Make it writable first.")
        raise RunError(f"The run {text} belongs to someone else.", "Copy it to a folder of yours, or ask its owner.")
    if not run.job_path.is_file():
        raise RunError(
            f"{run.path} is not a run of nlu-rl, or was never written completely: it has no job.json.",
            f"Start the run again under a new name; {how_to_remove(run)}",
        )
    read_job(run)
    return run


def run_names(kind: str | None = None) -> list[str]:
    """Return the names of the user's whole runs (of this kind)."""
    names = []
    for run in list_runs():
        with contextlib.suppress(RunError):  # half-written: nothing to suggest
            if read_job(run).kind == kind or kind is None:
                names.append(run.name)
    return names


def damaged_runs() -> list[RunDirectory]:
    """Return the folders among the user's runs that are not whole runs of this program, by name."""
    try:
        entries = sorted(entry for entry in paths.runs_dir().iterdir() if not entry.name.startswith("."))
    except OSError:
        return []
    found = []
    for entry in entries:
        try:
            read_job(RunDirectory(entry))
        except RunError:
            if entry.is_dir():
                found.append(RunDirectory(entry))
    return found


def list_runs(root: Path | None = None) -> list[RunDirectory]:
    """Return the runs under `root` (default: all of the user's), the newest last."""
    folder = paths.runs_dir() if root is None else root
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        runs = [RunDirectory(entry.resolve()) for entry in entries if (entry / "job.json").is_file()]
        return sorted(runs, key=lambda run: (run.job_path.stat().st_mtime, run.path.name))
    except OSError:
        return []
