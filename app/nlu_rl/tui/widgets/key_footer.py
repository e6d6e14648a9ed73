"""The keys of a screen in its last line, written anew only when they are others.

Textual's footer makes all its widgets again whenever the focus moves, which takes a tenth of the start.
"""

from typing import Any

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer


class KeyFooter(Footer):
    """The footer of every screen; the palette has a key of its own."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._written: list[tuple[str, str, bool]] | None = None

    def compose(self) -> ComposeResult:
        self.set_reactive(Footer._bindings_ready, True)  # Textual waits until the screen stands, to compose it twice
        self._written = _keys_of(self.screen)
        yield from super().compose()

    def bindings_changed(self, screen: Screen[Any]) -> None:
        ours = screen.app.app_focus and self.is_attached and screen is self.screen
        if not ours or _keys_of(screen) != self._written:
            super().bindings_changed(screen)


def _keys_of(screen: Screen[Any]) -> list[tuple[str, str, bool]]:
    shown = [active for active in screen.active_bindings.values() if active.binding.show]
    return [(one.binding.key, one.binding.description, one.enabled) for one in shown]
