"""What a person asks of a run by files in `control/`, done between its steps, when the last one has been told."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nlu_rl.training.context import Context

PAUSE_POLL_SECONDS = 0.5


class ValidationCallback(TrainerCallback):
    """Decides when to validate."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._context.metrics.take()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        every = self._context.recipe.evaluate.every
        if every is not None and (state.global_step % every == 0 or state.global_step >= state.max_steps):
            control.should_evaluate = True


def obey(context: Context, step: int, control: TrainerControl) -> None:
    """Do what the files in `control/` ask for: wait while paused; a checkpoint and the end are the trainer's to do."""
    requested = _wait_while_paused(context, context.reporter.requested(), step)
    if "checkpoint" in requested or "stop" in requested:
        control.should_save = True
    if "stop" in requested:
        control.should_training_stop = True
    for name in requested - {"stop"}:
        context.reporter.acknowledge(name)


def _wait_while_paused(context: Context, requested: set[str], step: int) -> set[str]:
    reporter = context.reporter
    if "pause" not in requested:
        return requested
    reporter.acknowledge("pause")
    reporter.state("paused", step=step)
    began = time.monotonic()
    while not (requested := reporter.requested()) & {"resume", "stop"}:
        time.sleep(PAUSE_POLL_SECONDS)
    reporter.state("training")
    context.metrics.started += time.monotonic() - began  # a step takes what it takes without it
    return requested - {"pause"}
