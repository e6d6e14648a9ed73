"""Our side of a case: the product's own trainers and evaluation, made as its jobs make them.

Started as `python -m bench.ours WORK`; see `serve.py` for what it is asked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.serve import OneBatchARequest, Server, serve
from bench.work import MANY_BATCHES, BenchRow, Work
from nlu_rl.crowding import CrowdWatch
from nlu_rl.evaluation.predict import predict
from nlu_rl.evaluation.prompts import likely_completions
from nlu_rl.models.load import LoadedModel, load_model
from nlu_rl.models.lora import add_lora
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.self_check import check_packed_path
from nlu_rl.recipe import Recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Task
from nlu_rl.tasks.registry import get_task
from nlu_rl.training import job
from nlu_rl.training.context import Context
from nlu_rl.training.rows import Row


class SameRows:
    """The same rows in every batch, where a run would go on to the next ones (`training.rows.Rows`)."""

    def __init__(self, rows: Sequence[Row], batches: int) -> None:
        self._rows = rows
        self._length = len(rows) * batches

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: int) -> Row:
        return self._rows[position % len(self._rows)]


def main(work: Work, server: Server) -> None:
    loaded, task = load(work), get_task(work.task)
    if work.method in ("few-shot", "passages"):
        evaluate(server, work, loaded, task)  # type: ignore[arg-type]
        return
    policy = adapted_policy(work, loaded)
    likely = likely_completions(policy.tokenizer, task)  # type: ignore[arg-type]
    rows = [product_row(task, row, likely) for row in work.rows]  # type: ignore[arg-type]
    trainer = make_trainer(recipe_of(work), policy, SameRows(rows, MANY_BATCHES), Path(work.folder))
    parts = trainer.context.metrics.seconds
    trainer.add_callback(OneBatchARequest(server, lambda: parts, path="packed" if policy.packed else "padded"))
    trainer.train()


def load(work: Work) -> LoadedModel:
    return load_model(work.model, precision=work.dtype, fetch=False)  # type: ignore[arg-type]


def adapted_policy(work: Work, loaded: LoadedModel) -> Policy:
    """Return the engine around the model with a new adapter, self-check and all, as the train job makes it."""
    model = add_lora(loaded, recipe_of(work).lora, work.seed)
    job.disable_dropout(model)
    policy = Policy(model, loaded.tokenizer)
    sample = work.rows[:4]
    check_packed_path(policy, [row.prompt_ids for row in sample], [row.target_ids for row in sample])
    return policy


def recipe_of(work: Work, max_steps: int = MANY_BATCHES) -> Recipe:
    return Recipe.model_validate(
        {
            "model": work.model,
            "tasks": [work.task],
            "method": work.method,
            "seed": work.seed,
            "precision": work.dtype,
            "lora": {"rank": work.rank, "alpha": work.alpha},
            "generation": {"max_new_tokens": work.max_new_tokens},
            "train": {
                "batch": work.batch,
                "max_steps": max_steps,
                "learning_rate": work.learning_rate,
                "optimizer": "adamw",
                "save_every": MANY_BATCHES,
            },
            "ppo": {"epochs": work.ppo_epochs},
            "grpo": {"completions": max(2, work.completions), "kl": work.kl},
            "evaluate": {"every": None, "before": False},
        }
    )


def product_row(task: Task, row: BenchRow, likely: list[list[int]]) -> Row:
    example = Example(row.id, row.fields, row.gold)
    return Row(task, example, row.prompt_ids, row.target_ids, likely_ids=likely)


def make_trainer(recipe: Recipe, policy: Policy, rows: SameRows, folder: Path) -> Any:
    """Return the product's trainer of the recipe's method, on a run directory of its own."""
    run = create_run(folder / "runs", "bench", Job("train", {}), recipe_yaml=recipe.to_yaml())
    reporter = Reporter(run)
    context = Context(recipe, run, reporter, policy, policy.tokenizer, rows, None)  # type: ignore[arg-type]
    return job.make_trainer(context)


def evaluate(server: Server, work: Work, loaded: LoadedModel, task: Task) -> None:
    """Predict every row, as an evaluate job does, once a request."""
    policy = Policy(loaded.model, loaded.tokenizer)
    check_packed_path(policy, [row.prompt_ids for row in work.rows[:4]], [row.target_ids for row in work.rows[:4]])
    examples = [Example(row.id, row.fields, row.gold) for row in work.rows]
    shots = [Example(row.id, row.fields, row.gold) for row in work.shots]
    server.ready(path="packed" if policy.packed else "padded")
    for seed, _ in enumerate(server.requests()):
        predict(policy, task, examples, temperature=1.0, max_new_tokens=work.max_new_tokens, seed=seed, shots=shots)
        server.done()


if __name__ == "__main__":
    CrowdWatch().start()  # as the product's worker does, in a process of its own
    serve(main)
