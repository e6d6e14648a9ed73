"""The rows of a run: which one comes when, and its token ids.

The order is a pure function of (sizes, mix, seed), long enough for the whole run, so that the position in it is all a
checkpoint needs. Rows are encoded when first used: tokenising all of a large data set would delay the first step.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from transformers import PreTrainedTokenizerBase

from nlu_rl.errors import DataError
from nlu_rl.evaluation.prompts import likely_completions
from nlu_rl.models.chat import encode_prompt, encode_target, encode_text
from nlu_rl.recipe import Recipe
from nlu_rl.runs.row_checks import check_answer_room
from nlu_rl.tasks.contract import Example, Task
from nlu_rl.tasks.passage import fit_prompt

CACHED_ROWS = 4096
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """One training row; `prompt_ids` and `target_ids` are token ids. `example` has its passage as it is asked about."""

    task: Task
    example: Example
    prompt_ids: list[int]
    target_ids: list[int]
    shortened: bool = False
    """Whether the passage was cut to fit the model's context."""
    likely_ids: list[list[int]] = field(default_factory=list)
    """Completions to expect of it, for `policy.sample`."""


class Rows:
    """The training rows of a run, in the order in which they are used."""

    def __init__(
        self,
        tasks: Sequence[Task],
        examples: Sequence[Sequence[Example]],
        order: Sequence[tuple[int, int]],
        tokenizer: PreTrainedTokenizerBase,
        context_tokens: int | None = None,
        answer_tokens: int = 0,
    ) -> None:
        """`context_tokens` is the model's; of it, at least `answer_tokens` are kept free of the prompt."""
        self._tasks = tasks
        self._examples = examples
        self._order = order
        self._tokenizer = tokenizer
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens
        self._shortened: set[tuple[int, int]] = set()
        self._likely = [likely_completions(tokenizer, task) for task in tasks]
        self._row = lru_cache(maxsize=CACHED_ROWS)(self._encode)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> Row:
        """Return the row used at a position.

        Raises:
            DataError: the row is longer than the model's context.
        """
        return self._row(*self._order[position])

    def longest(self, count: int) -> list[Row]:
        """Return the rows of the run with the most text; text stands for tokens, which would take minutes to count."""

        def characters(position: tuple[int, int]) -> int:
            task, row = position
            return sum(len(text) for text in self._examples[task][row].fields.values())

        chosen = sorted(set(self._order), key=characters, reverse=True)[:count]
        return [self._encode(*position) for position in chosen]

    def answers_cut(self) -> list[str]:
        """Say of which tasks no right answer can be sampled whole, because each would be cut before its end."""
        checks = [
            check_answer_room(task, examples, lambda text: len(encode_text(self._tokenizer, text)), self._answer_tokens)
            for task, examples in zip(self._tasks, self._examples, strict=True)
        ]
        return [f"{check.message} {check.fix}" for check in checks if check.state == "warn"]

    def _encode(self, task_number: int, row: int) -> Row:
        task, example = self._tasks[task_number], self._examples[task_number][row]
        target = encode_target(self._tokenizer, task.target(example))
        limit = None if self._context_tokens is None else self._context_tokens - max(len(target), self._answer_tokens)
        fitted = fit_prompt(task, example, lambda messages: encode_prompt(self._tokenizer, messages), limit)
        prompt = fitted.ids
        if fitted.shortened:
            self._note_shortened(task, (task_number, row))
        if limit is not None and len(prompt) > limit:
            raise DataError(
                f"Training row {example.id} of {task.name} has {len(prompt)} prompt tokens, more, with an answer, than "
                f"the model's context of {self._context_tokens}.",
                "Leave the row out, shorten its text, or use a model with a longer context.",
            )
        return Row(task, fitted.example, prompt, target, fitted.shortened, self._likely[task_number])

    def _note_shortened(self, task: Task, position: tuple[int, int]) -> None:
        """Say how often passages are cut: in the log, each time that the number of such rows has doubled."""
        self._shortened.add(position)
        count = len(self._shortened)
        if count & (count - 1) == 0:
            logger.warning("The %s of %d rows of %s so far was cut to fit the context.", task.passage, count, task.name)


def load_rows(
    recipe: Recipe, tasks: Sequence[Task], tokenizer: PreTrainedTokenizerBase, context_tokens: int | None = None
) -> Rows:
    """Load the training split of every task and fix the order of the whole run.

    Raises:
        DataError: a task without usable training rows.
    """
    examples = []
    for number, task in enumerate(tasks):
        rows = [example for example in task.load("train") if example.gold is not None]
        if not rows:
            raise DataError(f"Task '{task.name}' has no labelled training rows.", "Import a training split.")
        if recipe.train.examples is not None:
            chosen = np.random.default_rng([recipe.seed, number]).permutation(len(rows))[: recipe.train.examples]
            rows = [rows[i] for i in chosen]
        examples.append(rows)
    per_step = recipe.train.batch // (recipe.grpo.completions if recipe.method == "grpo" else 1)
    weights = mix_weights(recipe.mix, recipe.tasks, [len(rows) for rows in examples])
    order = row_order([len(rows) for rows in examples], weights, per_step * recipe.train.max_steps, recipe.seed)
    return Rows(tasks, examples, order, tokenizer, context_tokens, recipe.generation.max_new_tokens)


def mix_weights(mix: str | Mapping[str, float] | None, names: Sequence[str], sizes: Sequence[int]) -> list[float]:
    """Return how often each task is drawn, summing to 1: by size, equally, or by the recipe's weights."""
    if isinstance(mix, Mapping):
        raw = [float(mix[name]) for name in names]
    else:
        raw = [1.0] * len(names) if mix == "equal" else [float(size) for size in sizes]
    return [weight / sum(raw) for weight in raw]


def row_order(sizes: Sequence[int], weights: Sequence[float], count: int, seed: int) -> list[tuple[int, int]]:
    """Return `count` pairs (task, row). Every task goes through its rows in a new permutation each time round."""
    generator = np.random.default_rng(seed)
    drawn = np.zeros(count, np.int64) if len(sizes) == 1 else generator.choice(len(sizes), size=count, p=weights)
    queues: list[list[int]] = [[] for _ in sizes]
    order = []
    for task in drawn.tolist():
        if not queues[task]:
            queues[task] = generator.permutation(sizes[task]).tolist()[::-1]
        order.append((task, queues[task].pop()))
    return order
