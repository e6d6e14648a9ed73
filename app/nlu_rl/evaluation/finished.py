"""Evaluations on disk: which one already answers a question, or was interrupted on the way to (light).

An evaluation of a run is a job directory under `<run>/eval/`, one of a model stands among the runs. It is used again
only if it was asked with the same arguments and everything it stands on is still the same: the task's version and
prompt, the rows, the adapter, the weights.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import ModelError, NluRlError
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.endpoint import HOW_ONLY
from nlu_rl.evaluation.journal import read_settings
from nlu_rl.runs.jobs import Job, Kind, read_job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs, open_run
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.contract import Example, Task

DONE = frozenset({"done"})
INTERRUPTED = frozenset({"stopped", "failed", "lost"})


def evaluation_for(
    task: Task, rows: Sequence[tuple[int, Example]], arguments: Mapping[str, Any], states: Iterable[str]
) -> RunDirectory | None:
    """Return the newest evaluation with these arguments in one of these states whose ground has not changed."""
    ground = ground_of_rows(task, [number for number, _ in rows], [example for _, example in rows])
    return evaluation_on(ground, arguments, states)


def ground_of_rows(task: Task, numbers: Sequence[int], examples: Sequence[Example]) -> dict[str, Any]:
    """Return the settings that stand for the rows, as `predict` writes them."""
    return {
        "version": task.version,
        "data": fingerprint.of_examples(examples),
        "prompt": fingerprint.of_prompt(task, examples),
        "rows": fingerprint.of_value(list(numbers)),
    }


def evaluation_on(
    ground: Mapping[str, Any], arguments: Mapping[str, Any], states: Iterable[str], *, kind: Kind = "evaluate"
) -> RunDirectory | None:
    """As `evaluation_for`, for settings that stand for what is evaluated; the model's own are added here."""
    wanted = set(states)
    try:
        ground = {**ground, **_of_subject(arguments)}
    except ModelError:
        return None  # the model is not here yet, so nothing can have been evaluated with it
    for run in reversed(list_runs(_root(arguments))):
        try:
            job = read_job(run)
        except NluRlError:
            continue
        if job.kind != kind or not _same(job.arguments, arguments) or read_status(run).state not in wanted:
            continue
        settings = read_settings(run.path)
        if settings is None and "done" not in wanted:
            return run  # it was interrupted before its first prediction
        if settings and all(settings.get(key) == value for key, value in ground.items()):
            return run
    return None


def create_evaluation(task: Task | str, arguments: Mapping[str, Any], *, kind: Kind = "evaluate") -> RunDirectory:
    """Make the directory of a new evaluation. Raises RunError when the disk refuses."""
    where = "file" if arguments.get("data") else str(arguments.get("split"))
    hint = f"{task if isinstance(task, str) else task.name}-{where}"
    if not arguments.get("run"):
        who = Path(str(arguments.get("endpoint_model") or arguments["model"])).name
        hint = f"{'eval' if kind == 'evaluate' else kind}-{hint}-{who}"
    return create_run(_root(arguments), hint, Job(kind, dict(arguments)))


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations ask the same, however they ask it."""
    kept = [{key: value for key, value in each.items() if key not in HOW_ONLY} for each in (one, other)]
    return kept[0] == kept[1]


def _root(arguments: Mapping[str, Any]) -> Path:
    return open_run(arguments["run"]).eval_dir if arguments.get("run") else paths.runs_dir()


def _of_subject(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the model and the adapter that can be told without loading them."""
    from nlu_rl.models.fetch import model_folder

    if arguments.get("endpoint"):
        return {"endpoint": arguments["endpoint"], "model": arguments["endpoint_model"]}
    settings: dict[str, Any] = {}
    model = arguments.get("model")
    if arguments.get("run"):
        from nlu_rl.recipe import load_recipe

        run = open_run(arguments["run"])
        if read_job(run).kind == "encoder":
            return {"weights": fingerprint.of_model(find_checkpoint(run, arguments.get("checkpoint")))}
        model = load_recipe(run.recipe_path).model
        settings["adapter"] = fingerprint.of_adapter(find_checkpoint(run, arguments.get("checkpoint")))
    folder = model_folder(str(model), fetch=False)
    settings["weights"] = fingerprint.of_model(folder)
    return settings
