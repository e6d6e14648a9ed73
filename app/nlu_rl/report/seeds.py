"""Several seeds of the same thing as mean and spread. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from nlu_rl.report.records import Record
from nlu_rl.report.score_spread import spread


@dataclass(frozen=True, slots=True)
class Spread:
    """The main metric over seeds. `deviation` is the sample standard deviation; 0 for one seed."""

    method: str
    model: str
    task: str
    metric: str
    seeds: tuple[int, ...]
    mean: float
    deviation: float
    low: float
    high: float
    n: int


def spreads(records: Sequence[Record]) -> list[Spread]:
    """Return one spread for each group with more than one seed; of one seed the newest evaluation counts."""
    groups: dict[str, dict[int, Record]] = {}
    for record in records:
        groups.setdefault(record.group, {})[record.seed] = record
    return [_spread(list(group.values())) for group in groups.values() if len(group) > 1]


def _spread(records: Sequence[Record]) -> Spread:
    scores = spread([float(record.result["scores"][record.metric]) for record in records])
    first = records[0]
    return Spread(
        first.method,
        first.model,
        first.task,
        first.metric,
        tuple(sorted(record.seed for record in records)),
        scores.mean,
        scores.deviation or 0.0,
        scores.low,
        scores.high,
        int(first.result["n"]),
    )
