"""The evaluate job: from a subject and a task to predictions, scores and intervals; also for trainers."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.errors import RecipeError
from nlu_rl.evaluation import perplexity, perplexity_job
from nlu_rl.evaluation.balance import label_balance
from nlu_rl.evaluation.predict import Prediction, Progress, Sampler, predict
from nlu_rl.evaluation.predict_file import predict_job
from nlu_rl.evaluation.rows import demonstrations, load_rows, split_of, unseen
from nlu_rl.evaluation.shots import best_shots, trials
from nlu_rl.evaluation.subject import Subject, load_subject
from nlu_rl.evaluation.summary import Summary, summarize
from nlu_rl.evaluation.timing import seconds_per_completion
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Task
from nlu_rl.tasks.registry import get_task

__all__ = ["evaluate_policy", "predict_job", "run"]

PREDICTIONS = "predictions.jsonl"


def evaluate_policy(
    policy: Sampler,
    task: Task,
    examples: Sequence[Example],
    *,
    temperature: float,
    max_new_tokens: int,
    seed: int,
    rows: Sequence[int] | None = None,
    shots: Sequence[Example] = (),
    samples: int = 1,
    progress: Progress | None = None,
) -> Summary:
    """Score a policy on labelled examples without keeping the predictions. Temperature 0 is greedy.

    `rows`: the examples' numbers, which key the draws; None counts from 0.
    """
    predictions = predict(
        policy,
        task,
        examples,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        seed=seed,
        rows=rows,
        shots=shots,
        samples=samples,
        progress=progress,
    )
    return summarize(task, predictions, seed)


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Evaluate a run, a model or an endpoint; one that was interrupted goes on. WikiText-2 is not a task but a text.

    `arguments`: `run` (with `checkpoint`), `model` or `endpoint` (with `endpoint_model`), `task`, `split`, `data`,
    `examples`, `seed`, `greedy`, `samples`, `shots` (a number or "best"), `shots_seed`.

    Returns:
        The keys `nlu-rl eval --json` prints, and more; empty when it was stopped.
    """
    if arguments["task"] == perplexity.TASK:
        return perplexity_job.run(run, arguments, reporter)
    started = time.monotonic()
    task: Task = get_task(arguments["task"])
    rows = load_rows(task, arguments)
    numbers, examples = [number for number, _ in rows], [example for _, example in rows]
    subject = load_subject(arguments, reporter)
    subject.prepare(task, examples, reporter)
    reporter.state("evaluating")
    shots, tried = _shots(run, subject, task, examples, arguments, reporter)
    seed, samples = int(arguments.get("seed") or 0), int(arguments.get("samples") or 1)
    temperature = 0.0 if arguments.get("greedy") else 1.0
    path = run.path / PREDICTIONS
    predictions = subject.predict(
        task,
        examples,
        temperature=temperature,
        seed=seed,
        shots=shots,
        samples=samples,
        out=path,
        rows=numbers,
        progress=lambda done, total: reporter.progress("evaluating", done, total),
        should_stop=lambda: "stop" in reporter.requested(),
    )
    if len(predictions) < len(examples) * samples:
        reporter.acknowledge("stop")
        return {}
    summary = summarize(task, predictions, seed)
    reporter.event(
        "evaluation",
        task=task.name,
        scores=summary.scores,
        parse_rate=summary.parse_rate,
        parse_rate_lenient=summary.parse_rate_lenient,
        n=summary.n,
    )
    return {
        "task": task.name,
        "n": summary.n,
        "seed": seed,
        "scores": summary.scores,
        "intervals": summary.intervals,
        "parse_rate": summary.parse_rate,
        "parse_rate_lenient": summary.parse_rate_lenient,
        "predictions": str(path),
        "metric": task.metric,
        "reward": summary.reward,
        "shortened": sum(prediction.shortened for prediction in predictions),
        "confusion": summary.as_dict()["confusion"],
        "temperature": temperature if subject.draws_answers else None,
        "samples": samples,
        "sample_intervals": summary.sample_intervals,
        "shots": len(shots),
        "shots_tried": tried,
        "split": None if arguments.get("data") else split_of(task, arguments),
        "data": arguments.get("data"),
        "subject": arguments.get("run") or arguments.get("model") or f"openai:{arguments['endpoint_model']}",
        "balance": label_balance(task, predictions),
        "seconds_per_row": _seconds_per_row(path, samples),
        "seconds": time.monotonic() - started,
    }


def _shots(
    run: RunDirectory,
    subject: Subject,
    task: Task,
    examples: Sequence[Example],
    arguments: Mapping[str, Any],
    reporter: Reporter,
) -> tuple[list[Example], dict[int, float] | None]:
    """Return the demonstrations, none of which is evaluated itself, and the scores by which their number was chosen.

    The answers by which it is chosen are kept in the run too, so that an interrupted evaluation asks for none again.
    """
    wanted = arguments.get("shots") or 0
    if wanted == 0:
        return [], None
    if not subject.reads_demonstrations:
        raise RecipeError("An encoder reads no demonstrations.", "Leave --shots out.")
    train, seed = unseen(task.load("train"), examples), int(arguments.get("shots_seed") or 0)
    if wanted == "best":
        most = len(trials(task, train, seed)[0])

        def answer(rows: Sequence[Example], shots: Sequence[Example]) -> Sequence[Prediction]:
            phase = f"trying {len(shots)} of up to {most} demonstrations, rows"
            return subject.predict(
                task,
                rows,
                temperature=0.0,
                seed=0,
                shots=shots,
                out=run.path / "shots" / str(len(shots)) / PREDICTIONS,
                progress=lambda done, total: reporter.progress(phase, done, total),
            )

        count, tried = best_shots(answer, task, train, seed=seed)
        return demonstrations(task, train, count, seed), tried
    if not isinstance(wanted, int) or wanted < 0:
        raise RecipeError(f"'{wanted}' is not a number of demonstrations.", "Give --shots 0 to 5, or --shots best.")
    return demonstrations(task, train, wanted, seed), None


def _seconds_per_row(path: Path, samples: int) -> float | None:
    """Return the time of answering a row, all its samples; loading the model is not in it."""
    seconds = seconds_per_completion(path)
    return None if seconds is None else seconds * samples
