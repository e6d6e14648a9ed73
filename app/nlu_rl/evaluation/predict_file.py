"""The predict job: unlabelled rows of a user's file in, the same rows with answers out; or a split's rows answered."""

import time
from pathlib import Path
from typing import Any

from nlu_rl.data.files import read_examples, read_records
from nlu_rl.errors import InternalError
from nlu_rl.evaluation.answers import check_target, write_answers
from nlu_rl.evaluation.subject import load_subject
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task


def predict_job(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Answer the rows of `data` and write them to `to`; without `data` those of `split`, which are kept as predictions.

    `arguments`: `run` (with `checkpoint`) or `model`, `task`, `data`, `to`, `split`, `seed`, `greedy`, `force`.

    Returns:
        `path` (None for a split), `task`, `n`, `answers` (how often each was given), `parse_rate`,
        `parse_rate_lenient`, `predictions`; empty when it was stopped.
    """
    started = time.monotonic()
    task = get_task(arguments["task"])
    target = Path(arguments["to"]) if arguments.get("data") else None
    examples, records = _rows(task, arguments, target)
    subject = load_subject(arguments, reporter)
    subject.prepare(task, examples, reporter)
    reporter.state("evaluating")
    path = run.path / "predictions.jsonl"
    predictions = subject.predict(
        task,
        examples,
        temperature=0.0 if arguments.get("greedy", True) else 1.0,
        seed=int(arguments.get("seed") or 0),
        out=path,
        progress=lambda done, total: reporter.progress("answering", done, total),
        should_stop=lambda: "stop" in reporter.requested(),
    )
    if len(predictions) < len(examples):
        reporter.acknowledge("stop")
        return {}
    if target is not None:
        write_answers(target, records, predictions, force=bool(arguments.get("force")))
    how = [prediction.extracted.how for prediction in predictions]
    given = [prediction.extracted.value or "" for prediction in predictions]
    return {
        "path": None if target is None else str(target),
        "task": task.name,
        "n": len(predictions),
        "answers": {answer: given.count(answer) for answer in [*(task.answers or ()), ""] if answer in given},
        "parse_rate": how.count("strict") / len(how),
        "parse_rate_lenient": 1 - how.count("none") / len(how),
        "predictions": str(path),
        "shortened": sum(prediction.shortened for prediction in predictions),
        "seconds": time.monotonic() - started,
    }


def _rows(
    task: DatasetTask, arguments: dict[str, Any], target: Path | None
) -> tuple[list[Example], list[dict[str, Any]]]:
    """Return the rows to answer, and as the user's file has them. Raises DataError when they cannot be used."""
    if target is None:
        return task.load(arguments["split"]), []
    source = Path(arguments["data"])
    check_target(target, force=bool(arguments.get("force")))
    examples = read_examples(task, source, require_labels=False)
    records = read_records(task, source)
    if len(records) != len(examples):
        raise InternalError(f"{source} was read as {len(examples)} and as {len(records)} rows.", "Please report it.")
    return examples, records
