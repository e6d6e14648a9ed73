"""The names of a wizard's steps in one line: the one that is open, those behind with a tick; a click goes there."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from nlu_rl.tui.theme import style


class StepLine(Horizontal):
    """`title` stands before the names."""

    DEFAULT_CSS = """
    StepLine { height: 1; padding: 0 1; }
    StepLine Static { width: auto; padding: 0 1; }
    """

    class Chosen(Message):
        """A name was clicked; steps count from 1."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self._title, self._names = title, names

    def compose(self) -> ComposeResult:
        yield Static(f"{self._title} ▸")
        for number in range(1, len(self._names) + 1):
            yield Static(id=f"name-{number}")

    def show(self, step: int) -> None:
        """Show which step is open."""
        for number, name in enumerate(self._names, start=1):
            text = f"[{number} {name}]" if number == step else f"{number} {name}{' ✔' if number < step else ''}"
            look = style(self.app, "title") + style(self.app, "bold") if number == step else style(self.app, "dim")
            self.query_one(f"#name-{number}", Static).update(Text(text, look))

    def on_click(self, event: Click) -> None:
        name = str(getattr(event.widget, "id", "") or "")
        if name.startswith("name-"):
            self.post_message(self.Chosen(int(name.removeprefix("name-"))))
