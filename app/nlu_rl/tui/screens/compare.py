"""Runs side by side: one metric of all on one chart, the settings that differ, and whether a difference is real."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.comparison import Asked, compare_evaluations, comparison_sentence
from nlu_rl.evaluation.listing import shared_rows
from nlu_rl.runs.curve import smooth
from nlu_rl.runs.history import History, Point
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.overview import read_recipe
from nlu_rl.runs.status import Status
from nlu_rl.tasks.registry import get_task
from nlu_rl.tui import operations
from nlu_rl.tui.format import cut, score
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.run_charts import over_time, why_absent
from nlu_rl.tui.screens.base import BaseScreen
from nlu_rl.tui.screens.dialogs import ChoiceDialog, Option
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.job_bar import JobBar
from nlu_rl.tui.widgets.key_footer import KeyFooter
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.raster import Curve, Stroke

METRICS = ("score", "reward", "accuracy", "loss", "kl", "entropy", "step_seconds")
STROKES: tuple[Stroke, ...] = ("solid", "dashed", "dots")
MOST_RUNS = 6
POLL_SECONDS = 2.0
_NAME_CELLS, _KEY_CELLS = 22, 26
Found = tuple[list[dict[str, list[Point]]], list[dict[str, str]], list[list[Point]]]
"""By run: its curves by metric, its settings, and the seconds at its steps."""


class CompareScreen(BaseScreen):
    """Each run keeps its letter, colour and stroke."""

    KEYS_NAME: ClassVar[str] = "compare"
    BINDINGS = bindings("compare")
    CSS = """
    CompareScreen LineChart { height: 1fr; }
    CompareScreen #absent { display: none; height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    CompareScreen #absent.-some { display: block; }
    CompareScreen #job { display: none; padding: 0 1; }
    CompareScreen.-running #job { display: block; }
    CompareScreen #paired { height: auto; max-height: 6; padding: 0 1; }
    CompareScreen.-short #paired { max-height: 3; }
    CompareScreen #settings-box { height: 1fr; border: round $border; border-title-color: $primary; padding: 0 1; }
    CompareScreen #settings { width: auto; }
    """

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        super().__init__()
        self.runs = list(runs)[:MOST_RUNS]
        self._series: list[dict[str, list[Point]]] = []
        self._settings: list[dict[str, str]] = []
        self._histories: list[History] = []
        self._metric = 0
        self._smooth = True
        self._log_scale = False
        self._wall_time = False
        self._clocks: list[list[Point]] = []
        self._all = False
        self._missing: list[int] = []
        self._queue: list[RunDirectory] = []
        self._greedy = False

    def compose(self) -> ComposeResult:
        yield LineChart("score", empty="none of the runs has this metric", id="curves")
        yield Static(id="absent")
        yield JobBar(id="job")
        yield Static(id="paired")
        with VerticalScroll(id="settings-box") as box:
            box.border_title = "Settings that differ"
            yield Static(id="settings")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.refresh_runs()
        self.set_interval(POLL_SECONDS, self.refresh_runs)
        self._compare()

    def refresh_runs(self) -> None:
        """Follow the runs, which may be going on."""
        if self.is_seen or not self._series:
            self.in_background(self._read, self._take, group="compare")

    def _read(self) -> Found:
        series, settings, clocks = [], [], []
        self._histories = self._histories or [History(run) for run in self.runs]
        for run, history in zip(self.runs, self._histories, strict=True):
            history.poll()
            found = {name: history.series(name) for name in METRICS}
            series.append({**found, "score": history.mean_scores()})
            settings.append({key: written(value) for key, value in flat(read_recipe(run)).items()})
            clocks.append(history.clock())
        return series, settings, clocks

    def _take(self, found: Found) -> None:
        first = not self._series
        self._series, self._settings, self._clocks = found
        if first and METRICS[self._metric] not in self._there:
            self.action_metric()
        else:
            self._show()

    @property
    def _there(self) -> list[str]:
        """The metrics that one run at least has."""
        return [name for name in METRICS if any(series[name] for series in self._series)]

    def _show(self) -> None:
        metric = METRICS[self._metric]
        weight = 0.8 if self._smooth and metric != "score" else 0.0
        curves = [
            Curve(
                self._letter(number),
                smooth(series[metric], weight),
                f"series-{number}",
                STROKES[number % 3],
                mark=self._letter(number),
            )
            for number, series in enumerate(self._series)
        ]
        chart = self.query_one("#curves", LineChart)
        chart.border_title = f"{metric.replace('_', ' ')}   m: next metric"
        curves, unit = over_time(curves, self._clocks) if self._wall_time else (curves, "step")
        chart.show(curves, log_scale=self._log_scale, unit=unit)
        absent = "   ".join(f"{self._letter(n)} has no curve: {why}" for n, why in self._absent(metric))
        self.query_one("#absent").set_class(bool(absent), "-some")
        self.write("#absent", Text(absent))
        self.write("#settings", self._table())

    def _absent(self, metric: str) -> list[tuple[int, str]]:
        """Return the runs of which this metric shows nothing, and why."""
        found = []
        for number, series in enumerate(self._series):
            if not series[metric]:
                found.append((number, why_absent(metric, self._settings[number], series)))
            elif self._log_scale and not any(value > 0 for _, value in series[metric]):
                found.append((number, "no value above 0"))
            elif self._wall_time and not self._clocks[number]:
                found.append((number, "its steps have no times"))
        return found

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
        return text

    def _compare(self) -> None:
        """Hold every run against the first, where both were evaluated on the same rows."""
        self.in_background(
            lambda: [self._sentence(number) for number in range(1, len(self.runs))], self._say, group="e"
        )

    def _sentence(self, number: int) -> str | None:
        pair = shared_rows(self.runs[0], self.runs[number])
        if pair is None:
            return None
        a, b = (Asked(one.name, one.arguments, one.result) for one in pair)
        task, seed = get_task(str(a.arguments["task"])), int(b.arguments.get("seed") or 0)
        compared = compare_evaluations(task, a, b, seed)
        return f"{task.name}: {comparison_sentence(compared.result, self._letter(0), self._letter(number))}"

    def _say(self, sentences: list[str | None]) -> None:
        self._missing = [number for number, sentence in enumerate(sentences, start=1) if sentence is None]
        lines = [sentence for sentence in sentences if sentence is not None]
        if self._missing and not self._queue:
            names = ", ".join(self._letter(number) for number in [0, *self._missing])
            asked = f"Is the difference real? e evaluates {names} on the same rows."
            lines.append("Not evaluated on the same rows." if self.app.read_only else asked)
        self.query_one("#paired", Static).update(Text("\n".join(lines)))

    def action_evaluate(self) -> None:
        """Evaluate the runs whose difference is not known, one after the other; then say whether it is real."""
        if self._queue or self.query_one(JobBar).run is not None:
            self.notify("The evaluations are under way.", timeout=3)
            return
        if not self._missing:
            self.notify("All of them are compared already.", timeout=3)
            return
        options = [
            Option("e", "sampled", "One sample a row at temperature 1, as in the paper"),
            Option("g", "greedy", "The most likely answer of each row"),
        ]

        def answer(choice: str | None) -> None:
            if choice:
                self._greedy = choice == "greedy"
                self._queue = [self.runs[number] for number in [0, *self._missing]]
                self._next()

        text = "All on the evaluation rows of the first run's task; finished evaluations are used again."
        self.app.push_screen(ChoiceDialog("Evaluate them?", text, options), answer)

    def _next(self) -> None:
        if not self._queue:
            self.remove_class("-running")
            self._compare()
            return
        from nlu_rl.evaluation.request import tasks_of_run

        run, task, greedy = self._queue.pop(0), tasks_of_run(self.runs[0])[0], self._greedy
        self.add_class("-running")
        self.in_background(
            lambda: operations.evaluate(run.name, task=task, greedy=greedy),
            lambda job: self.query_one(JobBar).follow(job, self._ended),
            group="job",
        )

    def _ended(self, status: Status) -> None:
        if status.state != "done":
            self._queue.clear()
        if status.error is not None:
            self.app.show_error(NluRlError(status.error.message, status.error.fix))
        self._next()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:  # it could not even begin: the others would not either
            self._queue.clear()
            self.remove_class("-running")

    def _letter(self, number: int) -> str:
        return chr(ord("A") + number)

    def action_metric(self) -> None:
        """Go to the next metric that there is."""
        places = [*range(self._metric + 1, len(METRICS)), *range(self._metric)]
        self._metric = next((place for place in places if METRICS[place] in self._there), self._metric)
        self._show()

    def action_smoothing(self) -> None:
        self._smooth = not self._smooth
        self._show()

    def action_log_scale(self) -> None:
        self._log_scale = not self._log_scale
        self._show()

    def action_wall_time(self) -> None:
        self._wall_time = not self._wall_time
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


def written(value: Any) -> str:
    """Return a setting as people write it."""
    if isinstance(value, list):
        return " + ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
