"""Where an export goes, checked before anything is loaded (light)."""

import itertools
import os
from pathlib import Path

from nlu_rl import paths
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.new_folder import new_folder


def next_target(run: RunDirectory) -> Path:
    """Return the first of `exports/<run>`, `exports/<run>-2`, ... where nothing is yet."""
    first = paths.exports_dir() / run.path.name
    places = itertools.chain([first], (first.with_name(f"{first.name}-{number}") for number in itertools.count(2)))
    return next(place for place in places if not os.path.lexists(place))


def export_target(run: RunDirectory, to: str | None) -> Path:
    """Return the folder to make, by default `exports/<run>`.

    Raises:
        RunError: something is there already, or it lies where nothing may be written.
    """
    return new_folder(Path(to) if to else paths.exports_dir() / run.path.name)
