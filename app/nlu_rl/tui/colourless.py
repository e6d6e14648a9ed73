"""No colour at all where NO_COLOR says so, greys included: the terminal's own letters, bold, dim and reversed.

What stands out by its background alone (the row under the cursor, the field with the focus) is reversed.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.app import App

_DEFAULT = Style.from_color(RichColor.default(), RichColor.default())
_REVERSED = _DEFAULT + Style(reverse=True)
STANDS_OUT = 0.22
"""How far the brightness of a background is from that of the screen, 0 or 1, to be reversed."""


class Colourless(LineFilter):
    """In place of Textual's own filter, which makes greys."""

    def __init__(self, app: "App[Any]") -> None:
        super().__init__()
        self._app = app

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        dark = self._app.current_theme.dark
        return [Segment(text, style and colourless(style, dark=dark), control) for text, style, control in segments]


@lru_cache(1024)
def colourless(style: Style, *, dark: bool) -> Style:
    """Return the style without its colours, on a dark or a light screen."""
    if style.bgcolor is None or style.bgcolor.is_default:
        return style + _DEFAULT
    brightness = Color.from_rich_color(style.bgcolor).brightness
    return style + (_REVERSED if abs(brightness - (not dark)) > STANDS_OUT else _DEFAULT)
