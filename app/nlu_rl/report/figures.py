"""Reward curves as SVG, drawn by matplotlib: some tens of kilobytes that stand in a page by themselves, no script."""

import io
import os
from collections.abc import Sequence
from typing import Any

from nlu_rl import paths
from nlu_rl.report.records import Curve
from nlu_rl.runs.curve import smooth

SMOOTHING = 0.9
MOST_LINES = 12
"""More lines in one figure cannot be told apart; the next ones go into another."""


def curve_figures(curves: Sequence[Curve]) -> list[tuple[str, str]]:
    """Return (title, SVG) of the rewards, of the losses where there is no reward, and of the validations."""
    figures = []
    for quantity, title in (("reward", "Mean reward of a step"), ("loss", "Training loss")):
        lines = [(curve.name, curve.points) for curve in curves if curve.quantity == quantity]
        figures += _figures(title, quantity, lines, faint=True)
    scores = [(curve.name, curve.validations) for curve in curves if len(curve.validations) > 1]
    return figures + _figures("Validation score", "score", scores, faint=False)


def _figures(title: str, name: str, lines: Sequence[tuple[str, Any]], *, faint: bool) -> list[tuple[str, str]]:
    parts = [lines[start : start + MOST_LINES] for start in range(0, len(lines), MOST_LINES)]
    numbered = [f"{title} ({number + 1} of {len(parts)})" if len(parts) > 1 else title for number in range(len(parts))]
    return [(text, _draw(text, name, part, faint=faint)) for text, part in zip(numbered, parts, strict=True)]


def _draw(title: str, name: str, lines: Sequence[tuple[str, Any]], *, faint: bool) -> str:
    """Return one figure; with `faint`, the values themselves faintly and their moving average over them."""
    os.environ.setdefault("MPLCONFIGDIR", str(paths.home() / "data_cache" / "matplotlib"))
    import matplotlib
    from matplotlib.figure import Figure

    settings = {"svg.fonttype": "none", "svg.hashsalt": title, "font.family": "sans-serif", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8.5, 4.2), layout="constrained")
        axes = figure.subplots()
        for label, points in lines:
            steps, values = [step for step, _ in points], [value for _, value in points]
            drawn = [value for _, value in smooth(points, SMOOTHING)] if faint else values
            (line,) = axes.plot(steps, drawn, label=label, linewidth=1.8, marker=None if faint else "o", markersize=4)
            if faint:
                axes.plot(steps, values, color=line.get_color(), alpha=0.25, linewidth=0.8)
        axes.set_xlabel("step")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": title})
    return text.getvalue()[text.getvalue().index("<svg") :]
