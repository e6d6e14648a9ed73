"""The whole recipe as text, taken only when it is a recipe; what is wrong stands below, the cursor is at its line."""

import re

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from nlu_rl.errors import RecipeError
from nlu_rl.tui.draft import Draft
from nlu_rl.tui.kept_draft import KeptDraft
from nlu_rl.tui.screens.dialogs import ChoiceDialog, Option
from nlu_rl.tui.screens.outliving import Outliving

_KEY = re.compile(r"Unknown key '(.+?)'\.")
_LINE = re.compile(r"line (\d+)")


class YamlEditor(Outliving, ModalScreen[Draft | None]):
    """Answers the changed draft, or None."""

    BINDINGS = [  # noqa: RUF012
        Binding("ctrl+s", "take", "Take it"),
        Binding("escape", "leave", "Leave it as it was"),
    ]
    CSS = """
    YamlEditor { align: center middle; }
    YamlEditor > Vertical { width: 90%; height: 90%; border: round $primary; background: $surface; }
    YamlEditor TextArea { height: 1fr; border: none; }
    YamlEditor #wrong { height: auto; max-height: 4; color: $error; padding: 0 1; }
    """

    def __init__(self, draft: Draft, kept: KeptDraft) -> None:
        super().__init__()
        self._draft, self._keeper = draft, kept
        self._before = draft.recipe.to_yaml()
        self._kept = kept.text()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "The whole recipe, as you were writing it" if self._kept else "The whole recipe"
            box.border_subtitle = "^s take it   esc leave it"
            yield TextArea(self._kept or self._before, show_line_numbers=True, highlight_cursor_line=True)
            yield Static(id="wrong", markup=False)

    def on_text_area_changed(self) -> None:
        text = self.query_one(TextArea).text
        if text != self._before:
            self._keeper.keep_text(text)
        self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self.query_one(TextArea).scroll_cursor_visible, animate=False)

    def action_leave(self) -> None:
        """Leave the recipe as it was; what was written here is worth a question."""
        if self.query_one(TextArea).text == self._before:
            self._close(None)
            return

        def answer(choice: str | None) -> None:
            if choice == "drop":
                self._close(None)
            elif choice == "take":
                self.action_take()

        options = [Option("t", "take", "Take it"), Option("d", "drop", "Drop what was changed here")]
        self.app.push_screen(ChoiceDialog("Leave the text?", "", options, "Go on writing"), answer)

    def _close(self, draft: Draft | None) -> None:
        self._keeper.forget_text()
        self.dismiss(draft)

    def _read(self) -> Draft | None:
        area = self.query_one(TextArea)
        try:
            draft = self._draft.edited(area.text)
        except RecipeError as error:
            line = wrong_line(area.text, error.message)
            where = f"line {line}: " if line and not _LINE.search(error.message) else ""
            self.query_one("#wrong", Static).update(f"✖ {where}{error.message.removeprefix('recipe: ')}")
            return None
        self.query_one("#wrong", Static).update("")
        return draft

    def action_take(self) -> None:
        """Take the recipe; when it is none, go to the line that is wrong."""
        if (draft := self._read()) is not None:
            self._close(draft)
            return
        message = str(self.query_one("#wrong", Static).content)
        if line := _LINE.search(message):
            self.call_after_refresh(self._go_to, int(line[1]) - 1)  # the message may have taken room from the text

    def _go_to(self, line: int) -> None:
        area = self.query_one(TextArea)
        area.move_cursor((line, len(area.document[line])))  # selected, it would go with the next key
        area.scroll_cursor_visible(animate=False)


def wrong_line(text: str, message: str) -> int | None:
    """Return the number of the line that a recipe's error is about: YAML's own, else that of the key it names."""
    if found := _LINE.search(message):
        return int(found[1])
    if unknown := _KEY.search(message):
        name = unknown[1].rpartition(".")[2]
        starts = (f"{name}:", f'"{name}"', f"'{name}'")
        for number, written in enumerate(text.splitlines(), start=1):
            if written.strip().startswith(starts):
                return number
    for key in re.findall(r"([a-z_]+(?:\.[a-z_]+)*)", message):
        section, _, name = key.rpartition(".")
        if line := _line_of(text, section, name) or (_line_of(text, "", section) if section else None):
            return line
    return None


def _line_of(text: str, section: str, name: str) -> int | None:
    """Return the number of the line of a key: of a section's, or with no section of the recipe's own."""
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        indent, key = re.match(r"(\s*)(\w*)", line).groups()  # type: ignore[union-attr]  # it matches anything
        if key == name and (inside == section if indent else not section):
            return number
        if key and not indent:
            inside = key
    return None
