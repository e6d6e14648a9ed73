"""A new run in four steps on one screen. The draft is the only state, so going back loses nothing."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.widgets import ContentSwitcher, DataTable, Input

from nlu_rl.errors import NluRlError
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui import operations
from nlu_rl.tui.draft import Draft, draft_for, first_draft, save_as
from nlu_rl.tui.kept_draft import KeptDraft
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.screens.dialogs import ChoiceDialog, Option
from nlu_rl.tui.screens.run_starter import RunStarter
from nlu_rl.tui.undo import Undo
from nlu_rl.tui.widgets.key_footer import KeyFooter
from nlu_rl.tui.widgets.model_step import ModelStep
from nlu_rl.tui.widgets.recipe_step import RecipeStep
from nlu_rl.tui.widgets.review_step import ReviewStep
from nlu_rl.tui.widgets.step_line import StepLine
from nlu_rl.tui.widgets.task_step import TaskStep
from nlu_rl.tui.widgets.wizard_step import WizardStep

STEPS = ("Model", "Task", "Recipe", "Review")
OF_STEPS = {"fetch": (1, 2), "example": (2,), "undo": (3, 4), "dry_run": (4,), "copy": (2, 4)}
OF_STEPS |= dict.fromkeys(("import_rows", "try_completion"), (2,))
"""The steps that have an action, where not all do."""


class WizardScreen(RunStarter):
    """Enter four times starts a sane run: every step is right as it opens."""

    KEYS_NAME: ClassVar[str] = "wizard"
    BINDINGS = bindings("wizard")
    CSS = """
    WizardScreen ContentSwitcher { height: 1fr; }
    WizardScreen.-narrow #recipe-sides { layout: vertical; }
    WizardScreen.-narrow #recipes { width: 100%; height: 6; }
    WizardScreen.-short #trial-text { max-height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keeper = KeptDraft()
        self._kept = self._keeper.draft()
        self._draft = self._begun_with = self._kept or first_draft()
        self._disk_refuses = False
        self.undo = Undo()
        self.step = 1

    def compose(self) -> ComposeResult:
        yield StepLine("New run", STEPS)
        with ContentSwitcher(initial="step-1"):
            yield ModelStep()
            yield TaskStep()
            yield RecipeStep()
            yield ReviewStep()
        yield KeyFooter()

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """At the last step the key that goes on says what it does there."""
        found = super().active_bindings
        for key, active in found.items():
            if active.binding.id == "wizard.next" and self.step == len(STEPS):
                found[key] = active._replace(binding=replace(active.binding, description="Start"))
        return found

    @property
    def draft(self) -> Draft:
        """What is to be run; each change is kept on the disk, whatever becomes of this process."""
        return self._draft

    @draft.setter
    def draft(self, draft: Draft) -> None:
        self._draft = draft
        try:
            self._keeper.keep(draft)
        except NluRlError as error:  # told once; a full disk keeps nobody from starting a run elsewhere
            if not self._disk_refuses:
                self.app.show_error(error)
            self._disk_refuses = True

    @property
    def refused(self) -> dict[str, str]:
        """What stands in fields of the recipe and is no value of theirs, by their keys; it is kept as well."""
        return self._keeper.refused

    @refused.setter
    def refused(self, refused: dict[str, str]) -> None:
        if refused != self._keeper.refused:
            self._keeper.refused = refused
            self.draft = self._draft

    def on_mount(self) -> None:
        self.go_to(1)
        if self._kept is not None:
            self.notify("This is the draft you left. ctrl+r begins afresh.", timeout=5)

    @property
    def _page(self) -> WizardStep:
        return self.query_one(f"#step-{self.step}", WizardStep)

    def on_unmount(self) -> None:
        self._keeper.release()

    def go_to(self, step: int) -> None:
        """Show a step; the ones before it must be right."""
        self.step = step
        self.query_one(ContentSwitcher).current = f"step-{step}"
        self.query_one(StepLine).show(step)
        self._page.enter()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what this step has."""
        return self.step in OF_STEPS.get(action, (self.step,))

    def on_step_line_chosen(self, event: StepLine.Chosen) -> None:
        self.action_step(event.step)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_next()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "other" and event.value.strip():
            self.query_one(ModelStep).choose_other(event.value)
            self.query_one("#models").focus()
        elif event.input.id == "try":
            self.query_one("#tasks").focus()
        else:
            self.action_next()

    def action_next(self) -> None:
        self._page.when_ready(self._go_on)

    def _go_on(self) -> None:
        problem = self._page.problem()
        if problem:
            self.notify(problem, severity="warning", timeout=4)
            if isinstance(self._page, RecipeStep):
                self._page.focus_problem()
        elif self.step < len(STEPS):
            self.go_to(self.step + 1)
        elif not self.starting:
            self._start_or_ask()

    def action_step(self, step: int) -> None:
        while self.step < step:
            if self._page.problem():
                if self.query_one(ContentSwitcher).current != self._page.id:
                    self.go_to(self.step)
                self.action_next()
                return
            self.step += 1
        self.go_to(step)

    def action_back(self) -> None:
        if self.starting:
            self.notify("The run is being started.", timeout=3)
        elif isinstance(self.focused, Input) and self.step in (1, 2, 3):
            self.query_one(f"#{('models', 'tasks', 'recipes')[self.step - 1]}").focus()
        elif self.step > 1:
            self.go_to(self.step - 1)
        else:
            self._ask_to_leave()

    def _ask_to_leave(self) -> None:
        """Leave; what was changed here is worth a question."""
        if self.draft == self._begun_with:
            self._leave()
            return

        def answer(choice: str | None) -> None:
            if choice == "leave":
                self._leave()

        options = [Option("l", "leave", "Leave; nothing was started, and the draft is kept")]
        self.app.push_screen(ChoiceDialog("Leave the new run?", "", options, "Stay"), answer)

    def _leave(self) -> None:
        self._keeper.release()  # before another wizard is opened, which may be at once
        self.app.pop_screen()

    def _start_or_ask(self) -> None:
        """Start the run; where a check says that nothing is likely to come of it, ask first."""
        doubts = self.query_one(ReviewStep).doubts
        if not doubts:
            self._start()
            return

        def answer(choice: str | None) -> None:
            if choice == "start":
                self._start()

        text = "\n\n".join(f"▲ {check.message} {check.fix}".strip() for check in doubts)
        options = [Option("s", "start", "Start it as it is")]
        self.app.push_screen(ChoiceDialog("Start it all the same?", text, options, "Back to the review"), answer)

    def _start(self) -> None:
        path, recipe = self.draft.path, self.draft.recipe
        self.start_run(lambda: operations.start(path, recipe), self._started)

    def _started(self, run: RunDirectory) -> None:
        from nlu_rl.tui.screens.home import HomeScreen
        from nlu_rl.tui.screens.monitor import MonitorScreen

        self._keeper.forget()
        if isinstance(home := self.app.screen_stack[0], HomeScreen):
            home.go_to(run.name)
        self.app.switch_screen(MonitorScreen(run))

    def action_example(self, by: int) -> None:
        self.query_one(TaskStep).turn(by)

    def action_try_completion(self) -> None:
        self.query_one("#try").focus()

    def action_fetch(self) -> None:
        if self.step == 1:
            self.query_one(ModelStep).fetch()
        elif self.step == 2:
            self.query_one(TaskStep).fetch()

    def action_import_rows(self) -> None:
        from nlu_rl.tui.screens.import_rows import ImportDialog

        def answer(path: str | None) -> None:
            if path is not None:
                self.query_one(TaskStep).choose_own(path)

        if self.step == 2:
            self.app.push_screen(ImportDialog(), answer)

    def action_dry_run(self) -> None:
        self.query_one(ReviewStep).try_steps()

    def action_save_as(self) -> None:
        from nlu_rl.tui.screens.ask import LineDialog

        def answer(name: str | None) -> None:
            if name is not None:
                self._take(save_as(self.draft, Path(name)))
                self.notify(f"Written to {self.draft.path}", timeout=5)

        text = "The file to write; 'nlu-rl run FILE' does the same run."
        self.app.push_screen(LineDialog("Save as a recipe", text, "my-recipe.yaml"), answer)

    def action_afresh(self) -> None:
        self.refused, self.draft = {}, first_draft()
        self.undo.forget()
        self.go_to(1)

    def action_whole(self) -> None:
        from nlu_rl.tui.screens.yaml_editor import YamlEditor

        def answer(draft: Draft | None) -> None:
            if draft is not None:
                self.undo.note("the recipe as YAML", self.draft)
                self._take(draft)

        self.app.push_screen(YamlEditor(self.draft, self._keeper), answer)

    def action_undo(self) -> None:
        """Take back the last change; what was changed before the wizard was opened, only when that is wanted."""
        if self.query_one(RecipeStep).drop_refused():
            self.notify("Undone: what was refused.", timeout=3)
            return
        if (change := self.undo.take()) is not None:
            self.notify(f"Undone: {change[0]}.", timeout=3)
            self._take(change[1])
            return
        shipped = draft_for(self.draft.path, self.draft.recipe.tasks[0], self.draft.recipe.model)
        if self.draft == shipped:
            self.notify("Nothing was changed.", timeout=2)
            return

        def answer(choice: str | None) -> None:
            if choice == "shipped":
                self._take(shipped)

        options = [Option("y", "shipped", f"Go back to {self.draft.path.name} as it is")]
        text = "These changes are from before: " + " ".join(self.draft.overrides)
        self.app.push_screen(ChoiceDialog("Undo all of them?", text, options), answer)

    def _take(self, draft: Draft) -> None:
        self.draft = draft
        self.go_to(self.step)

    def action_copy(self) -> None:
        text = self.query_one(TaskStep).prompt_text() if self.step == 2 else self.draft.command
        self.app.copy_to_clipboard(text)
        self.notify("Copied.", timeout=2)
