"""Which curves each panel of the monitor shows. Raw values are dots, smoothed ones a line, the start a dashed line."""

from collections.abc import Mapping, Sequence

from nlu_rl.runs.curve import smooth
from nlu_rl.runs.history import Point
from nlu_rl.tui.snapshot import Snapshot
from nlu_rl.tui.widgets.raster import Curve

CHARTS = ("Reward", "Score", "KL", "Loss", "Entropy", "Seconds")
"""Titles of the panels, in their order."""


def curves_of(chart: str, snapshot: Snapshot, weight: float) -> list[Curve]:
    """Return the curves of one panel."""
    series = snapshot.series
    if chart == "Reward":
        return _reward(series, weight)
    if chart == "Score":
        return _scores(snapshot, weight)
    if chart == "KL":
        return _raw_and_smooth("kl", series.get("kl", []), weight)
    if chart == "Loss":
        parts = [name for name in ("policy_loss", "value_loss") if name in series] or ["loss"]
        return _several(parts, series, weight)
    if chart == "Entropy":
        return _raw_and_smooth("entropy", series.get("entropy", []), weight)
    parts = [name for name in ("generate_seconds", "score_seconds", "update_seconds") if name in series]
    return _several(parts, series, weight)


def _reward(series: Mapping[str, list[Point]], weight: float) -> list[Curve]:
    reward = series.get("reward", [])
    if not reward:
        return []
    tasks = [name for name in series if name.startswith("reward/")]
    if tasks:
        return _several(tasks, series, weight)
    first = reward[0][1]
    start = Curve("start", [(reward[0][0], first), (reward[-1][0], first)], "dim", "dashed")
    return [start, *_raw_and_smooth("reward", reward, weight)]


def _scores(snapshot: Snapshot, weight: float) -> list[Curve]:
    """Validation scores; behind them the accuracy of the training batches, smoothed."""
    curves = []
    if accuracy := snapshot.series.get("accuracy"):
        curves.append(Curve("batch", smooth(accuracy, weight), "dim", "dots"))
    last = max((points[-1][0] for points in (*snapshot.scores.values(), *snapshot.series.values())), default=0)
    for number, (task, points) in enumerate(snapshot.scores.items()):
        if points and points[0][0] == 0:
            curves.append(Curve("before", [points[0], (last, points[0][1])], "dim", "dashed"))
        curves.append(Curve(task, points, "good" if number == 0 else f"series-{number}"))
    return curves


def _raw_and_smooth(name: str, points: Sequence[Point], weight: float) -> list[Curve]:
    if not weight or not points:
        return [Curve(name, points, "good")]
    return [Curve("", points, "dim", "dots"), Curve(name, smooth(points, weight), "good")]


def _several(names: Sequence[str], series: Mapping[str, list[Point]], weight: float) -> list[Curve]:
    strokes = ("solid", "dashed", "dots")
    return [
        Curve(
            name.removesuffix("_seconds").removeprefix("reward/").replace("_", " "),
            smooth(series.get(name, []), weight),
            f"series-{number}",
            strokes[min(number, 2)],  # type: ignore[arg-type]
        )
        for number, name in enumerate(names)
    ]
