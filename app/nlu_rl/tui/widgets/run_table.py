"""The table of the runs: Textual's, with its keys written in the footer by our words."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.widgets import DataTable


class RunTable(DataTable[Text]):
    """Enter opens the row, which Textual's own binding would keep out of the footer."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "select_cursor", "Open", key_display="⏎", tooltip="Watch the run under the cursor")
    ]
