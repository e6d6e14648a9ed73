"""What a run is worth: its evaluations and its base model's on one axis, the confusions, the rows that changed.

It reads finished evaluations and starts jobs of the run protocol, as `nlu-rl eval` and `nlu-rl compare` do.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import DataTable, Static

from nlu_rl.evaluation.changes import Change
from nlu_rl.evaluation.comparison import Asked, Comparison, compare_evaluations, comparison_sentence
from nlu_rl.evaluation.listing import Measured, base_model, evaluations_about
from nlu_rl.evaluation.request import tasks_of_run
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.status import Status
from nlu_rl.tasks.registry import get_task
from nlu_rl.tui import operations
from nlu_rl.tui.evaluation_text import confusion_text, read_text, result_text
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.score_table import columns, how_text, letter, rows_of
from nlu_rl.tui.screens.run_actions import RunActions
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.changes_table import ChangesTable
from nlu_rl.tui.widgets.enter_table import RowTable
from nlu_rl.tui.widgets.job_bar import JobBar
from nlu_rl.tui.widgets.key_footer import KeyFooter

NOTHING = "Nothing was evaluated yet.\n"
EMPTY = f"{NOTHING}\n n  measure this run\n z  measure its base model,\n    before training\n"
_NARROW = 110
Kept = tuple[str, list[Change], list[Change]]


class EvaluateScreen(RunActions):
    """Of the evaluations, one is the reference (◆), one is under the cursor; what changed between them stands below."""

    KEYS_NAME: ClassVar[str] = "evaluate"
    BINDINGS = bindings("evaluate")
    CSS = """
    EvaluateScreen #evaluate-head { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    EvaluateScreen #job { display: none; padding: 0 1; }
    EvaluateScreen.-running #job { display: block; }
    EvaluateScreen #sides { height: 1fr; }
    EvaluateScreen DataTable { height: 1fr; width: 1fr; background: transparent; scrollbar-size-vertical: 1; }
    EvaluateScreen DataTable { border: round $border; border-title-color: $primary; }
    EvaluateScreen DataTable:focus { border: round $primary; }
    EvaluateScreen #confusion-box { width: 44; }
    EvaluateScreen.-narrow #confusion-box { width: 34; }
    EvaluateScreen #confusion { width: auto; }
    EvaluateScreen #paired { height: auto; max-height: 3; padding: 0 1; }
    """

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self.found: list[Measured] = []
        self.reference: int | None = None
        self._kept: dict[tuple[RunDirectory, RunDirectory], Kept] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="evaluate-head")
        yield JobBar(id="job")
        with Horizontal(id="sides"):
            yield RowTable(cursor_type="row", id="scores")
            with VerticalScroll(id="confusion-box", classes="box", can_focus=False) as box:
                box.border_title = "Confusion"
                yield Static("Reading the evaluations…", id="confusion")
        yield Static(id="paired")
        yield ChangesTable(id="changes")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one("#scores").border_title = "Scores, 95 % interval"
        self.query_one("#scores").focus()
        self._show_head()
        self.reload()

    def chosen_run(self) -> RunDirectory | None:
        return self.run

    def on_resize(self) -> None:
        if self.found:
            self.call_after_refresh(self._fill)

    def reload(self, at: RunDirectory | None = None) -> None:
        """Read the evaluations again, and put the cursor on one of them."""
        self.in_background(lambda: (evaluations_about(self.run), at), self._take, group="evaluations")

    def _take(self, found: tuple[list[Measured], RunDirectory | None]) -> None:
        before = self.found[self.reference].run if self.reference is not None else None
        self.found, at = found
        if not self.found:
            self.query_one("#confusion", Static).update(NOTHING if self.app.read_only else EMPTY)
        self._kept.clear()  # their sentences have letters
        places = {one.run: number for number, one in enumerate(self.found)}
        self.reference = places.get(before) if before else None
        self.call_after_refresh(self._fill, self._opening() if at is None else places.get(at, 0))
        live = next((one for one in self.found if one.status.live), None)
        if live is not None and self.query_one(JobBar).run is None:
            self._follow(live.run)

    def _fill(self, at: int | None = None) -> None:
        table = self.query_one("#scores", DataTable)
        at = table.cursor_row if at is None else at
        width = table.content_size.width
        table.clear(columns=True)
        for title, cells in columns(self.found, width):
            table.add_column(title, width=cells)
        for row in rows_of(self.app, self.found, self._reference(at), width):
            table.add_row(*row)
        table.move_cursor(row=at)
        self._show_current()

    def _opening(self) -> int:
        """Return where the cursor begins: on the latest evaluation that can be held against another, else the last."""
        last = len(self.found) - 1
        pairs = (at for at in range(last, -1, -1) if self.found[at].result and self._reference(at) not in (None, at))
        return next(pairs, last)

    def _reference(self, at: int) -> int | None:
        """Return the evaluation to hold this one against: the chosen one, else the first on the same rows."""
        if self.reference is not None:
            return self.reference
        same = [n for n, one in enumerate(self.found) if one.result and one.rows == self.found[at].rows]
        return same[0] if same else None

    @property
    def current(self) -> Measured | None:
        row = self.query_one("#scores", DataTable).cursor_row
        return self.found[row] if 0 <= row < len(self.found) else None

    def _show_head(self) -> None:
        text = Text.assemble(("Evaluate ▸ ", style(self.app, "title")), (self.run.name, style(self.app, "bold")))
        if (one := self.current) is not None and one.result:
            scores = "  ".join(f"{name} {value:.3f}" for name, value in one.result["scores"].items())
            text.append(f"   {one.name}: {scores}", style(self.app, "dim"))
            text.append("\n").append(read_text(one.result), style(self.app, "dim"))
        self.query_one("#evaluate-head", Static).update(text)

    def _show_current(self) -> None:
        self._show_head()
        one = self.current
        if one is None:
            return
        confusion = one.result.get("confusion")
        self.query_one("#confusion-box").border_title = f"Confusion {one.name}"
        most = 13 if self.size.width >= _NARROW else 7
        shown = confusion_text(self.app, confusion, most) if confusion else Text("none", style(self.app, "dim"))
        self.query_one("#confusion", Static).update(shown)
        self._compare()

    def _pair(self) -> tuple[Measured, Measured] | None:
        """Return the reference and the evaluation under the cursor, where they can be compared."""
        at = self.query_one("#scores", DataTable).cursor_row
        if not 0 <= at < len(self.found):
            return None
        reference = self._reference(at)
        if reference is None or reference == at:
            return None
        a, b = self.found[reference], self.found[at]
        return (a, b) if a.result and b.result and a.rows == b.rows else None

    def _compare(self) -> None:
        pair = self._pair()
        if pair is None:
            self._show_changes(("", [], []))
            return
        key = (pair[0].run, pair[1].run)
        if key in self._kept:
            self._show_changes(self._kept[key])
            return
        self._show_changes(("Comparing row by row…", [], []))
        letters = [letter(self.found.index(one)) for one in pair]

        def work() -> tuple[tuple[RunDirectory, RunDirectory], Comparison]:
            a, b = (Asked(one.name, one.arguments, one.result) for one in pair)
            task = get_task(str(pair[0].arguments["task"]))
            return key, compare_evaluations(task, a, b, int(pair[1].arguments.get("seed") or 0))

        def show(done: tuple[tuple[RunDirectory, RunDirectory], Comparison]) -> None:
            compared = done[1]
            sentence = comparison_sentence(compared.result, *letters)
            how = [how_text(one) for one in pair]
            if how[0] != how[1]:
                sentence += f" ({letters[0]}: {how[0]}; {letters[1]}: {how[1]})"
            self._kept[done[0]] = (sentence, compared.fixed, compared.broken)
            self._compare()

        self.in_background(work, show, group="compare")

    def _show_changes(self, kept: Kept) -> None:
        sentence, fixed, broken = kept
        pair = self._pair()
        hint = "r on another evaluation of the same rows makes it the reference ◆." if self.found else ""
        self.query_one("#paired", Static).update(Text(sentence or hint, "" if sentence else style(self.app, "dim")))
        names = [f"{letter(self.found.index(one))} {one.name}" for one in pair] if pair else []
        self.query_one(ChangesTable).show(names, fixed, broken)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if event.data_table.id == "scores" and event.data_table.row_count == len(self.found):
            self._show_current()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Show the row under the cursor in full: a text that changed, or a whole result."""
        from nlu_rl.tui.screens.ask import TextDialog

        table = self.query_one(ChangesTable)
        if self.focused is table and (row := table.chosen) is not None:
            answers = f"{row.a or 'nothing read'} → {row.b or 'nothing read'}"
            letters = [letter(self.found.index(one)) for one in self._pair() or ()] or ["A", "B"]
            wrote = "".join(f"{name} wrote  {text}\n" for name, text in zip(letters, row.wrote, strict=True))
            shown = f"right    {row.gold}\nanswers  {answers}\n\n{wrote}\n{row.text}"
            self.app.push_screen(TextDialog(row.id, Text(shown)))
        elif (one := self.current) is not None and one.result:
            self.app.push_screen(TextDialog(one.run.name, result_text(self.app, "evaluate", one.result)))

    def action_reference(self) -> None:
        if (one := self.current) is None:
            return
        if not one.result:
            self.notify("It is not done yet.", timeout=3)
            return
        self.reference = self.found.index(one)
        self._fill()

    def action_show(self, kind: str) -> None:
        self.query_one(ChangesTable).kind = kind
        self._compare()

    def action_new(self) -> None:
        from nlu_rl.tui.screens.evaluate_form import EvaluateForm, Wanted

        def answer(wanted: Wanted | None) -> None:
            if wanted is not None:
                self._start(self.run.name, wanted._asdict())

        if self._idle():
            self.app.push_screen(EvaluateForm(self.run), answer)

    def action_zero_shot(self) -> None:
        """Measure the base model on the rows of the evaluation under the cursor, or of the run's first task."""
        base = base_model(self.run)
        if base is None:
            self.notify("An encoder answers nothing before it is trained.", timeout=4)
        elif self._idle():
            one = self.current
            asked: Mapping[str, Any] = one.arguments if one else {"task": tasks_of_run(self.run)[0]}
            kept = ("task", "split", "examples", "seed", "greedy")
            self._start(base, {name: asked[name] for name in kept if name in asked})

    def _idle(self) -> bool:
        if self.query_one(JobBar).run is not None:
            self.notify("An evaluation is under way: s stops it.", timeout=4)
            return False
        return True

    def _start(self, name: str, values: dict[str, Any]) -> None:
        self.notify("Reading the rows…", timeout=2)
        self.in_background(lambda: operations.evaluate(name, **values), self._follow, group="job")

    def _follow(self, job: RunDirectory) -> None:
        self.add_class("-running")

        def ended(status: Status) -> None:
            self.remove_class("-running")
            if status.error is not None:
                from nlu_rl.errors import NluRlError

                self.app.show_error(NluRlError(status.error.message, status.error.fix))
            self.reload(job)

        self.query_one(JobBar).follow(job, ended)

    def action_stop(self) -> None:
        job = self.query_one(JobBar).run
        if job is None:
            self.notify("No evaluation is under way.", timeout=3)
        else:
            operations.ask(job, "stop")
            self.notify("Stopping; what is done is kept, and the same evaluation goes on from there.", timeout=4)

    def action_copy(self) -> None:
        from nlu_rl.tui.screens.evaluate_form import command_of

        if (one := self.current) is not None:
            self.app.copy_to_clipboard(command_of(one.arguments))
            self.notify("The command of this evaluation is copied.", timeout=3)
