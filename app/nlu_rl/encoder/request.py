"""What a user asks an encoder to be trained for, checked before any worker starts, and the runs there are (light)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.encoder.texts import form_of
from nlu_rl.errors import DataError, NluRlError, RecipeError
from nlu_rl.evaluation.rows import choose_rows
from nlu_rl.models.encoders import resolve_encoder
from nlu_rl.models.verify import require_whole
from nlu_rl.runs.checks import absolute
from nlu_rl.runs.jobs import Job, Kind, read_job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

KIND: Kind = "encoder"
LEARNING_RATES = (2e-5, 3e-5, 5e-5)
"""The grid of BERT (Devlin et al. 2019, appendix A.3)."""
EPOCHS, BATCH, MAX_TOKENS = 3, 32, 256
HELD_OUT_SHARE, MOST_HELD_OUT = 0.1, 1000


def encoder_arguments(
    model: str,
    task: str,
    *,
    seed: int = 1,
    epochs: int = EPOCHS,
    learning_rates: Sequence[float] = LEARNING_RATES,
    batch: int = BATCH,
    max_tokens: int = MAX_TOKENS,
    train_rows: int | None = None,
    max_steps: int | None = None,
    intermediate: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of an encoder job.

    Raises:
        ModelError: no such encoder. RecipeError: a task that an encoder cannot answer, or bad values.
    """
    target = resolve_encoder(model)
    if target.kind == "folder":
        require_whole(target.folder, name=model, encoder=True, fix="Give the folder of a whole encoder.")
    form_of(get_task(task))
    if intermediate is not None:
        form_of(get_task(intermediate))
        if intermediate == task:
            raise RecipeError("The intermediate task is the task itself.", "Give another, such as mnli.")
    if not learning_rates or any(not 0 < rate < 1 for rate in learning_rates):
        raise RecipeError("Learning rates lie between 0 and 1.", "Give them as 2e-5,3e-5,5e-5.")
    return {
        "model": str(target.folder) if target.kind == "folder" else target.name,
        "task": absolute(task),
        "seed": seed,
        "epochs": epochs,
        "learning_rates": sorted(set(learning_rates)),
        "batch": batch,
        "max_tokens": max_tokens,
        "train_rows": train_rows,
        "max_steps": max_steps,
        "intermediate": None if intermediate is None else absolute(intermediate),
    }


def training_rows(task: DatasetTask, limit: int | None) -> tuple[list[Example], list[Example], str]:
    """Return the rows to train on, the rows to choose by, and where the latter come from.

    Where scores are quoted on the validation split, the choice is made on a tenth of the training rows that is not
    trained on, so that the quoted rows play no part in it; else on the validation split.

    Raises:
        DataError: too few labelled training rows.
    """
    what = f"The training split of {task.name}"
    train = _examples(task, task.load("train"), limit, what)
    if task.evaluation_split != "validation" and not task.train_from:
        chosen = [example for example in task.load("validation") if example.gold is not None]
        if chosen:
            return train, chosen, "the validation split"
    count = min(MOST_HELD_OUT, max(1, round(len(train) * HELD_OUT_SHARE)))
    chosen = _examples(task, train, count, what)
    used = {id(example) for example in chosen}
    rest = [example for example in train if id(example) not in used]
    if not rest:
        raise DataError(
            f"{task.name} has {len(train)} labelled training rows, too few to train and to choose by.",
            "Import more training rows, or give a larger --train-rows.",
        )
    return rest, chosen, "training rows held out"


def _examples(task: DatasetTask, rows: Sequence[Example], count: int | None, what: str) -> list[Example]:
    return [example for _, example in choose_rows(rows, count, what=what, task=task)]  # type: ignore[arg-type]


def encoder_run(arguments: Mapping[str, Any], states: set[str]) -> RunDirectory | None:
    """Return the newest encoder run with these arguments in one of these states."""
    for run in reversed(list_runs()):
        try:
            job = read_job(run)
        except NluRlError:
            continue
        if job.kind == KIND and job.arguments == dict(arguments) and read_status(run).state in states:
            return run
    return None


def create_encoder_run(arguments: Mapping[str, Any]) -> RunDirectory:
    """Make the directory of a new encoder run. Raises RunError when the disk refuses."""
    hint = f"{Path(str(arguments['task'])).stem}-{Path(str(arguments['model'])).name}-encoder".lower()
    return create_run(paths.runs_dir(), hint[:90], Job(KIND, dict(arguments)))
