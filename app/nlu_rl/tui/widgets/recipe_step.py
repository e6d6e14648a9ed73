"""Step 3: the recipe and its main knobs; what is wrong stands beside the field, as it is typed."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Input, Label, Static

from nlu_rl.errors import NluRlError
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.estimate import Pace, known_pace
from nlu_rl.runs.layout import open_run
from nlu_rl.tui.draft import Draft, draft_for, recipes_for
from nlu_rl.tui.format import span
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.enter_table import NextTable
from nlu_rl.tui.widgets.wizard_step import WizardStep


class Knob(NamedTuple):
    """One field: its key, its name, what is usual, and the methods that have it (all: empty)."""

    key: str
    label: str
    usual: str
    methods: tuple[str, ...] = ()


KNOBS = (
    Knob("method", "method", "sft, ppo or grpo"),
    Knob("train.max_steps", "steps", "20 for a look, 200 and more to learn"),
    Knob("train.batch", "completions a step", "8…64; SFT: rows"),
    Knob("train.learning_rate", "learning rate", "usual 1e-5…5e-4 with LoRA"),
    Knob("lora.rank", "LoRA rank", "4…64, paper 16"),
    Knob("ppo.kl", "KL coefficient", "nats, 0.01…0.2; 0: none", ("ppo",)),
    Knob("grpo.kl", "KL coefficient", "0…0.1; 0: none", ("grpo",)),
    Knob("grpo.completions", "group size", "4…16, divides the batch", ("grpo",)),
    Knob("generation.max_new_tokens", "longest answer", "tokens, 8…32"),
    Knob("evaluate.every", "validate every", "steps; null: never"),
    Knob("start_from", "start from", "a run's name; null: the base model"),
    Knob("quantize", "base weights", "none, or nf4: 4-bit, on a card"),
)


class RecipeStep(WizardStep):
    """Shipped recipes of the task on the left, knobs on the right; a dot marks what differs from the recipe."""

    DEFAULT_CSS = """
    RecipeStep #recipe-sides { height: 1fr; }
    RecipeStep #recipes { width: 34; height: 1fr; border: round $border; border-title-color: $primary; }
    RecipeStep #recipes:focus { border: round $primary; }
    RecipeStep #knobs { border: round $border; border-title-color: $primary; height: 1fr; padding: 0 1; }
    RecipeStep .knob { height: 1; }
    RecipeStep .knob.-wrong { height: auto; }
    RecipeStep .knob.-wrong .note { height: auto; text-wrap: wrap; text-overflow: fold; }
    RecipeStep .knob Label { width: 19; }
    RecipeStep .knob Input { width: 16; }
    RecipeStep .knob .note { width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    RecipeStep #recipe-about { height: 1fr; min-height: 3; }
    WizardScreen.-short RecipeStep #recipe-about { display: none; }
    WizardScreen.-tall RecipeStep #knobs { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__(id="step-3")
        self._paths: list[Path] = []
        self._errors: dict[str, str] = {}
        self._filling = False
        self._paces: dict[str, Pace | None] = {}

    def compose(self) -> ComposeResult:
        with Horizontal(id="recipe-sides"):
            yield NextTable(cursor_type="row", id="recipes", show_header=False)
            with Vertical():
                with VerticalScroll(id="knobs", can_focus=False):
                    for number, knob in enumerate(KNOBS):
                        with Horizontal(classes="knob", id=f"row-{number}"):
                            yield Label(knob.label)
                            yield Input(id=f"knob-{number}", compact=True)
                            yield Static(id=f"note-{number}", classes="note")
                yield Static(id="recipe-about", classes="box")

    def on_mount(self) -> None:
        table = self.query_one("#recipes", DataTable)
        table.border_title = "Recipe"
        table.add_column("recipe", width=22)
        table.add_column("method", width=5)
        self.query_one("#knobs").border_title = "Main knobs   • changed"
        self.query_one("#knobs").border_subtitle = "a all settings   u undo"
        kept = self.wizard.refused.items()
        self._errors = {key: error for key, typed in kept if (error := self._error(key, typed))}

    def enter(self) -> None:
        table = self.query_one("#recipes", DataTable)
        found = recipes_for(self.draft.recipe.tasks[0], self.draft.recipe.model)
        if self.draft.path not in found:
            found.insert(0, self.draft.path)
        self._filling = True
        self._paths = found
        table.clear()
        for path in found:
            table.add_row(Text(path.stem, no_wrap=True), Text(load_recipe(path).method, style="dim"))
        table.move_cursor(row=found.index(self.draft.path))
        self.call_after_refresh(self._filled)
        table.focus()
        self.fill(self.wizard.refused)

    def _show_about(self) -> None:
        """Show what the recipe's file says of itself: what it is, how it is run, what was measured."""
        about = self.query_one("#recipe-about", Static)
        about.border_title = self.draft.path.name
        about.update(Text(header_of(self.draft.path), style(self.app, "dim")))

    def _filled(self) -> None:
        self._filling = False

    def problem(self) -> str:
        return next(iter(self._errors.values()), "")

    def focus_problem(self) -> None:
        for number, knob in enumerate(KNOBS):
            if knob.key in self._errors:
                self.query_one(f"#knob-{number}").focus()
                return

    def fill(self, refused: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write the draft into the fields, but for what was typed into them and refused, if it still is."""
        self._errors.clear()
        with self.prevent(Input.Changed):
            for number, knob in enumerate(KNOBS):
                typed = refused.get(knob.key)
                if typed is not None and (error := self._error(knob.key, typed)):
                    self._errors[knob.key] = error
                value = typed if knob.key in self._errors and typed is not None else value_of(self.draft, knob.key)
                self.query_one(f"#knob-{number}", Input).value = value
        self._keep_refused()
        self._notes()
        self._show_about()

    def drop_refused(self) -> bool:
        """Write the draft over what was typed and refused; return whether there was any."""
        refused = bool(self._errors)
        if refused:
            self.fill()
        return refused

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if self._filling or self.wizard.step != 3 or not 0 <= event.cursor_row < len(self._paths):
            return
        path = self._paths[event.cursor_row]
        if path != self.draft.path:
            self.wizard.undo.note("another recipe", self.draft)
            self.wizard.draft = draft_for(path, self.draft.recipe.tasks[0], self.draft.recipe.model)
            self.fill()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        knob = KNOBS[int(str(event.input.id).removeprefix("knob-"))]
        typed = f"{knob.key}={event.value}"
        changed = self._changed_with_others(knob.key, typed)
        if changed is None and (error := self._error(knob.key, event.value)):
            self._errors[knob.key] = error
        else:
            self._errors.pop(knob.key, None)
            self.wizard.undo.note(knob.label, self.draft, typed=True)
            self.wizard.draft = changed or self.draft.changed(typed)
        self._keep_refused()
        self._notes()

    def _error(self, key: str, typed: str) -> str:
        """Return why this cannot be typed into a field; empty when it can."""
        try:
            self._changed(f"{key}={typed}")
        except NluRlError as error:
            return error.message.removeprefix("recipe: ").removeprefix(f"{key}: ")
        return ""

    def _changed(self, *overrides: str) -> Draft:
        """Return the draft with what is typed. Raises NluRlError when it is no recipe, or no run to start from."""
        changed = self.draft.changed(*overrides)
        source = changed.recipe.start_from
        if source not in (None, self.draft.recipe.start_from):
            open_run(source)
        return changed

    def _keep_refused(self) -> None:
        fields = {knob.key: self.query_one(f"#knob-{number}", Input).value for number, knob in enumerate(KNOBS)}
        self.wizard.refused = {key: fields[key] for key in self._errors}

    def _changed_with_others(self, key: str, typed: str) -> Draft | None:
        """Return the draft with what was typed here and in the fields refused so far; None where it is no recipe."""
        try:
            changed = self._changed(*self._pending(key), typed)
        except NluRlError:
            return None
        self._errors.clear()
        return changed

    def _pending(self, but: str) -> list[str]:
        """Return the other fields that are not yet in the draft: together they may be right."""
        return [
            f"{knob.key}={self.query_one(f'#knob-{number}', Input).value}"
            for number, knob in enumerate(KNOBS)
            if knob.key in self._errors and knob.key != but
        ]

    def _estimate(self) -> str:
        """Return how long the run takes; asks for what runs here took, and shows it when it is known."""
        recipe = self.draft.recipe
        key = f"{recipe.model} {recipe.method} {recipe.quantize} {recipe.tasks} {recipe.train.batch}"
        if key not in self._paces:

            def take(pace: Pace | None) -> None:
                self._paces[key] = pace
                self._notes()

            self.later(lambda: known_pace(recipe), take, "pace")
            return ""
        pace = self._paces[key]
        return f"≈ {span(pace.seconds(recipe))}, {pace.source}" if pace else "20 for a look, 200 and more to learn"

    def _notes(self) -> None:
        """Show what is usual, or what is wrong, beside each field; hide those of other methods."""
        shipped = Draft(self.draft.path, load_recipe(self.draft.path))
        for number, knob in enumerate(KNOBS):
            self.query_one(f"#row-{number}").display = not knob.methods or self.draft.recipe.method in knob.methods
            error = self._errors.get(knob.key)
            changed = value_of(self.draft, knob.key) != value_of(shipped, knob.key)
            self.query_one(f"#row-{number}").set_class(bool(error), "-wrong")
            note = Text()
            if error:
                note.append(f"✖ {error}", style(self.app, "bad"))
            else:
                note.append("• " if changed else "  ", style(self.app, "warn"))
                usual = self._estimate() if knob.key == "train.max_steps" else knob.usual
                note.append(usual or knob.usual, style(self.app, "dim"))
            self.query_one(f"#note-{number}", Static).update(note)
        self.call_after_refresh(self._keep_in_view)

    def _keep_in_view(self) -> None:
        """Scroll to the field that is being typed into: what is said beside the others may have taken room."""
        if isinstance(field := self.screen.focused, Input) and field in self.query(Input):
            field.scroll_visible(animate=False)

    def on_resize(self) -> None:
        self.call_after_refresh(self._keep_in_view)


def header_of(path: Path) -> str:
    """Return the comment at the head of a recipe's file, as running text."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    head = [line.removeprefix("#") for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    text = "".join(
        f" {line.strip()}" if line.startswith("   ") and number > 1 else f"\n{line.strip()}"
        for number, line in enumerate(head)
    )
    return text.strip()


def value_of(draft: Draft, key: str) -> str:
    """Return a value of the recipe as it is typed."""
    value = draft.recipe.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
