"""Metrics that follow from sums over units, where a unit is a question, a pair of rows or a single row.

Such a task says what each unit adds and what the sums amount to, with arithmetic that also holds for arrays: so an
interval can draw whole units, thousands of times, and add up.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from nlu_rl.tasks.contract import Example, Scored

Sums = dict[str, float]


def add_up(units: Sequence[Sums]) -> Sums:
    """Return the sum of every entry over the units, all of which have the same entries."""
    return {name: sum(unit[name] for unit in units) for name in units[0]}


def ratio(part: Any, whole: Any) -> Any:
    """Return part / whole, and 0 where whole is 0; for numbers and arrays alike."""
    return part / (whole + (whole == 0))


def grouped(scored: Sequence[tuple[Example, Scored]], keys: Sequence[Hashable]) -> list[list[tuple[Example, Scored]]]:
    """Return the rows by key, in the order in which the keys appear."""
    groups: dict[Hashable, list[tuple[Example, Scored]]] = {}
    for key, pair in zip(keys, scored, strict=True):
        groups.setdefault(key, []).append(pair)
    return list(groups.values())


def means(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Return every entry over `n`, the number of rows."""
    return {name: ratio(value, sums["n"]) for name, value in sums.items() if name != "n"}
