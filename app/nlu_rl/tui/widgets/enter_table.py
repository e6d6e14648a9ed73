"""Textual's table, with Enter written in the footer by our word: its own binding would keep it out."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.widgets import DataTable


class OpenTable(DataTable[Text]):
    """Enter opens the row."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding(
            "enter", "select_cursor", "Open", key_display="⏎", id="home.open", tooltip="Watch the run under the cursor"
        )
    ]


class NextTable(DataTable[Text]):
    """Enter takes the row and goes on."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Next", key_display="⏎", id="wizard.next", tooltip="Take it and go on")
    ]


class RowTable(DataTable[Text]):
    """Enter opens an evaluation, or a row that changed."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Open", key_display="⏎", id="evaluate.open", tooltip="The row in full")
    ]


class CommandTable(DataTable[Text]):
    """Enter copies the command under the cursor."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Copy", key_display="⏎", id="export.start", tooltip="Copy the command")
    ]
