"""What is evaluated: a model as it is, or a run's adapter on its base model, loaded and ready to sample (heavy)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.prompts import encode_rows
from nlu_rl.models.chat import encode_target
from nlu_rl.models.load import load_model
from nlu_rl.models.lora import load_adapter
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.layout import open_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Task

MAX_NEW_TOKENS = 32
"""The paper's longest completion, for a model without a recipe."""
CHECKED_ROWS = 4
ANSWER_TOKENS = 64
"""Room for a right answer after a prompt."""


@dataclass(frozen=True)
class Subject:
    """A policy, how long it may answer, and what identifies it in the settings of its predictions."""

    policy: Policy
    max_new_tokens: int
    identity: dict[str, Any]


def load_subject(arguments: Mapping[str, Any], reporter: Reporter) -> Subject:
    """Load what the job's `run` (with `checkpoint`) or `model` names, fetching the base model if need be.

    Raises:
        RunError: no such run or checkpoint.
        ModelError: the model cannot be found or loaded.
    """
    reporter.state("loading")

    def progress(done: int, total: int | None) -> None:
        reporter.progress("fetching the model", done, total)

    if not arguments.get("run"):
        loaded = load_model(arguments["model"], progress=progress)
        return _subject(loaded, loaded.model, MAX_NEW_TOKENS, {"adapter": None})
    run = open_run(arguments["run"])
    recipe = load_recipe(run.recipe_path)
    checkpoint = find_checkpoint(run, arguments.get("checkpoint"))
    loaded = load_model(recipe.model, quantize=recipe.quantize, precision=recipe.precision, progress=progress)
    model = load_adapter(loaded, checkpoint)
    identity = {"adapter": fingerprint.of_adapter(checkpoint), "quantize": recipe.quantize}
    return _subject(loaded, model, recipe.generation.max_new_tokens, identity)


def _subject(loaded: Any, model: Any, max_new_tokens: int, identity: dict[str, Any]) -> Subject:
    identity = {
        "model": loaded.name,
        "weights": fingerprint.of_model(loaded.path),
        "dtype": str(loaded.dtype),
        **identity,
    }
    return Subject(Policy(model, loaded.tokenizer), max_new_tokens, identity)


def check_engine(policy: Policy, task: Task, examples: Sequence[Example], reporter: Reporter) -> None:
    """Compare the engine's two paths on a few of the rows, and say so when the slower one has to be used."""
    rows = examples[:CHECKED_ROWS]
    prompts = [prompt.ids.tolist() for prompt in encode_rows(policy, task, rows, ANSWER_TOKENS)]
    # An unlabelled row has no target; any text does for a comparison.
    targets = [task.target(row) if row.gold is not None else "unknown" for row in rows]
    reason = check_packed_path(policy, prompts, [encode_target(policy.tokenizer, target) for target in targets])
    if reason:
        reporter.warning(f"Shared beginnings of prompts are computed again for every row: {reason}.")
