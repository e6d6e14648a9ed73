"""The train job: from a run directory with a recipe to checkpoints, events and a result.

Called by the worker for a new run and for one that is resumed; a resumed run goes on from its latest whole checkpoint.
"""

import importlib
import importlib.util
import logging
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import torch

from nlu_rl.errors import ModelError, RecipeError, RunError
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.load import LoadedModel, load_model, pick_device, pick_dtype
from nlu_rl.models.lora import add_lora, load_adapter, matched_targets
from nlu_rl.models.machine import named_accelerator
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.policy.kernels import choose_attention, choose_four_bit_kernel
from nlu_rl.policy.policy import DEFAULT_TOKENS, Policy
from nlu_rl.policy.self_check import check_packed_path
from nlu_rl.policy.sharding import shard_layers
from nlu_rl.recipe import Recipe, load_recipe
from nlu_rl.runs import control
from nlu_rl.runs.checkpoints import best_checkpoint, latest_checkpoint
from nlu_rl.runs.events import has_steps
from nlu_rl.runs.files import write_atomic
from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.runs.resume import drop_samples, start_checkpoint
from nlu_rl.runs.sharing import require_divisible
from nlu_rl.tasks.registry import get_task
from nlu_rl.training.context import Context
from nlu_rl.training.dry_step import worst_case_step
from nlu_rl.training.processes import (
    Processes,
    SharedReporter,
    is_lost,
    join_processes,
    leave_processes,
)
from nlu_rl.training.rows import Rows, load_rows
from nlu_rl.training.supervised_run import SupervisedRun, patience_spent
from nlu_rl.training.validation import Validation

logger = logging.getLogger(__name__)

TRAINERS = {
    "sft": "nlu_rl.training.sft:make_sft_trainer",
    "ppo": "nlu_rl.training.ppo:make_ppo_trainer",
    "grpo": "nlu_rl.training.grpo:make_grpo_trainer",
}
SELF_CHECK_ROWS = 4


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter | None) -> dict[str, Any]:
    """Train the run's recipe to the end, to a stop, or to the limit of patience.

    Returns:
        `state` (done or stopped), `step`, `best_step`, `scores` (the best validation's mean over the tasks' metrics),
        `peak_bytes`.
    """
    processes = join_processes()
    try:
        return _train(run, SharedReporter(reporter, processes) if processes.several else reporter, processes)
    except (RuntimeError, RunError) as error:
        if not processes.several or not is_lost(error.__cause__ or error):  # saving a checkpoint exchanges, too
            raise
        logger.exception("an exchange with the other processes failed")
        if processes.rank == 0:
            control.clear(run)  # a launcher asks those that are left to stop, which the next launch would obey
        raise RunError(
            f"Another of the run's {processes.world} processes has ended, or cannot be reached any more; "
            "if it gave a reason, the log has it.",
            f"'nlu-rl resume {run.name} --processes {processes.world}', or the same launch again, goes on from the "
            "last checkpoint.",
        ) from None
    finally:
        leave_processes()


def make_trainer(context: Context) -> SupervisedRun:
    """Return the trainer of the recipe's method; the other methods' libraries are never imported."""
    module, name = TRAINERS[context.recipe.method].split(":")
    make: Callable[[Context], SupervisedRun] = getattr(importlib.import_module(module), name)
    return make(context)


def _train(run: RunDirectory, reporter: Any, processes: Processes) -> dict[str, Any]:
    recipe = load_recipe(run.recipe_path)
    require_divisible(recipe, processes.world)
    _prepare_viewers(recipe, run)
    reporter.state("loading", total=recipe.train.max_steps)
    if processes.rank > 0:  # the first fetches what is missing
        processes.wait()
    dtype = pick_dtype(recipe.precision, pick_device()) if processes.rank == 0 else None
    if processes.several and processes.rank == 0:
        model_folder(recipe.model, fetch=True)
        processes.wait()
    dtype = processes.agreed(dtype)
    loaded = load_model(
        recipe.model,
        quantize=recipe.quantize,
        precision="float32" if dtype == torch.float32 else "bfloat16",
        device=torch.device("cpu") if processes.sharded else None,
        progress=lambda done, total: reporter.progress("fetching the model", done, total),
    )
    recipe = processes.agreed(_settle(recipe, run, loaded, processes))
    tasks = [get_task(name) for name in recipe.tasks]
    checkpoint = latest_checkpoint(run)
    model = _with_adapter(loaded, recipe, checkpoint)
    if processes.sharded:
        shard_layers(model, pick_device())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    reporter.event("lora", matched=matched_targets(model), trainable=trainable)
    disable_dropout(model)
    policy = Policy(model, loaded.tokenizer, max_tokens=recipe.train.micro_batch_tokens)
    rows = load_rows(recipe, tasks, loaded.tokenizer, getattr(model.config, "max_position_embeddings", None))
    for message in rows.answers_cut():
        reporter.warning(message)
    _self_check(policy, rows, reporter)
    validates = recipe.evaluate.every is not None or recipe.evaluate.before
    validation = Validation(recipe, tasks, reporter) if validates else None
    context = Context(recipe, run, reporter, policy, loaded.tokenizer, rows, validation, processes=processes)
    if checkpoint is None and recipe.evaluate.before and validation is not None:
        reporter.state("baseline")
        validation.run(policy, 0)
    if checkpoint is None and "stop" in reporter.requested():  # all processes ask together
        reporter.acknowledge("stop")
        return {"state": "stopped", "step": 0, "best_step": None, "scores": {}}
    trainer = make_trainer(context)
    begins_after = 0 if checkpoint is None else int(checkpoint.name.split("-")[1])
    if processes.rank == 0:
        drop_samples(run, begins_after)
    if checkpoint is not None or has_steps(run.events_path):
        reporter.event("resume", step=begins_after)
    if policy.backbone.device.type == "cuda":
        measured = trainer.within_memory(lambda: worst_case_step(policy, recipe, rows))
        reporter.event(
            "memory", measured_bytes=measured, micro_batch_tokens=policy.max_tokens, **_room(recipe, processes.shards)
        )
    reporter.state("training")
    if checkpoint is None or not patience_spent(checkpoint, recipe.evaluate.patience):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)  # type: ignore[attr-defined]
    return _result(run, trainer, reporter)


def _with_adapter(loaded: LoadedModel, recipe: Recipe, checkpoint: Path | None) -> Any:
    """Return the model with the adapter the run goes on with; a resumed run no longer needs the one it came from."""
    if checkpoint is not None:
        return load_adapter(loaded, checkpoint, trainable=True)
    if recipe.start_from is None:
        return add_lora(loaded, recipe.lora, recipe.seed)
    return load_adapter(loaded, start_checkpoint(open_run(recipe.start_from)), trainable=True)


def disable_dropout(model: torch.nn.Module) -> None:
    """Set every dropout to 0: old, new and reference log-probabilities must be of the same function."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0  # type: ignore[assignment]


def _settle(recipe: Recipe, run: RunDirectory, loaded: LoadedModel, processes: Processes) -> Recipe:
    """Write what was settled on this machine (precision, 4 bits, micro-batch) into the run's recipe for a resume."""
    held = {"precision": str(loaded.dtype).removeprefix("torch."), "quantize": loaded.quantize}
    settled = recipe.model_copy(update=held)
    if recipe.train.micro_batch_tokens is None:
        train = recipe.train.model_copy(update={"micro_batch_tokens": _planned_tokens(settled, processes.shards)})
        settled = settled.model_copy(update={"train": train})
    if processes.rank == 0 and settled != recipe:
        write_atomic(run.recipe_path, settled.to_yaml())
    return settled


def _planned_tokens(recipe: Recipe, shards: int) -> int:
    """Return the micro-batch of the memory plan for the memory that is free now; a default for an unknown shape."""
    place = named_accelerator(None if torch.cuda.is_available() else "cpu")
    if torch.cuda.is_available():
        usable = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()
    else:
        usable = psutil.virtual_memory().available + psutil.Process().memory_info().rss
    try:
        plan = plan_recipe(recipe, replace(place, memory_bytes=min(place.memory_bytes, usable)), shards=shards)
    except ModelError:
        return DEFAULT_TOKENS
    return int(plan["micro_batch_tokens"])


def _room(recipe: Recipe, shards: int) -> dict[str, int]:
    """Return what the plan said of the recipe's memory, beside which the dry step's measurement stands."""
    try:
        plan = plan_recipe(recipe, named_accelerator(None), shards=shards)
    except ModelError:
        return {}
    return {"planned_bytes": plan["total_bytes"] - plan["slack_bytes"], "budget_bytes": plan["budget_bytes"]}


def _prepare_viewers(recipe: Recipe, run: RunDirectory) -> None:
    """Let TensorBoard and trackio write into the run's own directory."""
    if "trackio" in recipe.report_to and importlib.util.find_spec("trackio") is None:
        raise RecipeError(
            "The recipe reports to trackio, which is not installed.",
            "In the checkout: .venv/bin/pip install -e '.[trackio]'",
        )
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(run.path / "tensorboard")
    os.environ["TRACKIO_DIR"] = str(run.path / "trackio")


def _self_check(policy: Policy, rows: Rows, reporter: Reporter) -> None:
    sample = [rows[i] for i in range(min(SELF_CHECK_ROWS, len(rows)))]
    sampled = [row.prompt_ids for row in sample], [row.target_ids for row in sample]
    reason = check_packed_path(policy, *sampled)
    if reason:
        reporter.warning(f"Shared prefixes are computed again for every row: {reason}.")
    attention = choose_attention(policy, *sampled)
    engine = {"path": "packed" if policy.packed else "padded", "dtype": str(policy.backbone.dtype)}
    engine |= {"attention": attention.name, "attention_reason": attention.reason}
    products = choose_four_bit_kernel(policy.model, policy.backbone.dtype)
    if products is not None:
        engine |= {"four_bit": products.name, "four_bit_reason": products.reason}
    reporter.event("engine", **engine)


def _result(run: RunDirectory, trainer: SupervisedRun, reporter: Reporter) -> dict[str, Any]:
    latest = latest_checkpoint(run)
    step, total = int(latest.name.split("-")[1]) if latest else 0, trainer.args.max_steps
    early = latest is not None and patience_spent(latest, trainer.context.recipe.evaluate.patience)
    stopped = "stop" in reporter.requested()
    if stopped:
        reporter.acknowledge("stop")
    best = best_checkpoint(run)
    return {
        "state": "stopped" if stopped and step < total and not early else "done",
        "step": step,
        "best_step": int(best.name.split("-")[1]) if best else None,
        "scores": {"validation": trainer.best.score} if trainer.best.score is not None else {},
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    """Return the most memory this process has held: the card's where there is one, else main memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
