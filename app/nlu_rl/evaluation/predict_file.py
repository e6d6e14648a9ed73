"""The predict job: unlabelled rows of a user's file in, the same rows with answers out."""

import time
from pathlib import Path
from typing import Any

from nlu_rl.data.files import read_examples, read_records
from nlu_rl.errors import InternalError
from nlu_rl.evaluation.answers import check_target, write_answers
from nlu_rl.evaluation.subject import load_subject
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.registry import get_task


def predict_job(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Answer the rows of `data` and write them to `to`.

    `arguments`: `run` (with `checkpoint`) or `model`, `task`, `data`, `to`, `seed`, `greedy`, `force`.

    Returns:
        `path`, `task`, `n`, `answers` (how often each was given), `parse_rate`, `parse_rate_lenient`, `predictions`;
        empty when it was stopped.
    """
    started = time.monotonic()
    source, target = Path(arguments["data"]), Path(arguments["to"])
    check_target(target, force=bool(arguments.get("force")))
    task = get_task(arguments["task"])
    examples = read_examples(task, source, require_labels=False)
    records = read_records(task, source)
    if len(records) != len(examples):
        raise InternalError(f"{source} was read as {len(examples)} and as {len(records)} rows.", "Please report it.")
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
    write_answers(target, records, predictions, force=bool(arguments.get("force")))
    how = [prediction.extracted.how for prediction in predictions]
    given = [prediction.extracted.value or "" for prediction in predictions]
    return {
        "path": str(target),
        "task": task.name,
        "n": len(predictions),
        "answers": {answer: given.count(answer) for answer in [*(task.answers or ()), ""] if answer in given},
        "parse_rate": how.count("strict") / len(how),
        "parse_rate_lenient": 1 - how.count("none") / len(how),
        "predictions": str(path),
        "shortened": sum(prediction.shortened for prediction in predictions),
        "seconds": time.monotonic() - started,
    }
