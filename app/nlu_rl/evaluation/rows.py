"""Which rows are evaluated, and which demonstrations stand before them.

Neither depends on the seed of an evaluation: two evaluations of a task see the same rows, whatever their seeds, and a
smaller one sees a part of a larger one's. Demonstrations are drawn by a seed of their own.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nlu_rl.data.checks import text_key
from nlu_rl.data.files import read_examples
from nlu_rl.errors import DataError
from nlu_rl.tasks.contract import Example, Task

ROW_SEED = 0
MOST_SHOTS = 5
"""The paper gives 1 to 5 demonstrations and reports the best count for each task."""


def load_rows(task: Task, arguments: Mapping[str, Any]) -> list[tuple[int, Example]]:
    """Return the labelled rows an evaluate job is about (`data` or `split`, `examples`), with their numbers in it.

    Raises:
        DataError: missing or unreadable data, or no labelled rows.
    """
    count = arguments.get("examples")
    if arguments.get("data"):
        path = Path(arguments["data"])
        return choose_rows(read_examples(task, path, require_labels=True), count, what=str(path), task=task)  # type: ignore[arg-type]
    split = split_of(task, arguments)
    return choose_rows(task.load(split), count, what=f"The {split} split of {task.name}", task=task)  # type: ignore[arg-type]


def split_of(task: Task, arguments: Mapping[str, Any]) -> str:
    """Return the split asked for, else the one the task's scores are quoted on."""
    return str(arguments.get("split") or getattr(task, "evaluation_split", "validation"))


def choose_rows(
    examples: Sequence[Example], count: int | None, *, what: str, task: Task | None = None
) -> list[tuple[int, Example]]:
    """Return `count` labelled rows (None: all) with their numbers in the split, in the order of the split.

    Rows that belong together in the task's metrics, such as MultiRC's answers to a question, are chosen together; then
    there may be somewhat fewer.

    Raises:
        DataError: no row of `what` (named in the message) is labelled.
    """
    labelled = [(number, example) for number, example in enumerate(examples) if example.gold is not None]
    if not labelled:
        raise DataError(
            f"{what} has no labelled rows, so there is nothing to score against.",
            "Give --split validation or a labelled --data FILE; 'nlu-rl predict' answers unlabelled rows.",
        )
    together = getattr(task, "together", None)
    groups: dict[Hashable, list[tuple[int, Example]]] = defaultdict(list)
    for place, (number, example) in enumerate(labelled):
        groups[place if together is None else together(example)].append((number, example))
    piles = list(groups.values())
    chosen: list[tuple[int, Example]] = []
    for place in np.random.default_rng(ROW_SEED).permutation(len(piles)).tolist():
        group = piles[place]
        if count is not None and chosen and len(chosen) + len(group) > count:
            break
        chosen.extend(group)
    return sorted(chosen, key=lambda row: row[0])


def demonstrations(task: Task, train: Sequence[Example], count: int, seed: int = ROW_SEED) -> list[Example]:
    """Return `count` demonstrations: a seeded shuffle of the training rows, dealt out over the answers in turn.

    Which answers come first is drawn by the seed too, so that none is preferred where they do not come out even. Of
    numbers, one is taken from each of `count` equal bands of their scale.

    Raises:
        DataError: there are fewer labelled training rows than that.
    """
    shuffled = shuffled_labelled(train, seed)
    if len(shuffled) < count:
        raise DataError(
            f"{count} demonstrations were asked for, and the training split of {task.name} has {len(shuffled)} "
            "labelled rows that are not evaluated.",
            "Give a smaller --shots, evaluate fewer rows, or import the training split.",
        )
    if task.answers is None:
        low, high = getattr(task, "low", None), getattr(task, "high", None)
        if low is None or high is None:
            return shuffled[:count]
        return _over_the_scale(shuffled, low, high, count, seed)
    by_answer: dict[str, list[Example]] = defaultdict(list)
    for example in shuffled:
        by_answer[str(example.gold)].append(example)
    there = [answer for answer in task.answers if answer in by_answer]
    piles = [by_answer[there[place]] for place in np.random.default_rng([seed, 1]).permutation(len(there))]
    dealt = [pile[turn] for turn in range(count) for pile in piles if turn < len(pile)]
    return dealt[:count]


def _over_the_scale(shuffled: Sequence[Example], low: float, high: float, count: int, seed: int) -> list[Example]:
    """Return a row of each of `count` bands, the bands in an order of the seed; for an empty one the nearest row."""
    width = (high - low) / max(count, 1)
    chosen: dict[int, Example] = {}
    left: list[tuple[float, Example]] = []
    for example in shuffled:
        gold = min(max(float(str(example.gold)), low), high)
        band = min(int((gold - low) / width), count - 1) if count else 0
        if band < count and band not in chosen:
            chosen[band] = example
        else:
            left.append((gold, example))
    for band in range(count):
        if band not in chosen:
            distances = [abs(gold - (low + (band + 0.5) * width)) for gold, _ in left]
            chosen[band] = left.pop(distances.index(min(distances)))[1]
    return [chosen[band] for band in np.random.default_rng([seed, 1]).permutation(count).tolist()]


def unseen(train: Sequence[Example], evaluated: Sequence[Example]) -> list[Example]:
    """Return the training rows whose text is not that of a row that is evaluated."""
    known = {text_key(example.fields) for example in evaluated}
    return [example for example in train if text_key(example.fields) not in known]


def shuffled_labelled(examples: Sequence[Example], seed: int = ROW_SEED) -> list[Example]:
    """Return the labelled rows in the shuffle of a seed."""
    labelled = [example for example in examples if example.gold is not None]
    return [labelled[i] for i in np.random.default_rng(seed).permutation(len(labelled))]
