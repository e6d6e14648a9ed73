"""Few-shot evaluation: how many demonstrations, when the best number is asked for.

The number is chosen on training rows that are not demonstrations themselves, nor belong with one (a question of
MultiRC), with greedy answers, so that the rows that are scored afterwards play no part in it. A number with which
prompts no longer fit the model is none to choose.
"""

from collections.abc import Callable, Hashable, Sequence

from nlu_rl.errors import DataError
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.evaluation.prompts import PromptTooLongError
from nlu_rl.evaluation.rows import MOST_SHOTS, ROW_SEED, demonstrations, shuffled_labelled
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
    together: Callable[[Example], Hashable] = getattr(task, "together", _alone)
    shown = {count: demonstrations(task, train, count, seed) for count in range(1, MOST_SHOTS + 1)}
    used = {together(example) for shots in shown.values() for example in shots}
    rows = [example for example in shuffled_labelled(train, seed) if together(example) not in used][:TRIAL_ROWS]
    if not rows:
        raise DataError(
            f"The training split of {task.name} has too few labelled rows to choose the number of demonstrations.",
            "Give the number, such as --shots 2.",
        )
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


def _alone(example: Example) -> Hashable:
    return example.id
