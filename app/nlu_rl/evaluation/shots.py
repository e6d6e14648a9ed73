"""Few-shot evaluation: how many demonstrations, when the best number is asked for.

The number is chosen on training rows that are not demonstrations themselves, nor belong with one (a question of
MultiRC), with greedy answers, so that the rows that are scored afterwards play no part in it. A number with which
prompts no longer fit the model is none to choose, nor is one that leaves no training row to try it on.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from nlu_rl.errors import DataError
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.evaluation.prompts import PromptTooLongError
from nlu_rl.evaluation.rows import MOST_SHOTS, ROW_SEED, demonstrations, shuffled_labelled, unseen
from nlu_rl.tasks.contract import Example, Task

TRIAL_ROWS = 100
Answer = Callable[[Sequence[Example], Sequence[Example]], Sequence[Prediction]]
"""Answers rows, greedily, after some demonstrations."""


def best_shots(
    answer: Answer,
    task: Task,
    train: Sequence[Example],
    *,
    seed: int = ROW_SEED,
) -> tuple[int, dict[int, float]]:
    """Return the number of demonstrations with the best score (the fewest on a tie), and the score of each.

    Raises:
        DataError: too few labelled training rows.
    """
    shown, rows = trials(task, train, seed)
    scores: dict[int, float] = {}
    for count, shots in shown.items():
        try:
            made = answer(rows, shots)
        except PromptTooLongError:
            if not scores:
                raise
            break
        pairs = [(prediction.example, prediction.scored) for prediction in made if prediction.scored is not None]
        scores[count] = task.metrics(pairs)[task.metric]
    return max(scores, key=lambda count: (scores[count], -count)), scores


def trials(
    task: Task, train: Sequence[Example], seed: int = ROW_SEED
) -> tuple[dict[int, list[Example]], list[Example]]:
    """Return the demonstrations of each number there are rows for, and the rows to try them on.

    Raises:
        DataError: there are not even rows to try one demonstration.
    """
    together: Callable[[Example], Hashable] = getattr(task, "together", _alone)
    shuffled = shuffled_labelled(train, seed)
    for most in range(min(MOST_SHOTS, len(shuffled)), 0, -1):
        shown = {count: demonstrations(task, train, count, seed) for count in range(1, most + 1)}
        used = {together(example) for shots in shown.values() for example in shots}
        rows = [example for example in shuffled if together(example) not in used][:TRIAL_ROWS]
        if rows:
            return shown, rows
    raise DataError(
        f"The training split of {task.name} has {len(shuffled)} labelled rows that are not evaluated, too few to "
        "choose the number of demonstrations.",
        "Give the number, such as --shots 1, evaluate fewer rows, or import the training split.",
    )


def require_shots(task: Task, evaluated: Sequence[Example], arguments: Mapping[str, Any]) -> str:
    """Look whether there are the demonstrations that an evaluate job asks for; return what to tell of them, if any.

    Raises:
        DataError: there are too few labelled training rows.
    """
    wanted, seed = arguments.get("shots") or 0, int(arguments.get("shots_seed") or 0)
    if not wanted:
        return ""
    train = unseen(task.load("train"), evaluated)
    if wanted != "best":
        demonstrations(task, train, int(wanted), seed)
        return ""
    shown, rows = trials(task, train, seed)
    if len(shown) == MOST_SHOTS:
        return ""
    return (
        f"Instead of up to {MOST_SHOTS} demonstrations, up to {len(shown)} are tried: that leaves {len(rows)} training "
        f"{'row' if len(rows) == 1 else 'rows'} of {task.name} to try them on."
    )


def _alone(example: Example) -> Hashable:
    return example.id
