"""The keys of a screen in its last line, written anew only when they are others.

Textual's footer makes all its widgets again whenever the focus moves, which takes a tenth of the start.
"""

from typing import Any

from textual.screen import Screen
from textual.widgets import Footer


class KeyFooter(Footer):
    """The footer of every screen; the palette has a key of its own."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._written: list[tuple[str, str, bool]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            found = [(one.binding.key, one.binding.description, one.enabled) for one in _shown(screen)]
            if found == self._written:
                return
            self._written = found
        super().bindings_changed(screen)


def _shown(screen: Screen[Any]) -> list[Any]:
    return [active for active in screen.active_bindings.values() if active.binding.show]
