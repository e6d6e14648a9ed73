"""A language model that is evaluated: as it is, or a run's adapter on its base model, ready to sample (heavy)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.predict import Prediction, Progress, predict
from nlu_rl.evaluation.prompts import encode_rows
from nlu_rl.evaluation.subject import Subject
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


class PolicySubject(Subject):
    """A policy, and how long it may answer."""

    def __init__(self, policy: Policy, max_new_tokens: int, identity: Mapping[str, Any]) -> None:
        self.policy = policy
        self.max_new_tokens = max_new_tokens
        self.identity = identity

    def prepare(self, task: Task, examples: Sequence[Example], reporter: Reporter) -> None:
        """Compare the engine's two paths on a few of the rows, and say so when the slower one has to be used."""
        rows = examples[:CHECKED_ROWS]
        prompts = [prompt.ids.tolist() for prompt in encode_rows(self.policy, task, rows, ANSWER_TOKENS)]
        # An unlabelled row has no target; any text does for a comparison.
        targets = [task.target(row) if row.gold is not None else "unknown" for row in rows]
        encoded = [encode_target(self.policy.tokenizer, target) for target in targets]
        reason = check_packed_path(self.policy, prompts, encoded)
        if reason:
            reporter.warning(f"Shared beginnings of prompts are computed again for every row: {reason}.")

    def predict(
        self,
        task: Task,
        examples: Sequence[Example],
        *,
        temperature: float,
        seed: int,
        shots: Sequence[Example] = (),
        samples: int = 1,
        out: Path | None = None,
        rows: Sequence[int] | None = None,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Prediction]:
        return predict(
            self.policy,
            task,
            examples,
            temperature=temperature,
            max_new_tokens=self.max_new_tokens,
            seed=seed,
            shots=shots,
            samples=samples,
            out=out,
            rows=rows,
            identity=self.identity,
            progress=progress,
            should_stop=should_stop,
        )


def load_policy_subject(arguments: Mapping[str, Any], reporter: Reporter) -> PolicySubject:
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


def _subject(loaded: Any, model: Any, max_new_tokens: int, identity: dict[str, Any]) -> PolicySubject:
    identity = {
        "model": loaded.name,
        "weights": fingerprint.of_model(loaded.path),
        "dtype": str(loaded.dtype),
        **identity,
    }
    return PolicySubject(Policy(model, loaded.tokenizer), max_new_tokens, identity)
