"""The runs: what there is, how far each is and how well it does, and what to do with one."""

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from nlu_rl import __version__
from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.overview import Overview
from nlu_rl.tui import format, operations
from nlu_rl.tui.first_look import FirstLook
from nlu_rl.tui.hardware import Usage, hardware_text, usage
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.run_line import COLUMNS, EMPTY, NAME, NOTHING, SORTS, filter_words, preview_text, row_of, widths
from nlu_rl.tui.screens.base import entitle
from nlu_rl.tui.screens.run_actions import RunActions
from nlu_rl.tui.screens.run_starter import RunStarter
from nlu_rl.tui.stale_jobs import sweep
from nlu_rl.tui.theme import same_text, style
from nlu_rl.tui.widgets.enter_table import OpenTable
from nlu_rl.tui.widgets.filter_bar import FilterBar
from nlu_rl.tui.widgets.key_footer import KeyFooter

POLL_SECONDS = 1.0
HARDWARE_SECONDS = 3.0
SWEEP_AFTER_SECONDS = 2.0


class HomeScreen(RunActions, RunStarter):
    """All runs, the newest first, with a preview of the one under the cursor."""

    KEYS_NAME: ClassVar[str] = "home"
    BINDINGS = bindings("home")
    AUTO_FOCUS = "#runs"
    CSS = """
    HomeScreen #top { height: 1; }
    HomeScreen #list { height: 1fr; border: round $border; border-title-color: $primary; }
    HomeScreen #list:focus-within { border: round $primary; }
    HomeScreen DataTable { height: 1fr; overflow-x: hidden; background: transparent; scrollbar-size-vertical: 1; }
    HomeScreen #preview { height: 6; text-wrap: nowrap; text-overflow: ellipsis; }
    HomeScreen.-empty DataTable { display: none; }
    HomeScreen #empty { display: none; height: 1fr; }
    HomeScreen.-empty #empty { display: block; }
    """

    def __init__(self, first_look: FirstLook) -> None:
        super().__init__()
        self._runs = first_look
        self._found: list[Overview] = []
        self._shown: list[Overview] = []
        self._marked: set[str] = set()
        self._wanted: str | None = None
        self._order = 0
        self._usage: Usage | None = None
        self._removed: list[list[str]] = []
        self._loaded = False
        self._laid_out = 0
        self._painted = False

    def compose(self) -> ComposeResult:
        yield Static(id="top")
        with Vertical(id="list", classes="box") as box:
            box.border_title = "Runs"
            yield FilterBar("line")
            yield OpenTable(cursor_type="row", show_header=True, id="runs")
            yield Static(NOTHING if self.app.read_only else EMPTY, id="empty")
        yield Static(id="preview", classes="box")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._add_columns()
        self.query_one(OpenTable).about_row = self._when_created
        self.set_interval(POLL_SECONDS, self.refresh_runs)
        self.set_interval(HARDWARE_SECONDS, self.refresh_hardware)
        if (found := self._runs.found) is not None:
            self._take(found)
        elif self._runs.wanted:
            self.refresh_runs()
        if not self.app.read_only:
            self.set_timer(SWEEP_AFTER_SECONDS, lambda: self.in_background(sweep, lambda _: None, group="sweep"))

    def on_screen_resume(self) -> None:
        if self._painted:
            self.refresh_runs()
        self._painted = True

    def on_resize(self) -> None:
        if self._loaded and self.size.width != self._laid_out:
            self._add_columns()
            self._fill()

    def refresh_runs(self) -> None:
        if self.is_seen:
            self.in_background(self._runs.poll, self._take, group="runs")

    def refresh_hardware(self) -> None:
        if self.is_seen:
            self.in_background(usage, self._take_usage, group="hardware")

    def go_to(self, name: str) -> None:
        """Put the cursor on a run that was started elsewhere, as soon as it is in the list."""
        self._wanted = name

    @property
    def current(self) -> Overview | None:
        """The run under the cursor."""
        row = self._table.cursor_row
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @property
    def shown_names(self) -> list[str]:
        return [overview.name for overview in self._shown]

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#runs", DataTable)

    def _add_columns(self) -> None:
        table = self._table
        table.clear(columns=True)
        self._laid_out = self.size.width
        for (title, _), cells in zip(COLUMNS, widths(self.size.width), strict=True):
            table.add_column(Text(title), width=cells, key=title)  # a str would be read as markup

    def _take(self, found: list[Overview]) -> None:
        if not self._loaded:  # the runs come first: reading what is told of the machine takes as long as they do
            self.call_after_refresh(self.refresh_hardware)
        self._loaded = True
        self._found = found
        self.set_class(not found, "-empty")
        self._fill()

    def _take_usage(self, now: Usage) -> None:
        self._usage = now
        self._show_top()

    def _fill(self) -> None:
        """Show the runs that pass the filter; rows are replaced only when they are others, cells when they differ."""
        words = self.query_one(FilterBar).words
        name, key = SORTS[self._order]
        chosen = [o for o in self._found if all(word in filter_words(o) for word in words)]
        at = self._wanted or (self.current.name if self.current else None)
        before = self.shown_names
        self._shown = sorted(chosen, key=key) if key else chosen
        table = self._table
        cells = widths(self.size.width)[NAME]
        rows = [row_of(self.app, o, cells, marked=o.name in self._marked, now=time.time()) for o in self._shown]
        if before == self.shown_names and table.row_count == len(rows):
            for place, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if not same_text(table.get_cell_at((place, column)), cell):  # type: ignore[arg-type]
                        table.update_cell_at((place, column), cell)  # type: ignore[arg-type]
        else:
            table.clear()
            for row in rows:
                table.add_row(*row)
            if at in self.shown_names:
                table.move_cursor(row=self.shown_names.index(at))
                self._wanted = None
        box = self.query_one("#list")
        entitle(box, subtitle=f"filter: {' '.join(words) or 'none'}   sort: {name}")
        self._show_top()
        self._show_preview()

    def _when_created(self, row: int) -> str | None:
        return f"created {format.moment(self._shown[row].created)}" if row < len(self._shown) else None

    def _show_top(self) -> None:
        live = sum(overview.status.live for overview in self._found)
        title = style(self.app, "title") + style(self.app, "bold")
        text = Text.assemble((f" NLU·RL {__version__} ", title), "│ Runs   ")
        text.append(f"● {live} running" if live else "○ none running", style(self.app, "good" if live else "dim"))
        if self.app.read_only:
            text.append("   read-only", style(self.app, "warn"))
        if self._usage is not None:
            room = self.size.width - text.cell_len - 4
            text.append("   " + format.cut(hardware_text(self._usage), room), style(self.app, "dim"))
        self.write("#top", text)

    def _show_preview(self) -> None:
        box = self.query_one("#preview", Static)
        current = self.current
        box.display = bool(self._found)
        entitle(box, title=current.name if current else "")
        self.write("#preview", preview_text(self.app, current, time.time()) if current else Text())

    def on_data_table_row_highlighted(self) -> None:
        self._show_preview()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def on_input_changed(self) -> None:
        self._fill()

    def on_input_submitted(self) -> None:
        self._table.focus()

    def key_escape(self) -> None:
        if self.query_one(FilterBar).is_open:
            self.query_one(FilterBar).close()
            self._table.focus()

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    def action_sort(self) -> None:
        self._order = (self._order + 1) % len(SORTS)
        self._fill()

    def action_mark(self) -> None:
        if (current := self.current) is not None:
            self._marked ^= {current.name}
            self._fill()
            self._table.action_cursor_down()

    def action_open(self) -> None:
        if (current := self.current) is not None:
            self.open_run(open_run(current.name))

    def _open_started(self, run: RunDirectory) -> None:
        self.go_to(run.name)
        self.open_run(run)

    def chosen_run(self) -> RunDirectory | None:
        return self.current.run if self.current else None

    def action_compare(self) -> None:
        from nlu_rl.tui.screens.compare import CompareScreen

        chosen = [overview.run for overview in self._found if overview.name in self._marked]
        if len(chosen) < 2:
            self.notify("Mark two runs or more with the space bar first.", timeout=4)
        else:
            self.app.push_screen(CompareScreen(chosen))

    def action_new(self) -> None:
        from nlu_rl.tui.screens.wizard import WizardScreen

        self.app.push_screen(WizardScreen())

    def action_resume(self) -> None:
        if (current := self.current) is not None:
            self.notify(operations.resume(current.run))
            self.refresh_runs()

    def action_delete(self) -> None:
        from nlu_rl.tui.screens.dialogs import TypedDialog

        names = [overview.name for overview in self._found if overview.name in self._marked]
        names = names or ([self.current.name] if self.current else [])
        busy = {name: at_work for name in names if (at_work := operations.at_work(name)) is not None}
        names = [name for name in names if name not in busy]
        stay = [f"{name} stays here: {at_work} is at work." for name, at_work in busy.items()]
        if not names:
            self.notify(" ".join([*stay, "Stop it first."]) if stay else "There is no run.", timeout=5)
            return
        word = names[0] if len(names) == 1 else f"{len(names)} runs"
        they, them = ("It goes", "it") if len(names) == 1 else ("They go", "them")
        trash = f"{they} to the trash: u, or 'nlu-rl runs restore', brings {them} back."
        text = "\n".join([*names, "", trash, *stay])

        def answer(yes: bool | None) -> None:
            if yes:
                self._removed.append([])
                for name in names:
                    operations.remove(name)
                    self._removed[-1].append(name)
                    self._marked.discard(name)
                self.refresh_runs()

        self.app.push_screen(TypedDialog(f"Remove {word}?", text, word), answer)

    def action_undelete(self) -> None:
        removed = [names for names in self._removed if names]
        if removed:
            names = removed.pop()
            self._removed = removed
            back = [operations.restore(name) for name in names]
            self.notify(f"{' and '.join(back)} {'is' if len(back) == 1 else 'are'} back.")
            self.refresh_runs()
        else:
            self.notify("Nothing was removed here. 'nlu-rl runs restore' knows what was removed before.")

    def action_demo(self) -> None:
        text = "PPO on movie-review snippets with SmolLM2-135M, which is fetched if it is not here (93 MB)."
        from nlu_rl.tui.screens.dialogs import ChoiceDialog, Option

        options = [Option("enter", "start", "Start it")]

        def answer(choice: str | None) -> None:
            if choice == "start":
                self.start_run(operations.start_demo, self._open_started)

        self.app.push_screen(ChoiceDialog("Train the demo?", text, options), answer)
