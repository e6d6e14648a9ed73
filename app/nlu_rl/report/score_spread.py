"""Runs that differ in their seed alone: the mean of their scores, and how far they lie apart. Pure functions.

The interval of one evaluation says what other rows would have given; the spread over seeds says what other draws of
training rows, samples and initial weights would have. Neither holds the other.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ScoreSpread:
    """Scores of `n` runs. `deviation` is the sample standard deviation (n - 1), None for one run."""

    mean: float
    deviation: float | None
    low: float
    high: float
    n: int


def spread(values: Sequence[float]) -> ScoreSpread:
    """Return the mean and spread of at least one value."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return ScoreSpread(statistics.fmean(values), deviation, min(values), max(values), len(values))


def metric_spreads(scores: Sequence[Mapping[str, float]]) -> dict[str, ScoreSpread]:
    """Return the spread of every metric that all runs have."""
    shared = [name for name in scores[0] if all(name in each for each in scores)]
    return {name: spread([each[name] for each in scores]) for name in shared}


def but_for_seed(settings: Mapping[str, Any]) -> str:
    """Return what a training's settings (a recipe, or an encoder's arguments) share with those of other seeds, as JSON.

    What a machine settles for itself, the micro-batch, does not count as a difference.
    """
    kept = {key: value for key, value in settings.items() if key != "seed"}
    train = kept.get("train")
    if isinstance(train, Mapping):
        kept["train"] = {key: value for key, value in train.items() if key != "micro_batch_tokens"}
    return json.dumps(kept, sort_keys=True)
