"""The encoder job: an intermediate task if one is asked for, then every learning rate, then the best one kept (heavy).

What is finished stays in `grid/` until the end, so that a job that was interrupted goes on with the point, and within
it the epoch, where it was.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from nlu_rl.encoder.fit import Point, fit, steps_of
from nlu_rl.encoder.model import load_encoder, load_encoder_tokenizer, most_tokens
from nlu_rl.encoder.request import training_rows
from nlu_rl.encoder.rows import EncodedRows
from nlu_rl.encoder.texts import form_of
from nlu_rl.models.encoders import require_encoder, resolve_encoder
from nlu_rl.models.fetch import model_folder
from nlu_rl.runs.checkpoints import checkpoint_path, latest_checkpoint, mark_whole
from nlu_rl.runs.files import write_json
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.registry import get_task

STOPPED = {"state": "stopped"}


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Train the encoder; `arguments` are those of `request.encoder_arguments`.

    Returns:
        `state`, `step`, `scores` (`validation`: the best score on the rows to choose by), `learning_rate`, `grid`,
        `chosen_on`, `train_rows`, `parameters`, `seconds`.
    """
    started = time.monotonic()
    reporter.state("loading")
    folder = model_folder(
        resolve_encoder(arguments["model"]),
        fetch=True,
        progress=lambda done, total: reporter.progress("fetching the model", done, total),
    )
    require_encoder(folder, arguments["model"])  # what a hub id is, is known only now
    tokenizer = load_encoder_tokenizer(folder)
    task, first = get_task(arguments["task"]), arguments.get("intermediate")
    stages = _Stages(arguments, tokenizer, folder, get_task(first) if first else None, task)
    if stages.before is not None:
        target = run.path / "grid" / "intermediate"
        model = load_encoder(folder, stages.before.form, arguments["seed"], tokenizer)
        if fit(stages.before, model, tokenizer, target, reporter) is None:
            return _stopped(reporter)
        folder = _body(target, stages.before, arguments["seed"], tokenizer)
    done = []
    for point in stages.points:
        model = load_encoder(folder, point.form, point.seed, tokenizer)
        result = fit(point, model, tokenizer, _point_folder(run, point), reporter)
        if result is None:
            return _stopped(reporter)
        done.append(result)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    best = max(done, key=lambda result: (result["score"], -result["learning_rate"]))
    step = _keep(run, stages, best, reporter)
    return {
        "state": "done",
        "step": step,
        "task": task.name,
        "metric": task.metric,
        "scores": {"validation": best["score"]},
        "learning_rate": best["learning_rate"],
        "grid": done,
        "chosen_on": stages.chosen_on,
        "train_rows": len(stages.points[0].train),
        "parameters": parameters,
        "seconds": time.monotonic() - started,
    }


class _Stages:
    """The points to train, their rows encoded once."""

    def __init__(
        self, arguments: dict[str, Any], tokenizer: Any, folder: Path, before: DatasetTask | None, task: DatasetTask
    ) -> None:
        self.arguments, self.tokenizer, self.folder = arguments, tokenizer, folder
        prepared = [self._rows(each) for each in ([before] if before else []) + [task]]
        self.chosen_on = prepared[-1]["chosen_on"]
        rates = arguments["learning_rates"]
        limits = (arguments["batch"], arguments["epochs"], arguments["max_steps"])
        steps = [steps_of(len(rows["train"]), *limits) for rows in prepared]
        total = steps[-1] * len(rates) + (steps[0] if before else 0)
        self.before = self._point(prepared[0], rates[0], 0, total) if before else None
        start = steps[0] if before else 0
        self.points = [self._point(prepared[-1], rate, start + i * steps[-1], total) for i, rate in enumerate(rates)]

    def _rows(self, task: DatasetTask) -> dict[str, Any]:
        form = form_of(task)
        train, chosen, where = training_rows(task, self.arguments["train_rows"])
        model = load_encoder(self.folder, form, 0, self.tokenizer)
        longest = most_tokens(model, self.tokenizer, self.arguments["max_tokens"])
        return {
            "task": task,
            "form": form,
            "train": EncodedRows(task, form, train, self.tokenizer, longest),
            "chosen": EncodedRows(task, form, chosen, self.tokenizer, longest),
            "chosen_examples": chosen,
            "chosen_on": where,
        }

    def _point(self, rows: dict[str, Any], rate: float, offset: int, total: int) -> Point:
        rows = {name: value for name, value in rows.items() if name != "chosen_on"}
        keys = ("epochs", "max_steps", "batch", "seed")
        options = {key: self.arguments[key] for key in keys}
        return Point(**rows, learning_rate=rate, offset=offset, total=total, **options)


def _point_folder(run: RunDirectory, point: Point) -> Path:
    return run.path / "grid" / f"{point.learning_rate:g}"


def _body(target: Path, before: Point, seed: int, tokenizer: Any) -> Path:
    """Return a folder with the encoder trained on the intermediate task, its head left out."""
    body = target / "body"
    if not body.is_dir():
        draft = target / ".body"
        model = load_encoder(target / "model", before.form, seed, tokenizer)
        model.base_model.save_pretrained(draft)
        os.replace(draft, body)
    return body


def _keep(run: RunDirectory, stages: _Stages, best: dict[str, Any], reporter: Reporter) -> int:
    """Move the best model into the run's checkpoints and drop the others; return the step it counts as."""
    point = next(p for p in stages.points if p.learning_rate == best["learning_rate"])
    step = point.offset + int(best["step"])
    if latest_checkpoint(run) is None:
        draft = run.checkpoints_dir / ".partial"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(_point_folder(run, point) / "model", draft)
        mark_whole(draft)
        target = checkpoint_path(run, step)
        os.replace(draft, target)
        write_json(run.checkpoints_dir / "best.json", {"step": step, "score": best["score"]}, durable=True)
        reporter.event("checkpoint", step=step, path=str(target))
    for model in (run.path / "grid").glob("*/model"):
        shutil.rmtree(model, ignore_errors=True)
    shutil.rmtree(run.path / "grid" / "intermediate" / "body", ignore_errors=True)
    return step


def _stopped(reporter: Reporter) -> dict[str, Any]:
    reporter.acknowledge("stop")
    return {**STOPPED, "step": reporter.status.step, "scores": {}}
