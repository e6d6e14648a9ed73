"""How often each answer was given: a model that always says the same can score well on unbalanced rows."""

from collections.abc import Sequence

from nlu_rl.evaluation.confusion import UNPARSED
from nlu_rl.evaluation.predict import Prediction
from nlu_rl.tasks.contract import Task


def label_balance(task: Task, predictions: Sequence[Prediction]) -> dict[str, dict[str, int]]:
    """Return how often each answer was `given` and how many are labelled so (`right`), unparsed ones apart.

    Numbers are counted by interval, texts as answered.
    """
    schema = getattr(task, "schema", None)
    if schema is None:
        return {"given": {}, "right": {}}
    given, right = dict.fromkeys(schema.label_bins(), 0), dict.fromkeys(schema.label_bins(), 0)
    given[UNPARSED] = 0
    for prediction in predictions:
        value = prediction.extracted.value
        given[UNPARSED if value is None else schema.label_bin(value)] += 1
        if prediction.example.gold is not None:
            right[schema.label_bin(prediction.example.gold)] += 1
    return {"given": given, "right": right}
