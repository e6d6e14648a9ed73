"""Requests to a worker: one small file each in `control/`, taken away when the worker acknowledges it by an event."""

from typing import TYPE_CHECKING

from nlu_rl.runs.files import disk_error

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

NAMES = frozenset({"pause", "resume", "checkpoint", "stop"})


def request(run: "RunDirectory", name: str) -> None:
    """Ask the worker for `name`; asking twice is asking once.

    Raises:
        RunError: the file cannot be written.
    """
    if name not in NAMES:
        raise ValueError(f"unknown request {name!r}")
    try:
        run.control_dir.mkdir(exist_ok=True)
        (run.control_dir / name).touch()
    except OSError as error:
        raise disk_error(error, f"ask the run {run.name} to {name}") from None


def pending(run: "RunDirectory") -> set[str]:
    """Return what has been asked for and not acknowledged."""
    try:
        return {path.name for path in run.control_dir.iterdir()} & NAMES
    except OSError:
        return set()


def acknowledge(run: "RunDirectory", name: str) -> None:
    (run.control_dir / name).unlink(missing_ok=True)


def clear(run: "RunDirectory") -> None:
    """Drop every request: they were meant for a worker that has ended."""
    for name in pending(run):
        acknowledge(run, name)
