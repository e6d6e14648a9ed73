"""A run becomes a model folder: the checks are the progress, and what serves the result stands below, to be copied."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from nlu_rl.errors import NluRlError
from nlu_rl.export.serving import Served, serving_commands
from nlu_rl.export.target import next_target
from nlu_rl.runs.checkpoints import adapter_checkpoint
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.status import Status, read_status
from nlu_rl.tasks.contract import CLOSE_TAG
from nlu_rl.tui import operations
from nlu_rl.tui.export_text import checks_text
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.screens.run_actions import RunActions
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.enter_table import CommandTable
from nlu_rl.tui.widgets.key_footer import KeyFooter

POLL_SECONDS = 0.5
GGUF_TYPE = "bf16"
WAITING = "⏎ exports it; the commands that serve it follow."


class ExportScreen(RunActions):
    """The latest export of one run, or the one to be made."""

    KEYS_NAME: ClassVar[str] = "export"
    BINDINGS = bindings("export")
    CSS = """
    ExportScreen #export-head { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ExportScreen #what { height: 4; }
    ExportScreen #checks-box { height: 1fr; }
    ExportScreen DataTable { height: 7; background: transparent; border: round $border; border-title-color: $primary; }
    ExportScreen DataTable { scrollbar-size: 1 1; }
    ExportScreen DataTable:focus { border: round $primary; }
    """

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self.job: RunDirectory | None = None
        self.status: Status | None = None
        self.result: Mapping[str, Any] = {}
        self._gguf = False
        self._to: Path | None = None
        """Where another export goes; by default it is `exports/<run>`."""
        self._served: list[Served] = []

    def compose(self) -> ComposeResult:
        yield Static(id="export-head")
        yield Static(id="what", classes="box")
        with VerticalScroll(id="checks-box", classes="box", can_focus=False) as box:
            box.border_title = "Checks"
            yield Static(id="checks")
        yield CommandTable(cursor_type="row", show_header=False, disabled=True, id="commands")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one("#commands").border_title = "Serve it with"
        self.query_one("#commands").border_subtitle = "y copies"
        self.set_interval(POLL_SECONDS, self._look)
        self._show()
        self.in_background(self._latest, self._take, group="export")

    @property
    def pointless(self) -> set[str]:
        if self.status is not None and self.status.live:
            return {"start", "another", "gguf", "copy_path"}
        return {"start", "gguf", "stop"} if self.result else {"another", "stop", "copy_path"}

    def chosen_run(self) -> RunDirectory | None:
        return self.run

    def _latest(self) -> tuple[RunDirectory, Status, dict[str, Any]] | None:
        """Return the newest export that goes on, or whose folder is still there."""
        for job in reversed(list_runs(self.run.export_dir)):
            status, result = read_status(job), _result(job)
            if read_job(job).kind == "export" and (status.live or (result and Path(result["path"]).is_dir())):
                return job, status, result
        return None

    def _look(self) -> None:
        job = self.job
        if job is not None and self.status is not None and self.status.live:
            self.in_background(lambda: (job, read_status(job), _result(job)), self._take, group="export")

    def _take(self, found: tuple[RunDirectory, Status, dict[str, Any]] | None) -> None:
        if found is None:
            return
        fresh = found[0] != self.job
        self.job, self.status, result = found
        self.result = result if self.status.state == "done" else {}
        if fresh:
            self._to = Path(read_job(self.job).arguments["to"])
            self._gguf = bool(read_job(self.job).arguments.get("gguf"))
        self._show()

    def _show(self) -> None:
        dim = style(self.app, "dim")
        step = _checkpoint(self.run).replace("-", " ")
        head = Text.assemble(("Export ▸ ", style(self.app, "title")), (self.run.name, style(self.app, "bold")))
        head.append(f" @ {self.result.get('checkpoint', step)}".replace("-", " "), dim)
        self.query_one("#export-head", Static).update(head)
        what = Text("[x] merged model, bfloat16 safetensors, tokenizer, card, adapter\n")
        what.append(f"[{'x' if self._gguf else ' '}] GGUF file, for llama.cpp and Ollama: g")
        self.query_one("#what", Static).update(what)
        folder = Path(self.result["path"]) if self.result else self._to
        name = self.run.path.name if folder is None else folder.name
        self.query_one("#what").border_title = f"What goes to exports/{name}"
        checks = checks_text(self.app, self.status, self.result, gguf=self._gguf)
        if self.query_one("#checks", Static).content != checks:
            self.query_one("#checks", Static).update(checks)
        self._show_commands()
        self.refresh_bindings()

    def _show_commands(self) -> None:
        table = self.query_one("#commands", DataTable)
        path = self.result.get("path")
        served = serving_commands(Path(path), gguf=bool(self.result.get("gguf"))) if path else []
        if served == self._served and table.columns:
            return
        self._served = served
        table.clear(columns=True)
        table.add_column("program", width=12)
        table.add_column("command")
        for one in served:
            table.add_row(Text(one.program, style(self.app, "title")), Text(one.command, no_wrap=True))
        if not served:
            table.add_row("", Text(WAITING, style(self.app, "dim")))
        table.disabled = not served
        if served:
            table.border_subtitle = f"y copies   ask it in chat messages, stop text {CLOSE_TAG}"
            table.focus()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_copy()

    def action_start(self) -> None:
        if self.status is not None and self.status.live:
            self.notify("It is under way: s stops it.", timeout=3)
            return
        if self.result:
            self.notify("This one is made: a makes another.", timeout=3)
            return
        gguf, to = GGUF_TYPE if self._gguf else None, str(self._to) if self._to else None

        def work() -> tuple[RunDirectory, Status, dict[str, Any]]:
            job = operations.export(self.run, to, gguf=gguf)
            return job, read_status(job), {}

        self.in_background(work, self._take, group="start")

    def action_another(self) -> None:
        """Begin with another export, into a folder that is not there yet."""
        if self.status is not None and self.status.live:
            self.notify("It is under way: s stops it.", timeout=3)
            return
        if not self.result:
            self.notify("There is no export yet: enter makes one.", timeout=3)
            return
        self.job, self.status, self.result = None, None, {}
        self._to = next_target(self.run)
        self._show()
        self.set_focus(None)

    def action_gguf(self) -> None:
        if self.status is not None and (self.status.live or self.result):
            self.notify("That is chosen before the export: a makes another.", timeout=3)
        else:
            self._gguf = not self._gguf
            self._show()

    def action_stop(self) -> None:
        if self.job is None or self.status is None or not self.status.live:
            self.notify("No export is under way.", timeout=3)
        else:
            operations.ask(self.job, "stop")
            self.notify("Stopping; nothing is left behind.", timeout=3)

    def action_copy(self) -> None:
        """Copy the command under the cursor; before there is one, the command that exports."""
        row = self.query_one("#commands", DataTable).cursor_row
        if 0 <= row < len(self._served):
            self.app.copy_to_clipboard(self._served[row].command)
            self.notify(f"The command for {self._served[row].program} is copied.", timeout=3)
        else:
            to = f" --to {shlex.quote(str(self._to))}" if self._to else ""
            self.app.copy_to_clipboard(f"nlu-rl export {self.run.name}{to}{' --gguf' if self._gguf else ''}")
            self.notify("The command of this export is copied.", timeout=3)

    def action_copy_path(self) -> None:
        if self.result:
            self.app.copy_to_clipboard(str(self.result["path"]))
            self.notify("The folder's path is copied.", timeout=3)
        else:
            self.notify("There is no export yet.", timeout=3)


def _checkpoint(run: RunDirectory) -> str:
    try:
        return adapter_checkpoint(run).name
    except NluRlError:
        return "no checkpoint"


def _result(job: RunDirectory) -> dict[str, Any]:
    try:
        result = json.loads(job.result_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) and "path" in result else {}
