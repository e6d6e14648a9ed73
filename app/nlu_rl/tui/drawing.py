"""A widget that fails while it is drawn is replaced by a word, so that the rest of its screen can still be drawn.

Textual draws all widgets of a screen, and of the one under a dialog, in one go: one that raises would leave nothing on
the terminal, not even the dialog that tells of it.
"""

from types import MethodType
from typing import Any

from textual.widget import Widget

_DRAWING = ("render", "render_line", "render_lines")
NOTE = "✖ could not be drawn"


def failed_widget(error: BaseException) -> Widget | None:
    """Return the widget that was drawn when the error was raised; None when none was, or it is replaced already."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        frame, traceback = traceback.tb_frame, traceback.tb_next
        owner = frame.f_locals.get("self")
        if frame.f_code.co_name in _DRAWING and isinstance(owner, Widget) and "render" not in vars(owner):
            found = owner
    return found


def draw_no_more(widget: Widget) -> None:
    """Have a widget drawn as a plain one with a note, until its screen is opened anew."""
    drawn: Any = widget
    drawn.render = lambda: NOTE
    drawn.render_line = MethodType(Widget.render_line, widget)
    drawn.render_lines = MethodType(Widget.render_lines, widget)
    widget.refresh(layout=True)
