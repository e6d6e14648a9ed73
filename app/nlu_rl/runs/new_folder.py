"""A folder that appears whole or not at all: built hidden beside its place, then renamed into it.

Used for exports and model bundles. What was at the place before is never touched; what a killed job left is cleared.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from nlu_rl.errors import RunError
from nlu_rl.runs.files import disk_error


def new_folder(to: Path) -> Path:
    """Return the absolute path of a folder that may be made.

    Raises:
        RunError: something is there already, or it lies where nothing may be written.
    """
    target = to.expanduser().absolute()
    if os.path.lexists(target) and not target.is_dir():
        raise RunError(f"{target} exists and is not a folder.", "Give another --to.")
    if target.is_dir() and any(target.iterdir()):
        raise RunError(
            f"{target} exists and is not empty; it is not overwritten.", "Give another --to, or move it away."
        )
    existing = next(parent for parent in (target, *target.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise RunError(f"Nothing can be written to {existing}.", "Give --to a folder that you may write to.")
    return target


def require_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise RunError unless `folder` has room for `what`."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise RunError(
            f"The {what} needs about {needed_bytes / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free.",
            "Free some space, or give --to a folder on another disk.",
        )


@contextmanager
def draft_folder(target: Path, needed_bytes: int, what: str) -> Iterator[Path]:
    """Give the hidden folder beside the target, and remove it at the end unless it was put in place.

    Raises:
        RunError: the disk has no room, or refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{target.name}.partial-*"):
            pid = left.name.rpartition("-")[2]
            if pid.isdigit() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(left, ignore_errors=True)
        require_space(target.parent, needed_bytes, what)
        draft = target.with_name(f".{target.name}.partial-{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
    except OSError as error:
        raise disk_error(error, f"make the {what} at {target}") from None
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_in_place(draft: Path, target: Path) -> None:
    """Bring everything in `draft` to the disk and rename it to `target`, which is missing or empty."""
    try:
        for file in draft.rglob("*"):
            if file.is_file():
                file.chmod(0o644)  # safetensors keeps its files to the owner
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        os.rename(draft, target)
    except OSError as error:
        raise disk_error(error, f"move the finished folder to {target}") from None
