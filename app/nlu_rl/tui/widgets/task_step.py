"""Step 2: the task, and the prompt exactly as the model sees it; the reward can be tried by hand."""

from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Input, Static

from nlu_rl.errors import NluRlError
from nlu_rl.tasks.own import is_task_file
from nlu_rl.tasks.registry import get_task, task_names
from nlu_rl.tui import operations
from nlu_rl.tui.draft import draft_for, recipes_for
from nlu_rl.tui.format import meter
from nlu_rl.tui.prompts import TaskView, judged_text, plain_prompt, rendered_prompts, task_view
from nlu_rl.tui.sample_text import HOW
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.enter_table import NextTable
from nlu_rl.tui.widgets.wizard_step import WizardStep


class TaskStep(WizardStep):
    """Tasks on the left with their rows; prompt, gold answer and a completion to try on the right."""

    DEFAULT_CSS = """
    TaskStep Horizontal { height: 1fr; }
    TaskStep #task-side { width: 34; }
    TaskStep #tasks { height: 1fr; border: round $border; border-title-color: $primary; }
    TaskStep #tasks:focus { border: round $primary; }
    TaskStep #task-facts { height: 9; }
    TaskStep #prompt-box { border: round $border; border-title-color: $primary; height: 1fr; padding: 0 1; }
    TaskStep #judge { height: auto; min-height: 5; }
    TaskStep #gold { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    TaskStep #judged { height: auto; max-height: 3; }
    """

    def __init__(self) -> None:
        super().__init__(id="step-2")
        self._names = task_names()
        self._views: dict[str, TaskView | NluRlError] = {}
        self._rendered: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._why_not: dict[tuple[str, str], str] = {}
        self._example = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="task-side"):
                yield NextTable(cursor_type="row", id="tasks", show_header=False)
                yield Static(id="task-facts", classes="box")
            with Vertical():
                with VerticalScroll(id="prompt-box", can_focus=False):
                    yield Static(id="prompt")
                with Vertical(id="judge", classes="box"):
                    yield Static(id="gold")
                    yield Input(placeholder="t: try a completion", id="try", compact=True)
                    yield Static(id="judged")

    def on_mount(self) -> None:
        table = self.query_one("#tasks", DataTable)
        table.border_title = "Task"
        table.add_column("task", width=16)
        table.add_column("what", width=10)
        table.border_subtitle = "i your own rows"
        for name in self._names:
            self._add_row(name)

    def _add_row(self, name: str) -> None:
        task = get_task(name)
        kind = f"{len(task.answers)}-way" if task.answers else task.metric
        own = is_task_file(name)
        title = Text(task.name, style(self.app, "title") if own else style(self.app, "plain"), no_wrap=True)
        self.query_one("#tasks", DataTable).add_row(title, Text(kind, style="dim", no_wrap=True))

    def choose_own(self, path: str) -> None:
        """Take a task of the user's own, listed from now on. Raises RecipeError when its file cannot be used."""
        get_task(path)
        if path not in self._names:
            self._names = [*self._names, path]
            self._add_row(path)
        self._views.pop(path, None)
        self.query_one("#tasks", DataTable).move_cursor(row=self._names.index(path))

    def enter(self) -> None:
        table = self.query_one("#tasks", DataTable)
        name = self.draft.recipe.tasks[0]
        if is_task_file(name) and name not in self._names:
            self.choose_own(name)
        if name in self._names:
            table.move_cursor(row=self._names.index(name))
        table.focus()
        self._show()

    def problem(self) -> str:
        return ""

    @property
    def name_shown(self) -> str:
        return self._names[max(0, self.query_one("#tasks", DataTable).cursor_row)]

    def turn(self, by: int) -> None:
        """Show another example."""
        view = self._views.get(self.name_shown)
        if isinstance(view, TaskView):
            self._example = (self._example + by) % len(view.examples)
            self._show()

    def prompt_text(self) -> str:
        """Return the prompt that is shown."""
        return str(self.query_one("#prompt", Static).content)

    def fetch(self) -> None:
        """Bring the data of the task that is shown."""
        name = self.name_shown
        self._views.pop(name, None)
        self._facts(Text("Fetching its rows…", style="dim"))
        self.later(lambda: operations.fetch_missing_data([name]), lambda _: self._show(), "fetch")

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if self.wizard.step != 2:
            return
        name = self.name_shown
        self._example = 0
        if self.draft.recipe.tasks != [name]:
            self.wizard.undo.forget()
            found = recipes_for(name, self.draft.recipe.model)
            self.wizard.draft = draft_for(found[0] if found else self.draft.path, name, self.draft.recipe.model)
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge()

    def _show(self) -> None:
        """Show what is known of the task; what is not is asked for, and shown when it is there."""
        name, model = self.name_shown, self.draft.recipe.model
        view = self._views.get(name)
        if view is None:
            self.later(lambda: _view_or_error(name), lambda found: self._take_view(name, found), "task")
            self._facts(Text("Reading its rows…", style="dim"))
            return
        if isinstance(view, NluRlError):
            self._facts(Text(f"{view.message}\n{view.fix}\nA run fetches it by itself where it can."))
            self._prompt(Text("The prompt is shown when its data is here. f fetches it."), "Prompt")
            self.query_one("#gold", Static).update("")
            self._judge()
            return
        self._facts(self._facts_text(view))
        example = view.examples[self._example]
        rendered, why = self._rendered.get((name, model)), self._why_not.get((name, model))
        place = f"{self._example + 1}/{len(view.examples)}"
        if rendered:
            shown = rendered[self._example]
            self._prompt(Text(shown["text"]), f"Prompt as the model sees it   [ {place} ]")
            self._tokens(f"{shown['tokens']} tokens, longest of {len(rendered)}: {self.longest_prompt(name, model)}")
        else:
            note = why or "its tokenizer is being read…"
            self._prompt(Text(plain_prompt(view.task, example)), f"Prompt without chat template   [ {place} ]")
            self._tokens(note)
        if rendered is None and why is None:
            chats = [view.task.prompt(one) for one in view.examples]
            self.later(lambda: _rendered_or_error(model, chats), lambda r: self._take(name, model, r), "prompts")
        gold = Text.assemble(("right answer ", style(self.app, "dim")), str(example.gold), no_wrap=True)
        gold.append(f"   as a completion: {view.task.target(example)}", style(self.app, "dim"))
        gold.overflow = "ellipsis"
        self.query_one("#gold", Static).update(gold)
        self._judge()

    def longest_prompt(self, name: str, model: str) -> int | None:
        """Return the tokens of the longest prompt that has been rendered; None when none has."""
        rendered = self._rendered.get((name, model))
        return max(prompt["tokens"] for prompt in rendered) if rendered else None

    def _tokens(self, text: str) -> None:
        self.query_one("#prompt-box").border_subtitle = text

    def _take_view(self, name: str, found: "TaskView | NluRlError") -> None:
        self._views[name] = found
        self._show()

    def _take(self, name: str, model: str, found: "list[dict[str, Any]] | NluRlError") -> None:
        if isinstance(found, NluRlError):
            self._why_not[name, model] = found.message
        else:
            self._rendered[name, model] = found
        self._show()

    def _judge(self) -> None:
        view, completion = self._views.get(self.name_shown), self.query_one("#try", Input).value
        text = ""
        if completion and isinstance(view, TaskView):
            text = judged_text(view.task, view.examples[self._example], completion)
        role = {"▲": "good", "◆": "warn", "▼": "bad"}.get(next((mark for mark in text if mark in "▲◆▼"), ""), "dim")
        self.query_one("#judged", Static).update(Text(text, style(self.app, role)))
        self.query_one("#judge").border_subtitle = next((HOW[how] for how in HOW if f"({how})" in text), "")

    def _facts(self, text: Text) -> None:
        self.query_one("#task-facts", Static).update(text)

    def _prompt(self, text: Text, title: str) -> None:
        box = self.query_one("#prompt-box")
        box.border_title, box.border_subtitle = title, ""
        self.query_one("#prompt", Static).update(text)

    def _facts_text(self, view: TaskView) -> Text:
        rows = "  ".join(f"{split} {count:,}" for split, count in view.rows.items())
        text = Text(f"{rows}\n", style(self.app, "dim"))
        whole = sum(view.labels.values()) or 1
        for label, count in list(view.labels.items())[:5]:
            text.append(f"{label[:12]:<13}")
            text.append(meter(count / whole, 8), style(self.app, "good"))
            text.append(f" {count / whole:.0%}\n")
        text.append(f"metric {view.task.metric}", style(self.app, "dim"))
        return text


def _view_or_error(name: str) -> TaskView | NluRlError:
    try:
        return task_view(name)
    except NluRlError as error:
        return error


def _rendered_or_error(model: str, chats: list[Any]) -> list[dict[str, Any]] | NluRlError:
    try:
        return rendered_prompts(model, chats)
    except NluRlError as error:
        return error
