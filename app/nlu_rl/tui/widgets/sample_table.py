"""The latest samples of a run, the newest first; filtered, and held still on demand."""

from collections.abc import Sequence

from nlu_rl.tui.sample_text import Sample, columns, having, row_of
from nlu_rl.tui.widgets.enter_table import RowsTable

SHOWN_SAMPLES = 100


class SampleTable(RowsTable):
    """Give it all samples with `show`; rows are rebuilt only when there are others.

    Rebuilding a hundred rows costs more than all charts do, so as many are made as can be seen, until it has the focus.
    """

    DEFAULT_CSS = """
    SampleTable {
        height: 100%; border: round $border; border-title-color: $primary; background: transparent;
        scrollbar-size-vertical: 1;
    }
    SampleTable:focus { border: round $primary; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self.border_title = "Samples  ▲ right  ◆ wrong  ▼ nothing read"
        self.empty = "none yet"
        self.frozen = False
        self.words: list[str] = []
        self.samples: list[Sample] = []
        self._shown: tuple[object, ...] = ()
        self._latest: Sequence[Sample] = ()

    def show(self, samples: Sequence[Sample]) -> None:
        """Show the newest of these that have the filter's words."""
        chosen = having(self.words, samples)[::-1]
        self._latest = samples
        chosen = chosen[: SHOWN_SAMPLES if self.has_focus else max(1, self.content_size.height)]
        width = self.content_size.width
        self._say_what_is_shown(bool(samples))
        shown = (width, *map(id, chosen))
        if width < 20 or shown == self._shown or (self.frozen and self._shown and self._shown[0] == width):
            return
        self._shown, self.samples = shown, chosen
        cursor = self.cursor_row
        self.clear(columns=True)
        table = columns(width)
        for title, cells in table.items():
            self.add_column(title, width=cells)
        for sample in chosen:
            self.add_row(*row_of(self.app, sample, table))
        self.move_cursor(row=cursor if self.has_focus else 0)

    def on_focus(self) -> None:
        self.show(self._latest)

    def _say_what_is_shown(self, any_at_all: bool) -> None:
        words = [word for word, holds in (("frozen", self.frozen), ("filtered", bool(self.words))) if holds]
        said = "  ".join([*words, "⏎ open"]) if any_at_all else self.empty
        if self.border_subtitle != said:
            self.border_subtitle = said
