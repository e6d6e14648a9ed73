"""Rows whose answer became right or wrong between two evaluations: ▲ fixed, ▼ broken."""

from collections.abc import Sequence

from rich.text import Text

from nlu_rl.evaluation.changes import Change
from nlu_rl.tui.format import cut
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.enter_table import RowTable

_ANSWER_CELLS, _MOST_CHANGES = 12, 2000


class ChangesTable(RowTable):
    """`kind` is which to show: all, fixed or broken."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self.border_title = "Rows that changed"
        self.kind = "all"
        self._changes: list[Change] = []

    @property
    def chosen(self) -> Change | None:
        """The row under the cursor."""
        return self._changes[self.cursor_row] if 0 <= self.cursor_row < len(self._changes) else None

    def show(self, names: Sequence[str], fixed: Sequence[Change], broken: Sequence[Change]) -> None:
        """Show what changed between the evaluations of these names; without names there is nothing to compare."""
        counts = f": {len(fixed)} fixed, {len(broken)} broken" if names else ""
        self.border_title = f"Rows that changed{counts}"
        self.border_subtitle = f"showing {self.kind}"
        signed = [("▲", row) for row in fixed if self.kind in ("all", "fixed")]
        signed += [("▼", row) for row in broken if self.kind in ("all", "broken")]
        self.clear(columns=True)
        self.add_column("", width=1)
        for title in ("right", *(names or ("before", "after"))):
            self.add_column(cut(title, _ANSWER_CELLS), width=_ANSWER_CELLS)
        self.add_column("text", width=max(20, self.content_size.width - 3 * (_ANSWER_CELLS + 2) - 6))
        self._changes = [row for _, row in signed][:_MOST_CHANGES]
        for sign, row in signed[:_MOST_CHANGES]:
            look = style(self.app, "good" if sign == "▲" else "bad")
            answers = [Text(cut(value or "∅", _ANSWER_CELLS), no_wrap=True) for value in (row.gold, row.a, row.b)]
            answers[2].stylize(look)
            self.add_row(Text(sign, look), *answers, Text(" ".join(row.text.split())[:300], no_wrap=True))
