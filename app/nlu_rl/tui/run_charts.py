"""Which curves each panel of the monitor shows. Raw values are dots, smoothed ones a line, the start a dashed line."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nlu_rl.runs.curve import smooth
from nlu_rl.runs.history import Point
from nlu_rl.tui.snapshot import Snapshot
from nlu_rl.tui.widgets.raster import Curve, Stroke

CHARTS = ("Reward", "Score", "KL", "Loss", "Entropy", "Seconds")
"""Titles of the panels, in their order."""
SECONDS = {"generate_seconds": "gen", "score_seconds": "score", "update_seconds": "update"}
LOSSES = {"policy_loss": "policy", "value_loss": "value"}
_STROKES: tuple[Stroke, ...] = ("solid", "dashed", "dots")
_START_STEPS = 3
_UNITS = (("h", 3600, 3 * 3600), ("min", 60, 180), ("s", 1, 0))
Series = Mapping[str, list[Point]]


def curves_of(chart: str, snapshot: Snapshot, weight: float) -> list[Curve]:
    """Return the curves of one panel, each behind the next; `weight` smooths."""
    series = snapshot.series
    if chart == "Reward":
        return _reward(series, weight, snapshot.recipe.get("tasks") or [])
    if chart == "Score":
        return _scores(snapshot, weight)
    if chart == "Loss" and "value_loss" in series:
        return _several(LOSSES, series, weight)
    if chart == "Seconds":
        return _several(SECONDS, series, weight) or _raw_and_smooth("step", series.get("step_seconds", []), weight)
    name = chart.lower()
    return _raw_and_smooth(name, series.get(name, []), weight)


def over_time(curves: Sequence[Curve], clocks: Sequence[Sequence[Point]]) -> tuple[list[Curve], str]:
    """Return curves over the time that their own run took to each step, and the unit of that time."""
    longest = max((clock[-1][1] for clock in clocks if clock), default=0.0)
    unit, seconds = next((name, size) for name, size, least in _UNITS if longest >= least)
    timed = [
        replace(curve, points=[(time_at(clock, step) / seconds, value) for step, value in curve.points])
        for curve, clock in zip(curves, clocks, strict=True)
        if clock
    ]
    return timed, unit


def time_at(clock: Sequence[Point], step: float) -> float:
    """Return the seconds at a step, between two known ones in proportion; before and after all, the nearest."""
    after = bisect_left(clock, (step, -math.inf))
    if after == 0 or after == len(clock):
        return clock[min(after, len(clock) - 1)][1]
    (first, begun), (last, ended) = clock[after - 1], clock[after]
    return begun + (ended - begun) * (step - first) / (last - first)


def why_empty(chart: str, snapshot: Snapshot) -> str:
    """Return what a panel without a curve says."""
    supervised = snapshot.recipe.get("method") == "sft"
    if supervised and chart in ("Reward", "KL", "Entropy"):
        return f"no {chart if chart == 'KL' else chart.lower()}: supervised training has none"
    if chart == "Score" and not (snapshot.recipe.get("evaluate") or {}).get("every"):
        return "no validation: evaluate.every is not set"
    return "nothing yet"


def why_absent(metric: str, settings: Mapping[str, str], series: Series) -> str:
    """Return why a run has no curve of a metric, by its settings as they are written and what else it has."""
    if not any(series.values()):
        return "no step yet"
    if settings.get("method") == "sft" and metric in ("reward", "kl", "entropy"):
        return "supervised training has none"
    if metric == "score":
        validated = settings.get("evaluate.every", "–") != "–"
        return "no validation yet" if validated else "evaluate.every is not set"
    return "its events have none"


def _reward(series: Series, weight: float, tasks: Sequence[str]) -> list[Curve]:
    """Of a single task its reward; of a mix the mean as dots behind a line for each task, in the recipe's order.

    Dashed: the first steps.
    """
    reward = series.get("reward", [])
    if not reward:
        return []
    first = [value for _, value in reward[:_START_STEPS]]
    start = _level("start", sum(first) / len(first), reward[0][0], reward[-1][0])
    shown = {name: name.removeprefix("reward/") for name in series if name.startswith("reward/")}
    if shown:
        order = [Path(task).stem for task in tasks]
        ordered = sorted(shown.items(), key=lambda item: order.index(item[1]) if item[1] in order else len(order))
        return [start, Curve("all", reward, "dim", "dots"), *_several(dict(ordered), series, weight, marked=True)]
    return [start, *_raw_and_smooth("reward", reward, weight)]


def _scores(snapshot: Snapshot, weight: float) -> list[Curve]:
    """Validation scores, dashed what they were before; behind them the accuracy of the training batches."""
    curves = []
    if accuracy := snapshot.series.get("accuracy"):
        curves.append(Curve("batch", smooth(accuracy, weight), "dim", "dots"))
    last = max((points[-1][0] for points in (*snapshot.scores.values(), *snapshot.series.values())), default=0)
    alone = len(snapshot.scores) == 1
    for number, (task, points) in enumerate(snapshot.scores.items()):
        role = "good" if alone else f"series-{number}"
        base = snapshot.base_scores.get(task)
        if base is not None:
            curves.append(_level("base" if alone else "", base, 0, last, "second" if alone else role))
        if points and points[0][0] == 0:
            name = "before" if base is None else "start"
            curves.append(_level(name if alone else "", points[0][1], 0, last, "dim" if alone else role))
        curves.append(Curve(task, points, role, mark="" if alone else str(number + 1)))
    return curves


def _level(name: str, value: float, first: float, last: float, role: str = "dim") -> Curve:
    return Curve(name, [(first, value), (last, value)], role, "dashed")


def _raw_and_smooth(name: str, points: Sequence[Point], weight: float) -> list[Curve]:
    if not weight or not points:
        return [Curve(name, points, "good")]
    return [Curve("", points, "dim", "dots"), Curve("smoothed", smooth(points, weight), "good")]


def _several(names: Mapping[str, str], series: Series, weight: float, *, marked: bool = False) -> list[Curve]:
    """Return a smoothed line for each metric that is there, under the name it is to have, or by its number too."""
    there = [(name, shown) for name, shown in names.items() if series.get(name)]
    return [
        Curve(
            shown,
            smooth(series[name], weight),
            f"series-{number}",
            _STROKES[number % len(_STROKES)],
            mark=str(number + 1) if marked else "",
        )
        for number, (name, shown) in enumerate(there)
    ]
