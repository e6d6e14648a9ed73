"""Runs side by side: one metric of all of them on one chart, and the settings in which they differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static

from nlu_rl.runs.curve import smooth
from nlu_rl.runs.history import History, Point
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.overview import read_recipe
from nlu_rl.tui.format import cut, score
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.screens.base import BaseScreen
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.raster import Curve, Stroke

METRICS = ("score", "reward", "accuracy", "loss", "kl", "entropy", "step_seconds")
STROKES: tuple[Stroke, ...] = ("solid", "dashed", "dots")
MOST_RUNS = 6
_NAME_CELLS, _KEY_CELLS = 22, 26


class CompareScreen(BaseScreen):
    """Each run keeps its letter, colour and stroke."""

    KEYS_NAME: ClassVar[str] = "compare"
    BINDINGS = bindings("compare")
    CSS = """
    CompareScreen LineChart { height: 1fr; }
    CompareScreen #settings-box { height: 1fr; border: round $border; border-title-color: $primary; padding: 0 1; }
    CompareScreen #settings { width: auto; }
    """

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        super().__init__()
        self.runs = list(runs)[:MOST_RUNS]
        self._series: list[dict[str, list[Point]]] = []
        self._settings: list[dict[str, str]] = []
        self._metric = 0
        self._smooth = True
        self._log_scale = False
        self._all = False

    def compose(self) -> ComposeResult:
        yield LineChart("score", empty="none of the runs has this metric", id="curves")
        with VerticalScroll(id="settings-box") as box:
            box.border_title = "Settings that differ"
            yield Static(id="settings")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.in_background(self._read, self._take, group="compare")

    def _read(self) -> tuple[list[dict[str, list[Point]]], list[dict[str, str]]]:
        series, settings = [], []
        for run in self.runs:
            history = History(run)
            history.poll()
            found = {name: history.series(name) for name in METRICS}
            series.append({**found, "score": history.scores()})
            settings.append({key: str(value) for key, value in flat(read_recipe(run)).items()})
        return series, settings

    def _take(self, found: tuple[list[dict[str, list[Point]]], list[dict[str, str]]]) -> None:
        self._series, self._settings = found
        self._show()

    def _show(self) -> None:
        metric = METRICS[self._metric]
        weight = 0.8 if self._smooth and metric != "score" else 0.0
        curves = [
            Curve(self._letter(number), smooth(series[metric], weight), f"series-{number}", STROKES[number % 3])
            for number, series in enumerate(self._series)
        ]
        chart = self.query_one("#curves", LineChart)
        chart.border_title = f"{metric.replace('_', ' ')}   m: next metric"
        chart.show(curves, log_scale=self._log_scale)
        self.query_one("#settings", Static).update(self._table())

    def _table(self) -> Text:
        text = Text(" " * _KEY_CELLS, no_wrap=True)
        for number, run in enumerate(self.runs):
            name = cut(f"{self._letter(number)} {Path(run.name).name}", _NAME_CELLS - 2)
            text.append(f"{name:<{_NAME_CELLS}}", style(self.app, f"series-{number}"))
        text.append(f"\n{'best score':<{_KEY_CELLS}}")
        for series in self._series:
            best = max((value for _, value in series["score"]), default=None)
            text.append(f"{score(best):<{_NAME_CELLS}}")
        text.append("\n")
        for key in dict.fromkeys(key for settings in self._settings for key in settings):
            values = [settings.get(key, "–") for settings in self._settings]
            if self._all or len(set(values)) > 1:
                text.append(f"{key:<{_KEY_CELLS}}", style(self.app, "dim"))
                text.append("".join(f"{cut(value, _NAME_CELLS - 2):<{_NAME_CELLS}}" for value in values) + "\n")
        if len(self.runs) == 2:
            names = " ".join(run.name for run in self.runs)
            text.append(f"\nIs the difference real? nlu-rl compare {names}", style(self.app, "dim"))
        return text

    def _letter(self, number: int) -> str:
        return chr(ord("A") + number)

    def action_metric(self) -> None:
        self._metric = (self._metric + 1) % len(METRICS)
        self._show()

    def action_smoothing(self) -> None:
        self._smooth = not self._smooth
        self._show()

    def action_log_scale(self) -> None:
        self._log_scale = not self._log_scale
        self._show()

    def action_differences(self) -> None:
        self._all = not self._all
        self.query_one("#settings-box").border_title = "All settings" if self._all else "Settings that differ"
        self._show()


def flat(recipe: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return every value of a recipe file under its dotted key."""
    found: dict[str, Any] = {}
    for key, value in recipe.items():
        found.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found
