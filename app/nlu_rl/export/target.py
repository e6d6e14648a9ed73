"""Where an export goes, checked before anything is loaded (light)."""

import os
from pathlib import Path

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs.layout import RunDirectory


def export_target(run: RunDirectory, to: str | None) -> Path:
    """Return the folder to make, by default `exports/<run>`.

    Raises:
        RunError: something is there already, or it lies where nothing may be written.
    """
    target = Path(to).expanduser().absolute() if to else paths.exports_dir() / run.path.name
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
