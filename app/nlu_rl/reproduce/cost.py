"""What is still to do will take about so long: by earlier runs of the same kind, else by counting operations.

The count is rough: twice the parameters for each token of a forward pass, at the speed of a matrix product measured
here on one core, so that other work does not slow the measurement. Against finished runs it was 0.6 to 1.6 of their
time; what other work takes from a run comes on top, and is told as the upper end. Measurements replace it as runs end.
"""

import os
import statistics
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nlu_rl.encoder.request import training_rows
from nlu_rl.errors import ModelError
from nlu_rl.models.encoders import find_encoder
from nlu_rl.models.recipe_plan import shape_of
from nlu_rl.report.records import Record, read_curve, read_record
from nlu_rl.reproduce.matrix import PERPLEXITY, Cell, Training
from nlu_rl.reproduce.progress import Reproduction
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import list_runs
from nlu_rl.runs.overview import read_recipe
from nlu_rl.tasks.registry import get_task

CHARACTERS_A_TOKEN = 4
ANSWER_TOKENS = 8
DECODING = 3
"""A decoded token costs so many times a token of a prompt, as few are computed at once."""
EFFICIENCY = 0.6
CUDA_FLOPS = 60e12
ENCODER_SHARE = 0.7
"""Of an encoder's parameters, about what is not its embeddings."""
LOADING_SECONDS = 15.0
TRIAL_ROWS = 500
"""Rows answered to choose the number of demonstrations: 100 for each of five numbers."""


@dataclass
class Costs:
    """Estimates in seconds for one reproduction."""

    what: Reproduction

    def step(self, step: Cell | Training) -> float:
        """Return how long a step takes, of either kind."""
        return self.evaluation(step) if isinstance(step, Cell) else self.training(step)

    def training(self, training: Training) -> float:
        """Return how long a training run takes from its beginning, within its budget."""
        if training.method == "encoder":
            return LOADING_SECONDS + self._encoder_seconds(training)
        recipe = self.what.recipe(training)
        step = self._measured_step(training) or self._counted_step(training)
        seconds = step * recipe.train.max_steps
        limit = self.what.budget.seconds
        return LOADING_SECONDS + (seconds if limit is None else min(seconds, limit))

    def evaluation(self, cell: Cell) -> float:
        """Return how long an evaluation takes."""
        if cell.task == PERPLEXITY:
            windows = min(self.what.examples or 140, 140)
            return LOADING_SECONDS + windows * 2048 * self._token_seconds
        rows = len(self.what.rows(cell.task)) + (TRIAL_ROWS if cell.shots == "best" else 0)
        return LOADING_SECONDS + rows * (self._measured_row(cell) or self._counted_row(cell))

    # -- measured

    @cached_property
    def _records(self) -> list[Record]:
        runs = [run for run in list_runs() if read_job(run).kind in ("train", "encoder", "evaluate")]
        inside = [evaluation for run in runs for evaluation in list_runs(run.eval_dir)]
        return [record for run in [*runs, *inside] if (record := read_record(run)) is not None]

    def _measured_row(self, cell: Cell) -> float | None:
        encoder = cell.training is not None and cell.training.method == "encoder"
        model = Path(self.what.encoder if encoder else cell.subject or self.what.model).name.removeprefix("openai:")
        found = [
            float(record.result["seconds_per_row"])
            for record in self._records
            if record.model == model
            and record.task == cell.task
            and record.result.get("seconds_per_row")
            and bool(record.result.get("shots")) == (cell.shots != "0")
        ]
        return statistics.median(found) if found else None

    def _measured_step(self, training: Training) -> float | None:
        recipe = self.what.recipe(training)
        found = []
        for run in list_runs():
            earlier = read_recipe(run)
            keys = ("model", "method", "tasks")
            same = all(earlier.get(key) == getattr(recipe, key) for key in keys)
            if same and (earlier.get("train") or {}).get("batch") == recipe.train.batch:
                curve = read_curve(run)
                found += [curve.step_seconds] if curve and curve.step_seconds else []
        return statistics.median(found) if found else None

    # -- counted

    @cached_property
    def _token_seconds(self) -> float:
        return 2 * parameters_of(self.what.model) / speed()

    def _counted_row(self, cell: Cell) -> float:
        _, own = prompt_tokens(cell.task)
        if cell.training is not None and cell.training.method == "encoder":
            return 2 * parameters_of(self.what.encoder) * own / speed()
        shots = 3 if cell.shots == "best" else int(cell.shots)
        return self._token_seconds * (own + shots / 10 * own + ANSWER_TOKENS * DECODING)

    def _counted_step(self, training: Training) -> float:
        """Return the seconds of one step: a forward pass (1), the reference (1), sampling, and 7/3 for each update."""
        recipe = self.what.recipe(training)
        shared, own = (statistics.fmean(some) for some in zip(*map(prompt_tokens, training.tasks), strict=True))
        completions = recipe.train.batch
        prompts = completions // recipe.grpo.completions if training.method == "grpo" else completions
        forward = self._token_seconds * (shared + prompts * own + completions * ANSWER_TOKENS)
        if training.method == "sft":
            return forward * 7 / 3
        sampling = self._token_seconds * completions * ANSWER_TOKENS * DECODING + forward
        updates = recipe.ppo.epochs if training.method == "ppo" else 1
        return sampling + forward + updates * forward * 7 / 3

    def _encoder_seconds(self, training: Training) -> float:
        asked = self.what.encoder_job(training)
        task = get_task(training.tasks[0])
        rows = len(training_rows(task, asked["train_rows"])[0])
        steps: int = -(-rows // asked["batch"]) * asked["epochs"]
        steps = min(steps, asked["max_steps"] or steps) * len(asked["learning_rates"])
        tokens: float = steps * asked["batch"] * min(prompt_tokens(training.tasks[0])[1], asked["max_tokens"])
        return 6 * parameters_of(self.what.encoder) * tokens / speed()


@cache
def prompt_tokens(task: str) -> tuple[float, float]:
    """Return about how many tokens all prompts of a task share, and how many are a row's own."""
    found: Any = get_task(task)
    rows = found.load(found.evaluation_split)[:200]
    own = statistics.fmean(len(found.query_text(row)) for row in rows) if rows else 400
    return 30 + len(found.system + found.instructions) / CHARACTERS_A_TOKEN, 10 + own / CHARACTERS_A_TOKEN


def parameters_of(model: str) -> float:
    """Return the parameters that each token passes through, the embeddings left out; of an unknown model a guess."""
    encoder = find_encoder(model)
    if encoder is not None:
        return ENCODER_SHARE * encoder.parameters
    try:
        return shape_of(model)[1].linear_parameters
    except ModelError:
        return 1e8


@cache
def speed() -> float:
    """Return operations a second: of a card a usual figure, of a CPU what a matrix product reaches on all its cores."""
    from threadpoolctl import threadpool_limits

    from nlu_rl.models.machine import named_accelerator

    if named_accelerator(None).kind == "cuda":
        return CUDA_FLOPS
    with threadpool_limits(1):
        return EFFICIENCY * cores() * _core_speed()


def cores() -> int:
    """Return the cores that a run started here uses."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(asked), _cores_here()) if asked.isdigit() and int(asked) else _cores_here()


def _cores_here() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def span(seconds: float) -> tuple[float, float]:
    """Return between what an estimate may lie: half and twice it, and more where other work shares the cores."""
    busy = os.getloadavg()[0] / _cores_here() if hasattr(os, "getloadavg") else 0.0
    return seconds / 2, 2 * seconds * max(1.0, busy)


def _core_speed() -> float:
    left, right = np.ones((128, 576), np.float32), np.ones((576, 576), np.float32)
    best = float("inf")
    for _ in range(200):  # short and often: another process in between must not count
        started = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - started)
    return 2 * left.size * right.shape[1] / best
