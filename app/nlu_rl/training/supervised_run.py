"""What the three trainers share: events, control files, validation, early stopping, and checkpoints that are whole.

A mixin for `transformers.Trainer`, placed before it. It changes when and where things are written, never how a step is
computed. A checkpoint is built in `checkpoints/.partial` and renamed when everything in it is on disk, so that a killed
process or a full disk leaves the earlier ones as they are.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from transformers import PrinterCallback, TrainerControl, TrainerState, TrainingArguments

from nlu_rl.errors import RunError
from nlu_rl.runs.checkpoints import COMPLETE, is_whole, mark_whole
from nlu_rl.runs.files import write_json
from nlu_rl.training.context import Context
from nlu_rl.training.control import ValidationCallback, obey
from nlu_rl.training.schedule import learning_rate_scale
from nlu_rl.training.validation import BestStep

STATE_FILE = "nlu_rl.json"
SMALLEST_MICRO_BATCH_TOKENS = 64
T = TypeVar("T")

EVENT_NAMES = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "reward": "reward",
    "kl": "kl",
    "entropy": "entropy",
    "clip_ratio/region_mean": "clip_fraction",
    "completions/mean_length": "completion_tokens",
    "frac_reward_zero_std": "zero_variance_groups",
}
"""TRL's keys and ours for the same number."""


class SupervisedRun:
    """Mixin for trainers; `context` must be set before `train()`."""

    context: Context
    state: TrainerState
    control: TrainerControl
    args: TrainingArguments
    model: Any
    optimizer: Any
    lr_scheduler: Any
    best: BestStep

    def supervise(self, context: Context) -> None:
        """Attach the run. Called once, after the trainer is made."""
        self.context = context
        if context.processes.several:
            self._leave_whole(shard_rows=context.recipe.method == "grpo")
        self.best = BestStep()
        self.add_callback(ValidationCallback(self.context))  # type: ignore[attr-defined]
        self.remove_callback(PrinterCallback)  # type: ignore[attr-defined]

    def _leave_whole(self, *, shard_rows: bool) -> None:
        """Keep accelerate from wrapping the model: gradients are summed by us, once, after a whole batch.

        The engine runs parts of the model, which a wrapper would not notice. Rows are given out by TRL (GRPO), or every
        process sees all of them.
        """
        accelerator: Any = self.accelerator  # type: ignore[attr-defined]
        accelerator.prepare_model = lambda model, *_, **__: model
        if not shard_rows:
            accelerator.prepare_data_loader = lambda loader, *_, **__: loader

    def within_memory(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns; when it runs out of memory, halve the micro-batch and try again.

        The gradient `attempt` accumulates must be the only one there is: it is dropped before the next try. Sums over
        rows do not depend on the micro-batch, so neither does the result.
        """
        policy = self.context.policy
        while True:
            try:
                return attempt()
            except torch.OutOfMemoryError:
                if policy.max_tokens <= SMALLEST_MICRO_BATCH_TOKENS or self.context.processes.several:
                    raise
            policy.max_tokens //= 2
            policy.max_cache_bytes //= 2
            self.model.zero_grad()
            torch.cuda.empty_cache()
            self.context.reporter.warning(f"Out of memory: going on with micro-batches of {policy.max_tokens} tokens.")

    # -- what a subclass keeps in a checkpoint beside the adapter and the optimizer

    def extra_state(self) -> dict[str, Any]:
        """Return JSON-able state of the method, such as an adapted KL coefficient."""
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `extra_state` returned."""

    def save_extra_tensors(self, folder: Path) -> None:
        """Write tensors of the method, such as the value head."""

    def load_extra_tensors(self, folder: Path) -> None:
        """Take back what `save_extra_tensors` wrote."""

    # -- transformers.Trainer

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Turn a training log into a step event, then do what was asked for; the log goes on to TensorBoard."""
        if "loss" in logs:
            super().log(logs, start_time)  # type: ignore[misc]
            self.state.log_history.clear()  # the events hold it; every checkpoint would write it again
            taken = self.context.metrics.take()
            metrics = {name: logs[key] for key, name in EVENT_NAMES.items() if logs.get(key) is not None}
            self.context.reporter.step(self.state.global_step, {**metrics, **taken}, total=self.state.max_steps)
            obey(self.context, self.state.global_step, self.control)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Validate; mark the step as the best, or stop when patience has run out."""
        metrics: dict[str, float] = {}
        if self.context.validation is not None:
            reporter = self.context.reporter
            reporter.state("evaluating")
            score = self.context.validation.run(self.context.policy, self.state.global_step)
            reporter.state("training")
            metrics["eval_score"] = score
            if self.best.update(score, self.state.global_step):
                self.control.should_save = True
            patience = self.context.recipe.evaluate.patience
            if patience is not None and self.best.without_better >= patience:
                reporter.event("early_stop", step=self.state.global_step, best_step=self.best.step)
                self.control.should_training_stop = True
                self.control.should_save = True
            self.context.metrics.started = time.monotonic()
            if "stop" in reporter.requested():  # asked for meanwhile
                self.control.should_training_stop = self.control.should_save = True
        self.control.should_evaluate = False
        return metrics

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip, and end the run before a gradient that is not finite reaches the weights and the checkpoints."""
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        if not torch.isfinite(torch.as_tensor(norm)):
            raise RunError(
                f"The gradient of step {self.state.global_step + 1} is not finite, so nothing more can be learnt.",
                "Start again with a lower train.learning_rate; the checkpoints so far are whole.",
            )
        return norm

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        train = self.context.recipe.train

        def scale(step: int) -> float:
            return learning_rate_scale(step, num_training_steps, train.warmup, train.floor)

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, scale)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Cards are written by the export, not beside every checkpoint."""

    def floating_point_ops(self, _: Any) -> int:
        return 0

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step = self.state.global_step
        checkpoints = self.context.run.checkpoints_dir
        target = checkpoints / f"step-{step}"
        processes = self.context.processes
        first = processes.rank == 0
        if not processes.agreed(is_whole(target)):
            self.context.reporter.state("saving")
            partial = Path(self.args.output_dir)
            if first:
                shutil.rmtree(partial, ignore_errors=True)
            processes.wait()
            try:
                super()._save_checkpoint(model, trial)  # type: ignore[misc]
                processes.wait()
                if first:
                    self._finish_checkpoint(partial / f"checkpoint-{step}", target)
            except (OSError, RuntimeError) as error:
                shutil.rmtree(partial, ignore_errors=True)
                raise RunError(
                    f"The checkpoint of step {step} could not be written: {error}.",
                    "Make room on the disk, then 'nlu-rl resume' the run; earlier checkpoints are whole.",
                ) from error
        if first:
            if self.best.step == step and self.best.score is not None:
                self._record_best()
            self._drop_old_checkpoints()
        processes.wait()
        self.context.reporter.event("checkpoint", step=step, path=str(target))
        self.context.reporter.state("training")

    def _finish_checkpoint(self, built: Path, target: Path) -> None:
        self.save_extra_tensors(built)
        write_json(built / STATE_FILE, {"best": self.best.state(), "extra": self.extra_state()})
        for file in built.rglob("*"):
            if file.is_file():
                file.chmod(0o644)  # safetensors keeps its files to the owner; a run can be read by others
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        mark_whole(built)
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)

    def _record_best(self) -> None:
        record = {"step": self.best.step, "score": self.best.score}
        write_json(self.context.run.checkpoints_dir / "best.json", record, durable=True)

    def _drop_old_checkpoints(self) -> None:
        steps = sorted(int(path.name.split("-")[1]) for path in self.context.run.checkpoints_dir.glob("step-*"))
        kept = {*steps[-self.context.recipe.train.keep :], self.best.step}
        for step in set(steps) - kept:
            folder = self.context.run.checkpoints_dir / f"step-{step}"
            (folder / COMPLETE).unlink(missing_ok=True)  # first, so that half of it never counts as whole
            shutil.rmtree(folder, ignore_errors=True)

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        with _readable(Path(checkpoint or "")):
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        with _readable(folder):
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        self.load_extra_tensors(folder)
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        self.best = BestStep(**state["best"])
        self.load_extra_state(state["extra"])
        if self.context.processes.rank == 0 and is_whole(self.context.run.checkpoints_dir / f"step-{self.best.step}"):
            self._record_best()  # the run may have ended between its checkpoint and this file


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Name the checkpoint whose file is damaged."""
    try:
        yield
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(
            f"The checkpoint {folder} is damaged: {reason}.",
            "Remove this folder; 'nlu-rl resume' then goes on from the checkpoint before it.",
        ) from error


def patience_spent(checkpoint: Path, patience: int | None) -> bool:
    """Whether training had already ended by early stopping when this checkpoint was written."""
    best = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))["best"]
    return patience is not None and best["without_better"] >= patience


@contextmanager
def adapter_as_it_was(model: torch.nn.Module) -> Iterator[None]:
    """Undo what making one of TRL's trainers does to the adapter: on a 4-bit base it rounds it to bfloat16."""
    weights = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
    yield
    for name, parameter in model.named_parameters():
        if name in weights:
            parameter.data = weights[name]
