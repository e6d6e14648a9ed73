"""Step 1: the model, with what it needs of this machine."""

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import DataTable, Input, Static

from nlu_rl.errors import NluRlError
from nlu_rl.models.machine import Accelerator
from nlu_rl.runs import control
from nlu_rl.runs.status import Status
from nlu_rl.tui import jobs
from nlu_rl.tui.draft import draft_of
from nlu_rl.tui.model_choices import ModelChoice, machine, model_choice, model_choices
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.enter_table import NextTable
from nlu_rl.tui.widgets.job_bar import JobBar
from nlu_rl.tui.widgets.wizard_step import WizardStep

COLUMNS = (("model", 22), ("params", 7), ("here", 5), ("SFT mem", 8), ("RL mem", 8), ("fits", 12))


class ModelStep(WizardStep):
    """The catalogue and what else is here; any folder or hub id below it."""

    DEFAULT_CSS = """
    ModelStep #models { height: 1fr; border: round $border; border-title-color: $primary; }
    ModelStep #models:focus { border: round $primary; }
    ModelStep #model-about { height: 4; }
    ModelStep #fetching { display: none; padding: 0 1; }
    ModelStep.-fetching #fetching { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(id="step-1")
        self._choices: list[ModelChoice] = []
        self._wishes: list[Callable[[], None]] = []
        self._fetching = ""
        self._accelerator: Accelerator | None = None

    def compose(self) -> ComposeResult:
        yield NextTable(cursor_type="row", id="models")
        yield Static(id="model-about", classes="box")
        yield JobBar(id="fetching")
        yield Input(placeholder="or a model folder, or a hub id such as org/name, then ⏎", id="other", compact=True)

    def enter(self) -> None:
        self.query_one("#models").focus()
        if not self._choices:
            self.later(self._look, self._take, "models")

    def when_ready(self, do: Callable[[], None]) -> None:
        if self._choices:
            do()
        else:
            self._wishes.append(do)

    def fetch(self) -> None:
        """Fetch the model under the cursor, with a bar; asked again while it goes on, stop."""
        bar = self.query_one("#fetching", JobBar)
        if bar.run is not None and self._choice is not None and self._choice.name != self._fetching:
            self.notify(f"{self._fetching} is being fetched; f on it stops that. One at a time.", timeout=4)
            return
        if bar.run is not None:
            control.request(bar.run, "stop")
            self.notify("Stopping; what has come is kept and gone on with next time.", timeout=3)
            return
        choice = self._choice
        if choice is None or choice.here:
            self.notify("It is here already." if choice else "Choose a model first.", timeout=3)
            return
        job = jobs.start_fetch(choice.name)
        self._fetching = choice.name
        self.add_class("-fetching")

        def ended(status: Status) -> None:
            self.remove_class("-fetching")
            if status.error is not None:
                self.wizard.app.show_error(NluRlError(status.error.message, status.error.fix))
            elif status.state == "done":
                self.notify(f"{choice.name} is here.")
            jobs.discard(job)
            self.later(self._look, self._refill, "models")

        bar.follow(job, ended)

    @property
    def _choice(self) -> ModelChoice | None:
        row = self.query_one("#models", DataTable).cursor_row
        return self._choices[row] if 0 <= row < len(self._choices) else None

    def _refill(self, found: tuple[Accelerator, list[ModelChoice]]) -> None:
        """Show the models as they are now, with those that were named by hand."""
        known = {choice.name for choice in found[1]}
        others = [choice for choice in self._choices if choice.name not in known]
        self._accelerator, self._choices = found[0], [*found[1], *others]
        self._fill(self.draft.recipe.model)

    def choose_other(self, name: str) -> None:
        """Take a model that is not in the list. Raises ModelError."""
        if self._accelerator is not None and name.strip():
            self._choices.append(model_choice(name.strip(), self._accelerator))
            self._fill(name.strip())

    def _look(self) -> tuple[Accelerator, list[ModelChoice]]:
        accelerator = machine()
        return accelerator, model_choices(accelerator)

    def _take(self, found: tuple[Accelerator, list[ModelChoice]]) -> None:
        self._accelerator, self._choices = found
        table = self.query_one("#models", DataTable)
        table.border_title = f"Model, for {found[0].name} with {found[0].memory_bytes / 1e9:.0f} GB"
        for title, width in COLUMNS:
            table.add_column(title, width=width)
        self._fill(self.draft.recipe.model)
        wishes, self._wishes = self._wishes, []
        for do in wishes if self.wizard.step == 1 else ():  # whoever has gone on meanwhile wishes nothing more here
            do()

    def _fill(self, at: str) -> None:
        table = self.query_one("#models", DataTable)
        table.clear()
        for choice in self._choices:
            table.add_row(*self._row(choice))
        names = [choice.name for choice in self._choices]
        table.move_cursor(row=names.index(at) if at in names else 0)

    def _row(self, choice: ModelChoice) -> tuple[Text, ...]:
        fits = Text("✔ fits", style(self.app, "good")) if choice.fits else Text("✖ too big", style(self.app, "bad"))
        if choice.rl_bytes is None:
            fits = Text("? unknown", style(self.app, "dim"))
        elif not choice.fits and choice.advice:
            fits = Text("◆ if milder", style(self.app, "warn"))
        parameters = f"{choice.parameters / 1e9:.2f} B" if choice.parameters else "–"
        return (
            Text(choice.name),
            Text(parameters, justify="right"),
            Text("✔" if choice.here else "fetch", style(self.app, "good" if choice.here else "dim")),
            Text(_gigabytes(choice.sft_bytes), justify="right"),
            Text(_gigabytes(choice.rl_bytes), justify="right"),
            fits,
        )

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if not 0 <= event.cursor_row < len(self._choices):
            return
        choice = self._choices[event.cursor_row]
        text = Text(f"{choice.about}\n")
        here = "It is here." if choice.here else "f fetches it now; else the run does when it starts."
        text.append(here, style(self.app, "dim"))
        if choice.advice:
            text.append(f" It fits with: {choice.advice}", style(self.app, "warn"))
        about = self.query_one("#model-about", Static)
        about.border_title = choice.name
        about.update(text)
        if choice.name != self.draft.recipe.model:
            self.wizard.undo.forget()
            self.wizard.draft = draft_of(self.draft.path, choice.name)


def _gigabytes(count: float | None) -> str:
    return "–" if count is None else f"{count / 1e9:.1f} GB"
