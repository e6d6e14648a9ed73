"""One point of the grid: an encoder trained at one learning rate by transformers' Trainer, its best epoch kept (heavy).

After each epoch, and when asked to stop, the Trainer writes a checkpoint; called again, it goes on from the last one.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from nlu_rl.encoder.rows import EncodedRows, collator
from nlu_rl.encoder.texts import Form
from nlu_rl.runs.events import has_steps
from nlu_rl.runs.files import write_json
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example

WARMUP_SHARE = 0.1
PAUSE_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Point:
    """What a point is trained on and with. `offset`: steps of the points before it; `total`: of all."""

    task: DatasetTask
    form: Form
    train: EncodedRows
    chosen: EncodedRows
    chosen_examples: list[Example]
    learning_rate: float
    epochs: int
    max_steps: int | None
    batch: int
    seed: int
    offset: int
    total: int

    @property
    def steps(self) -> int:
        return steps_of(len(self.train), self.batch, self.epochs, self.max_steps)


def steps_of(rows: int, batch: int, epochs: int, max_steps: int | None) -> int:
    """Return how many steps a point takes."""
    whole = -(-rows // batch) * epochs
    return whole if max_steps is None else min(whole, max_steps)


def fit(point: Point, model: Any, tokenizer: Any, folder: Path, reporter: Reporter) -> dict[str, Any] | None:
    """Train the point and keep its best epoch in `folder/model`; return its result, or None when it was stopped.

    Returns:
        `learning_rate`, `score` (the task's main metric on the rows to choose by), `scores`, `step`, `steps`.
    """
    kept = read_point(folder)
    if kept is not None:
        return kept
    model.config.number_scale = [point.form.shift, point.form.unit]  # whoever loads it reads its numbers by this
    trainer = Trainer(
        model=model,
        args=_arguments(point, folder),
        train_dataset=point.train,
        eval_dataset=point.chosen,
        processing_class=tokenizer,
        data_collator=collator(point.form, tokenizer),
        compute_metrics=lambda predicted: _metrics(point, predicted),
        callbacks=[_Watched(point, reporter)],
    )
    trainer.remove_callback(PrinterCallback)
    checkpoint = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    begins_after = point.offset + (0 if checkpoint is None else int(checkpoint.rpartition("-")[2]))
    if checkpoint is not None or has_steps(reporter.run.events_path, begins_after):
        reporter.event("resume", step=begins_after)
    reporter.state("training", total=point.total)
    trainer.train(resume_from_checkpoint=checkpoint)
    if "stop" in reporter.requested() and trainer.state.global_step < point.steps:
        return None
    return _keep_best(point, trainer, folder)


def read_point(folder: Path) -> dict[str, Any] | None:
    """Return the result of a point that is finished; None for any other."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None


def _keep_best(point: Point, trainer: Trainer, folder: Path) -> dict[str, Any]:
    best = trainer.state.best_metric
    step = int(str(trainer.state.best_model_checkpoint).rpartition("-")[2])
    scores = next(
        ({k.removeprefix("eval_metric_"): v for k, v in log.items() if k.startswith("eval_metric_")})
        for log in trainer.state.log_history
        if log.get("step") == step and "eval_score" in log
    )
    trainer.save_model(str(folder / "model"))
    result = {
        "learning_rate": point.learning_rate,
        "score": best,
        "scores": scores,
        "step": step,
        "steps": trainer.state.global_step,
    }
    write_json(folder / "result.json", result, durable=True)
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint, ignore_errors=True)
    return result


def _arguments(point: Point, folder: Path) -> TrainingArguments:
    import torch

    on_card = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=point.epochs,
        max_steps=point.steps if point.max_steps is not None else -1,
        per_device_train_batch_size=point.batch,
        per_device_eval_batch_size=point.batch,
        learning_rate=point.learning_rate,
        warmup_steps=round(point.steps * WARMUP_SHARE),
        weight_decay=0.01,
        lr_scheduler_type="linear",
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,  # with 1, a stop would drop the latest for the best
        load_best_model_at_end=True,
        metric_for_best_model="score",
        greater_is_better=True,
        seed=point.seed,
        data_seed=point.seed,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not on_card,
        bf16=on_card and torch.cuda.is_bf16_supported(including_emulation=False),
        dataloader_pin_memory=on_card,
        label_names=["labels"],
    )


def _metrics(point: Point, predicted: EvalPrediction) -> dict[str, float]:
    """Return the task's own metrics of the answers that the outputs mean, as evaluation judges them."""
    outputs = predicted.predictions[0] if isinstance(predicted.predictions, tuple) else predicted.predictions
    rows = np.asarray(outputs).reshape(len(point.chosen_examples), -1).tolist()
    pairs = [
        (example, point.task.score(example, point.form.completion(row)))
        for example, row in zip(point.chosen_examples, rows, strict=True)
    ]
    scores = point.task.metrics(pairs)
    return {"score": scores[point.task.metric], **{f"metric_{name}": value for name, value in scores.items()}}


class _Watched(TrainerCallback):
    """Writes the run's events, and obeys what is asked in its control folder."""

    def __init__(self, point: Point, reporter: Reporter) -> None:
        self.point = point
        self.reporter = reporter
        self.since = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        now = time.monotonic()
        names = ("loss", "learning_rate", "grad_norm")
        metrics = {name: logs[name] for name in names if name in logs}
        step = self.point.offset + state.global_step
        self.reporter.step(step, {**metrics, "step_seconds": now - self.since}, total=self.point.total)
        self.since = now

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        scores = {k.removeprefix("eval_metric_"): v for k, v in metrics.items() if k.startswith("eval_metric_")}
        self.reporter.event(
            "validation",
            step=self.point.offset + state.global_step,
            task=self.point.task.name,
            metric=self.point.task.metric,
            scores=scores,
            parse_rate=1.0,
            n=len(self.point.chosen_examples),
            learning_rate=self.point.learning_rate,
        )
        self.since = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        asked = self.reporter.requested()
        if "checkpoint" in asked:
            self.reporter.acknowledge("checkpoint")
            control.should_save = True
        if "pause" in asked:
            self._wait()
        if "stop" in self.reporter.requested():
            control.should_save = control.should_training_stop = True
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Leave out what the library does at the end of an epoch where the epoch has only been stopped.

        Its validation would compete for the best and move the random numbers: the run would depend on the stop.
        """
        in_epoch = state.global_step % steps_of(len(self.point.train), self.point.batch, 1, None)
        if in_epoch and state.global_step < self.point.steps:
            control.should_evaluate = control.should_save = False
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if "stop" in self.reporter.requested():  # asked for during the validation
            control.should_training_stop = True
        return control

    def _wait(self) -> None:
        self.reporter.acknowledge("pause")
        self.reporter.state("paused")
        while not {"resume", "stop"} & self.reporter.requested():
            time.sleep(PAUSE_POLL_SECONDS)
        if "resume" in self.reporter.requested():
            self.reporter.acknowledge("resume")
        self.reporter.state("training")
        self.since = time.monotonic()
