"""Textual's table of rows: Home and End go to the first and the last, and Enter is written in the footer by our word.

Textual's own bindings scroll sideways, and would keep Enter out of the footer.
"""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.widgets import DataTable


class RowsTable(DataTable[Text]):
    """A row is what can be chosen, never a column: its heading is not lit up."""

    DEFAULT_CSS = """
    RowsTable:focus > .datatable--header-cursor, RowsTable > .datatable--header-cursor { background: $panel; }
    """
    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]


class OpenTable(RowsTable):
    """Enter opens the row; the pointer at rest on one is told what `about_row` says of it."""

    about_row: Callable[[int], str | None] = staticmethod(lambda row: None)

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding(
            "enter", "select_cursor", "Open", key_display="⏎", id="home.open", tooltip="Watch the run under the cursor"
        )
    ]

    def watch_hover_coordinate(self, old: Coordinate, value: Coordinate) -> None:
        super().watch_hover_coordinate(old, value)
        self.tooltip = self.about_row(value.row)


class NextTable(RowsTable):
    """Enter takes the row and goes on."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Next", key_display="⏎", id="wizard.next", tooltip="Take it and go on")
    ]


class RowTable(RowsTable):
    """Enter opens an evaluation, or a row that changed."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Open", key_display="⏎", id="evaluate.open", tooltip="The row in full")
    ]


class CommandTable(RowsTable):
    """Enter copies the command under the cursor."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Copy", key_display="⏎", id="export.start", tooltip="Copy the command")
    ]
