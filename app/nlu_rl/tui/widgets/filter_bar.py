"""The line to type a filter into: it is there while it is used, or says something."""

from textual import events
from textual.widgets import Input


class FilterBar(Input):
    """Left empty it goes away; disabled while it is not there, or it takes the focus when a dialog closes."""

    DEFAULT_CSS = """
    FilterBar { display: none; height: 1; border: none; padding: 0 1; }
    FilterBar:focus { border: none; }
    FilterBar.-open { display: block; }
    """

    def __init__(self, what: str, id: str | None = None) -> None:
        super().__init__(placeholder=f"words of the {what}: ⏎ keep, esc drop", id=id, disabled=True)

    @property
    def words(self) -> list[str]:
        return self.value.lower().split()

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def open(self) -> None:
        self.add_class("-open")
        self.disabled = False
        self.focus()

    def close(self) -> None:
        self.value = ""
        self.remove_class("-open")
        self.disabled = True

    def _on_blur(self, event: events.Blur) -> None:
        if not self.words and self.screen.focused not in (None, self):  # not for a dialog, or another window
            self.close()
