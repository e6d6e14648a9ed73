"""Our PPO step at any size: the product's trainer on rows cut to a prefix, with completions of one exact length.

Started as `python -m bench.scaling_worker WORK`; see `serve.py` for the wire and `scaling.py` for the sizes.
"""

import time
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from bench.ours import SameRows, adapted_policy, load, make_trainer, product_row, recipe_of
from bench.serve import Request, Server, serve
from bench.work import Work
from nlu_rl.crowding import CrowdWatch
from nlu_rl.policy.decoding import Rollout
from nlu_rl.policy.policy import Policy
from nlu_rl.tasks.registry import get_task
from nlu_rl.training.rows import Row


class Unstopped(Policy):
    """Goes on to the limit of new tokens, whatever is sampled."""

    def sample(self, prompts: Any, **options: Any) -> Rollout:
        return super().sample(prompts, **{**options, "stop": ""})

    def _end_tokens(self) -> frozenset[int]:
        return frozenset()


class Stopwatch(TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._started = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def main(work: Work, server: Server) -> None:
    loaded = load(work)
    task: Any = get_task(work.task)
    rows = [product_row(task, row, []) for row in work.rows]  # of an exact length, so none is likely
    adapted = adapted_policy(work, loaded)
    policy = Unstopped(adapted.model, loaded.tokenizer)
    policy.packed = adapted.packed
    server.ready(path="packed" if policy.packed else "padded")
    for request in server.requests():
        server.done(steps=step_seconds(work, policy, rows, request))


def step_seconds(work: Work, policy: Policy, rows: list[Row], request: Request) -> list[float]:
    """Train `repeats` steps at the size asked for and return the seconds of each."""
    chosen = with_prefix(rows[: request["prompts"]], request["prefix_tokens"])
    batch = [row for row in chosen for _ in range(request["copies"])]
    policy.max_tokens = request["micro_batch_tokens"]
    sized = replace(
        work, rows=work.rows[: request["prompts"]], completions=request["copies"], max_new_tokens=request["new_tokens"]
    )
    recipe = recipe_of(sized, max_steps=request["repeats"])
    trainer = make_trainer(recipe, policy, SameRows(batch, request["repeats"]), Path(work.folder))
    trainer.save_model = trainer._save_checkpoint = lambda *_, **__: None  # nothing of it is kept
    stopwatch = Stopwatch()
    trainer.add_callback(stopwatch)
    trainer.train()
    return stopwatch.seconds


def with_prefix(rows: list[Row], tokens: int) -> list[Row]:
    """Return the rows with their common beginning cut or repeated to this many tokens."""
    columns = zip(*(row.prompt_ids for row in rows), strict=False)
    shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    prefix = rows[0].prompt_ids[:shared]
    repeated = (prefix * (tokens // shared + 1))[:tokens]
    return [replace(row, prompt_ids=[*repeated, *row.prompt_ids[shared:]]) for row in rows]


if __name__ == "__main__":
    CrowdWatch().start()
    serve(main)
