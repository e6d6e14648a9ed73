"""The latest samples of a run, the newest first; filtered, and held still on demand."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from nlu_rl.tui.sample_text import COLUMNS, Sample, row_of, words_of

SHOWN_SAMPLES = 100
_FIXED = sum(width for _, width in COLUMNS if width) + 2 * len(COLUMNS) + 3
_WITHOUT_PARTS = 100
_PARTS_CELLS = 28


class SampleTable(DataTable[Text]):
    """Give it all samples with `show`; rows are rebuilt only when there are others."""

    DEFAULT_CSS = """
    SampleTable { height: 100%; border: round $border; border-title-color: $primary; background: transparent; }
    SampleTable:focus { border: round $primary; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self.border_title = "Samples  ▲ right  ◆ wrong  ▼ nothing read"
        self.frozen = False
        self.words: list[str] = []
        self.samples: list[Sample] = []
        self._shown: tuple[object, ...] = ()

    def show(self, samples: Sequence[Sample]) -> None:
        """Show the newest of these that have the filter's words."""
        chosen = [s for s in reversed(samples) if not self.words or all(word in words_of(s) for word in self.words)]
        chosen = chosen[:SHOWN_SAMPLES]
        width = self.content_size.width
        shown = (width, *map(id, chosen))
        if width < 20 or shown == self._shown or (self.frozen and self._shown and self._shown[0] == width):
            return
        self._shown, self.samples = shown, chosen
        self.border_subtitle = f"{'frozen  ' if self.frozen else ''}{' '.join(self.words) and 'filtered  '}⏎ open"
        narrow = width < _WITHOUT_PARTS
        room = max(12, width - _FIXED + (_PARTS_CELLS if narrow else 0))
        cursor = self.cursor_row
        self.clear(columns=True)
        for title, cells in COLUMNS:
            if not (narrow and title == "parts"):
                self.add_column(title, width=cells or room)
        for sample in chosen:
            row = row_of(self.app, sample, room)
            self.add_row(*(row[:4] + row[5:] if narrow else row))
        self.move_cursor(row=cursor if self.has_focus else 0)
