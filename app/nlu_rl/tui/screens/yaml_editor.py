"""The whole recipe as text. It is taken only when it is a recipe; what is wrong stands below it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from nlu_rl.errors import RecipeError
from nlu_rl.tui.draft import Draft


class YamlEditor(ModalScreen[Draft | None]):
    """Answers the changed draft, or None."""

    BINDINGS = [  # noqa: RUF012
        Binding("ctrl+s", "take", "Take it"),
        Binding("escape", "dismiss(None)", "Leave it as it was"),
    ]
    CSS = """
    YamlEditor > Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
    YamlEditor TextArea { height: 1fr; border: none; }
    YamlEditor #wrong { height: auto; max-height: 4; color: $error; padding: 0 1; }
    """

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._draft = draft

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "The whole recipe"
            box.border_subtitle = "^s take it   esc leave it"
            yield TextArea(self._draft.recipe.to_yaml(), show_line_numbers=True)
            yield Static(id="wrong", markup=False)

    def on_text_area_changed(self) -> None:
        self._read()

    def _read(self) -> Draft | None:
        try:
            draft = self._draft.edited(self.query_one(TextArea).text)
        except RecipeError as error:
            self.query_one("#wrong", Static).update(f"✖ {error.message}")
            return None
        self.query_one("#wrong", Static).update("")
        return draft

    def action_take(self) -> None:
        if (draft := self._read()) is not None:
            self.dismiss(draft)
