"""A run as it happens, or as it was: curves, samples, log, and what is wrong with it.

It reads the run's directory and writes nothing but requests, so a live, a finished, a lost and a headless run look
alike, and closing it touches nothing.
"""

import time
from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static
from textual.worker import Worker, WorkerState

from nlu_rl.runs.history import Point
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui.evaluation_text import result_text
from nlu_rl.tui.hardware import usage
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.log_text import log_text
from nlu_rl.tui.run_charts import CHARTS, curves_of, over_time, why_empty
from nlu_rl.tui.run_head import banner_text, head_text
from nlu_rl.tui.screens.run_controls import RunControls, pointless
from nlu_rl.tui.snapshot import Snapshot, SnapshotReader
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.filter_bar import FilterBar
from nlu_rl.tui.widgets.hardware_panel import HardwarePanel
from nlu_rl.tui.widgets.key_footer import KeyFooter
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.sample_table import SampleTable

POLL_SECONDS = 0.5
REDRAW_SECONDS = 4.0  # charts, samples and log of a fast run; what a key changes is drawn at once
SMOOTHINGS = (0.8, 0.95, 0.0, 0.5)
HARDWARE_SECONDS = 3.0
PANELS = (*CHARTS, "Samples", "HW", "Log")


class MonitorScreen(RunControls):
    """One run. All panels at once on a large terminal, one at a time on a small one."""

    KEYS_NAME: ClassVar[str] = "monitor"
    BINDINGS = bindings("monitor")
    CSS = """
    MonitorScreen #head { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    MonitorScreen #banner { display: none; height: auto; max-height: 3; padding: 0 1; background: $warning 25%; }
    MonitorScreen.-concerned #banner { display: block; }
    MonitorScreen #tabs { display: none; height: 1; padding: 0 0 0 1; }
    MonitorScreen #panels { grid-size: 3 4; grid-rows: 1fr 1fr auto 1fr; height: 1fr; }
    MonitorScreen #panel-7 { column-span: 2; row-span: 2; }
    MonitorScreen #panel-9 { border: round $border; border-title-color: $primary; scrollbar-size-vertical: 1; }
    MonitorScreen #panel-9:focus { border: round $primary; }
    MonitorScreen #log { width: auto; min-height: 100%; }
    MonitorScreen #result { display: none; height: auto; max-height: 60%; padding: 0 1; }
    MonitorScreen.-job #result { display: block; }
    MonitorScreen.-narrow #tabs, MonitorScreen.-short #tabs, MonitorScreen.-zoomed #tabs { display: block; }
    MonitorScreen.-narrow #panels, MonitorScreen.-short #panels, MonitorScreen.-zoomed #panels {
        grid-size: 1 1; grid-rows: 1fr;
    }
    MonitorScreen.-narrow .panel, MonitorScreen.-short .panel, MonitorScreen.-zoomed .panel {
        display: none; column-span: 1; row-span: 1; height: 100%;
    }
    MonitorScreen.-narrow .panel.-current, MonitorScreen.-short .panel.-current,
    MonitorScreen.-zoomed .panel.-current { display: block; }
    MonitorScreen.-job #tabs { display: none; }
    """

    def __init__(self, run: RunDirectory) -> None:
        super().__init__(run)
        self._reader: SnapshotReader | None = None
        self._unreadable = False
        self._smoothing = 0
        self._log_scale = False
        self._wall_time = False
        self._panel = 1
        self._redrawn = 0.0
        self._drawn: dict[int, tuple[Mapping[str, list[Point]], tuple[int, bool, bool]]] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="banner")
        yield Static(id="tabs")
        yield FilterBar("sample")
        yield Static(id="result")
        with Grid(id="panels"):
            for number, title in enumerate(CHARTS, start=1):
                yield LineChart(f"{number} {title}", id=f"panel-{number}")
            yield SampleTable(id="panel-7")
            yield HardwarePanel("8 Hardware", id="panel-8")
            with VerticalScroll(id="panel-9", can_focus=True) as log:
                log.border_title = "9 Log"
                log.anchor()
                yield Static(id="log")
        yield KeyFooter()

    def on_mount(self) -> None:
        for number in range(1, len(PANELS) + 1):
            self._panel_widget(number).add_class("panel")
        self.query_one("#panel-7", SampleTable).border_title = "7 Samples  ▲ right  ◆ wrong  ▼ nothing read"
        self.action_show_panel(1)
        self.set_interval(POLL_SECONDS, self.refresh_run)
        self.set_interval(HARDWARE_SECONDS, self.refresh_hardware)
        self.refresh_run()
        self.refresh_hardware()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def refresh_run(self) -> None:
        if (self.is_seen or self.snapshot is None) and not self._unreadable:
            self.in_background(self._read, self._take, group="run")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Leave a run that cannot be read at all; the class before this one, which is asked as well, tells of it."""
        unread = event.worker.group == "run" and self.snapshot is None and event.state is WorkerState.ERROR
        if unread and not self._unreadable:
            self._unreadable = True
            if self.app.screen is self:
                self.action_back()

    def refresh_hardware(self) -> None:
        if self.is_seen and not self.has_class("-job"):
            self.in_background(usage, self.query_one(HardwarePanel).show, group="hardware")

    def _read(self) -> Snapshot:
        if self._reader is None:
            self._reader = SnapshotReader(self.run)
        return self._reader.read()

    def _take(self, snapshot: Snapshot) -> None:
        first = self.snapshot is None
        other_keys = pointless(snapshot) != pointless(self.snapshot)
        other_state = self.snapshot is not None and snapshot.status.state != self.snapshot.status.state
        self.snapshot = snapshot
        if other_keys:
            self.refresh_bindings()
        if first and snapshot.kind != "train":
            self.add_class("-job", "-zoomed")
            self.action_show_panel(len(PANELS))
        elif first and snapshot.recipe.get("method") == "sft":
            self.action_show_panel(CHARTS.index("Loss") + 1)  # it has no reward
            self.query_one("#panel-7", SampleTable).empty = "none: supervised training draws no samples"
        self._show_lines(snapshot)
        late = time.monotonic() - self._redrawn >= REDRAW_SECONDS
        if first or late or other_state or not snapshot.status.live:
            self._show()

    def _show(self) -> None:
        """Bring every visible panel up to the snapshot; each repaints only what has changed."""
        snapshot = self.snapshot
        if snapshot is None:
            return
        self._redrawn = time.monotonic()
        self._show_lines(snapshot)
        for number, title in enumerate(CHARTS, start=1):
            if self.query_one(f"#panel-{number}").display:
                self._show_chart(number, title, snapshot)
        table = self.query_one("#panel-7", SampleTable)
        if table.display:
            table.show(snapshot.samples)
        if self._panel_widget(9).display:
            self.write("#log", log_text(self.app, snapshot.log))

    def _show_lines(self, snapshot: Snapshot) -> None:
        """Write what is cheap to write: head, banner and result."""
        self.write("#head", head_text(self.app, self.run.name, snapshot, self.size.width))
        banner = banner_text(self.app, snapshot)
        self.set_class(bool(banner), "-concerned")
        self.write("#banner", banner)
        self.write("#result", result_text(self.app, snapshot.kind, snapshot.result))

    def _show_chart(self, number: int, title: str, snapshot: Snapshot) -> None:
        """Draw a chart anew if its run has gone on, or it is to look different."""
        look = (self._smoothing, self._log_scale, self._wall_time)
        drawn = self._drawn.get(number)
        if drawn is not None and drawn[0] is snapshot.series and drawn[1] == look:
            return
        self._drawn[number] = (snapshot.series, look)
        chart = self.query_one(f"#panel-{number}", LineChart)
        chart.say_when_empty(why_empty(title, snapshot))
        curves, unit = curves_of(title, snapshot, SMOOTHINGS[self._smoothing]), "step"
        if self._wall_time:
            curves, unit = over_time(curves, [snapshot.clock] * len(curves))
        chart.show(curves, log_scale=self._log_scale, unit=unit)

    def _panel_widget(self, number: int) -> Widget:
        return self.query_one(f"#panel-{number}")

    def action_show_panel(self, number: int) -> None:
        self._panel = number
        for other in range(1, len(PANELS) + 1):
            self._panel_widget(other).set_class(other == number, "-current")
        tabs = Text()
        for other, title in enumerate(PANELS, start=1):
            look = style(self.app, "title") + style(self.app, "bold") if other == number else style(self.app, "dim")
            tabs.append(f"[{other} {title}]" if other == number else f" {other} {title} ", look)
        self.write("#tabs", tabs)
        self._panel_widget(number).focus()
        self.call_after_refresh(self._show)

    def on_click(self, event: object) -> None:
        """Switch panels by a click on the line of their names."""
        x, widget = getattr(event, "x", 0), getattr(event, "widget", None)
        if widget is not None and widget.id == "tabs":
            end = 1
            for number, title in enumerate(PANELS, start=1):
                end += len(title) + 4
                if x < end:
                    self.action_show_panel(number)
                    return

    def on_descendant_focus(self) -> None:
        """The focused panel is the one that zooms."""
        for number in range(1, len(PANELS) + 1):
            if self._panel_widget(number).has_focus and number != self._panel:
                self.action_show_panel(number)

    def action_panel(self, by: int) -> None:
        self.action_show_panel((self._panel - 1 + by) % len(PANELS) + 1)

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")
        self.call_after_refresh(self._show)

    def action_back(self) -> None:
        if self.query_one(FilterBar).is_open:
            self.query_one(FilterBar).close()
            self._panel_widget(7).focus()
        elif self.has_class("-zoomed") and not self.has_class("-job"):
            self.action_zoom()
        else:
            self.app.pop_screen()

    def action_smoothing(self) -> None:
        self._smoothing = (self._smoothing + 1) % len(SMOOTHINGS)
        self.notify(f"Smoothing {SMOOTHINGS[self._smoothing]:g}", timeout=2)
        self._show()

    def action_log_scale(self) -> None:
        self._log_scale = not self._log_scale
        self._show()

    def action_wall_time(self) -> None:
        self._wall_time = not self._wall_time
        self._show()

    def action_filter(self) -> None:
        self.action_show_panel(7)
        self.query_one(FilterBar).open()

    def on_input_changed(self) -> None:
        self.query_one("#panel-7", SampleTable).words = self.query_one(FilterBar).words
        self._show()

    def on_input_submitted(self) -> None:
        self._panel_widget(7).focus()

    def action_freeze(self) -> None:
        table = self.query_one("#panel-7", SampleTable)
        table.frozen = not table.frozen
        self.notify("Samples held still." if table.frozen else "Samples go on.", timeout=2)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        from nlu_rl.tui.screens.sample import SampleDialog

        samples = self.query_one("#panel-7", SampleTable).samples
        if samples:
            self.app.push_screen(SampleDialog(samples, event.cursor_row))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.run.name)
        self.notify("The name is copied.", timeout=2)
