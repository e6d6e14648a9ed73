"""The checkpoints of a run: which are whole, which is the latest, which the best."""

import json
import re
from pathlib import Path
from typing import Any

from nlu_rl.errors import RunError
from nlu_rl.runs.files import write_json
from nlu_rl.runs.layout import RunDirectory

COMPLETE = "complete"
_STEP = re.compile(r"step-(\d+)$")


def checkpoint_path(run: RunDirectory, step: int) -> Path:
    return run.checkpoints_dir / f"step-{step}"


def complete_checkpoints(run: RunDirectory) -> list[tuple[int, Path]]:
    """Return the whole checkpoints by step, the latest last. One without its marker file does not count."""
    found = []
    if run.checkpoints_dir.is_dir():
        for path in run.checkpoints_dir.iterdir():
            match = _STEP.match(path.name)
            if match and is_whole(path):
                found.append((int(match[1]), path))
    return sorted(found)


def damaged_checkpoints(run: RunDirectory) -> list[tuple[int, str]]:
    """Return the step of every checkpoint that was finished and is no longer whole, and what of it is damaged."""
    found = [(_STEP.match(path.name), path) for path in run.checkpoints_dir.glob("step-*")]
    damaged = [(int(match[1]), damage(path)) for match, path in found if match and (path / COMPLETE).is_file()]
    return sorted((step, file) for step, file in damaged if file)


def damage_text(run: RunDirectory) -> str:
    """Return a sentence for each damaged checkpoint, after a space; empty when there is none."""
    return "".join(f" That of step {step} is damaged ({file})." for step, file in damaged_checkpoints(run))


def is_whole(checkpoint: Path) -> bool:
    """Whether the checkpoint was finished, and its files still have the sizes they had then."""
    return not damage(checkpoint)


def damage(checkpoint: Path) -> str:
    """Return the first file of a checkpoint that is missing or has another size than when it was finished, else ""."""
    name: str = COMPLETE
    try:
        text = (checkpoint / COMPLETE).read_text(encoding="utf-8")
        for name, size in (json.loads(text) if text else {}).items():
            if (checkpoint / name).stat().st_size != size:
                return name
    except (OSError, ValueError):
        return name
    return ""


def mark_whole(checkpoint: Path) -> None:
    """Write the marker that makes the folder count as a checkpoint: the sizes of its files."""
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    sizes = {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}
    write_json(checkpoint / COMPLETE, sizes, durable=True)


def latest_checkpoint(run: RunDirectory) -> Path | None:
    checkpoints = complete_checkpoints(run)
    return checkpoints[-1][1] if checkpoints else None


def how_to_go_on(run: RunDirectory) -> str:
    """Return the command that goes on with a training run, and where it would begin."""
    checkpoints = complete_checkpoints(run)
    where = f"from step {checkpoints[-1][0]}, its last checkpoint" if checkpoints else "from step 0: no checkpoint yet"
    return f"'nlu-rl resume {run.name}' goes on {where}"


def best_checkpoint(run: RunDirectory) -> Path | None:
    """Return the checkpoint that `checkpoints/best.json` names, if it is whole."""
    step = best_record(run).get("step")
    return dict(complete_checkpoints(run)).get(step) if isinstance(step, int) else None


def best_record(run: RunDirectory) -> dict[str, Any]:
    """Return `checkpoints/best.json`, {"step", "score"}; empty when there is none."""
    try:
        record = json.loads((run.checkpoints_dir / "best.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


OTHER_CHECKPOINT = "Give --checkpoint latest, or a step, to take another one; or train it again from its recipe."


def adapter_checkpoint(run: RunDirectory, *, damaged_fix: str = OTHER_CHECKPOINT) -> Path:
    """Return the checkpoint whose adapter stands for the run: the best one if any, else the latest.

    `damaged_fix` says what to do about a damaged one, where no other can be asked for.

    Raises:
        RunError: the run has no whole checkpoint yet, or its best one is damaged.
    """
    best = best_record(run).get("step")
    for step, file in damaged_checkpoints(run):
        if step == best:
            raise RunError(
                f"The best checkpoint of {run.name}, of step {step}, is damaged ({file}).",
                damaged_fix,
            )
    path = best_checkpoint(run) or latest_checkpoint(run)
    if path is None:
        raise RunError(
            f"The run {run.name} has no whole checkpoint.{damage_text(run)}",
            f"Wait for one, or 'nlu-rl resume {run.name}'; one that is done is started anew from {run.recipe_path}.",
        )
    return path
