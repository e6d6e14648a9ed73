"""Where an export goes, checked before anything is loaded (light)."""

from pathlib import Path

from nlu_rl import paths
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.new_folder import new_folder


def export_target(run: RunDirectory, to: str | None) -> Path:
    """Return the folder to make, by default `exports/<run>`.

    Raises:
        RunError: something is there already, or it lies where nothing may be written.
    """
    return new_folder(Path(to) if to else paths.exports_dir() / run.path.name)
