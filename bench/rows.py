"""The rows both sides work on: SST-2 when it is in the cache, else the movie snippets of the demo.

Each is written once, through the product's own prompt and chat template, and handed to both sides.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.work import BenchRow
from nlu_rl.data.fetch import fetch_dataset
from nlu_rl.errors import DataError
from nlu_rl.evaluation.rows import choose_rows, demonstrations, shuffled_labelled, split_of
from nlu_rl.models.chat import encode_prompt, encode_target, render_prompt
from nlu_rl.tasks.contract import Example, Task
from nlu_rl.tasks.registry import get_task

SHOTS = 5


def pick_task() -> Task:
    """Return the task of the benchmark.

    Raises:
        DataError: neither data set is here, and none can be fetched.
    """
    task = get_task("sst2")
    try:
        task.load("train"), task.load("validation")
    except DataError:
        task = get_task("movie-snippets")
        try:
            task.load("train")
        except DataError:
            fetch_dataset(task.name)
    return task  # type: ignore[return-value]


def training_rows(task: Task, tokenizer: Any, count: int) -> list[BenchRow]:
    """Return `count` training rows of a fixed shuffle."""
    return [bench_row(task, tokenizer, example, ()) for example in shuffled_labelled(task.load("train"))[:count]]


def few_shot_rows(task: Task, tokenizer: Any, count: int) -> tuple[list[BenchRow], list[BenchRow]]:
    """Return `count` evaluation rows after the same demonstrations, and the demonstrations."""
    shots = demonstrations(task, task.load("train"), SHOTS)
    split = split_of(task, {})
    chosen = choose_rows(task.load(split), count, what=split)  # type: ignore[arg-type]
    rows = [bench_row(task, tokenizer, example, shots) for _, example in chosen]
    return rows, [bench_row(task, tokenizer, shot, ()) for shot in shots]


def passage_rows(tokenizer: Any, passages: int) -> list[BenchRow]:
    """Return the evaluation rows, whole, of the `passages` passages of MultiRC that are most like its average one.

    Raises:
        DataError: the data set is not here.
    """
    task = get_task("multirc")
    examples = task.load(split_of(task, {}))  # type: ignore[arg-type]
    counts = Counter(example.fields["paragraph"] for example in examples)
    average = len(examples) / len(counts)
    chosen = sorted(counts, key=lambda passage: abs(counts[passage] - average))[:passages]
    kept = [row for row in examples if row.fields["paragraph"] in chosen]
    return [bench_row(task, tokenizer, row, ()) for row in kept]  # type: ignore[arg-type]


def bench_row(task: Task, tokenizer: Any, example: Example, shots: Sequence[Example]) -> BenchRow:
    """Return one row as both sides take it, `shots` before it."""
    messages, target = task.prompt(example, shots), task.target(example)
    return BenchRow(
        id=example.id,
        fields=dict(example.fields),
        gold=str(example.gold),
        prompt=render_prompt(tokenizer, messages),
        prompt_ids=encode_prompt(tokenizer, messages),
        target=target,
        target_ids=encode_target(tokenizer, target),
    )
