"""Which checkpoint of a run is meant: the one that stands for it, the latest, or a step."""

from pathlib import Path

from nlu_rl.errors import RunError
from nlu_rl.runs.checkpoints import adapter_checkpoint, complete_checkpoints, damage_text, latest_checkpoint
from nlu_rl.runs.layout import RunDirectory


def find_checkpoint(run: RunDirectory, wanted: str | None) -> Path:
    """Return the checkpoint's folder.

    Args:
        wanted: None or `best` (the best one, else the latest), `latest`, a step such as `50`, or `step-50`.

    Raises:
        RunError: there is no such whole checkpoint.
    """
    if wanted in (None, "", "best"):
        return adapter_checkpoint(run)
    if wanted == "latest":
        return latest_checkpoint(run) or adapter_checkpoint(run)
    steps = dict(complete_checkpoints(run))
    number = str(wanted).removeprefix("step-")
    if number.isdigit() and int(number) in steps:
        return steps[int(number)]
    known = ", ".join(str(step) for step in steps) or "none yet"
    raise RunError(
        f"The run {run.name} has no checkpoint '{wanted}'.{damage_text(run)}",
        f"Give best, latest, or one of its steps: {known}.",
    )
