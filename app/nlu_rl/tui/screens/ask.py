"""Windows that ask for a line of text, or show a long one."""

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from nlu_rl.tui.screens.outliving import Outliving


class LineDialog(Outliving, ModalScreen[str | None]):
    """Asks for a line; what is wrong with it, as `wrong` says, stands below it while it is typed."""

    CSS = """
    LineDialog > .dialog {
        width: 76; max-width: 95%; height: auto; border: round $primary; background: $surface; padding: 1 2;
    }
    LineDialog Input { margin-top: 1; }
    LineDialog #wrong { height: auto; color: $warning; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]  # noqa: RUF012

    def __init__(self, title: str, text: str, value: str = "", wrong: Callable[[str], str] | None = None) -> None:
        super().__init__()
        self._title, self._text, self._value = title, text, value
        self._wrong = wrong or (lambda value: "" if value.strip() else "Type something.")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ do it   esc cancel"
            yield Static(Text(self._text))
            yield Input(self._value)
            yield Static(id="wrong", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        wrong = self._wrong(event.value) if event.value else ""
        self.query_one("#wrong", Static).update(f"▲ {wrong}" if wrong else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        wrong = self._wrong(event.value)
        if wrong:
            self.query_one("#wrong", Static).update(f"▲ {wrong}")
        else:
            self.dismiss(event.value.strip())


class TextDialog(Outliving, ModalScreen[None]):
    """A text to read, scrolled where it is long."""

    CSS = """
    TextDialog > VerticalScroll {
        width: 90%; max-width: 110; height: auto; max-height: 85%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = self._title
            box.border_subtitle = "y copy   esc close"
            yield Static(self._text)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text.plain)
        self.notify("Copied.", timeout=2)
