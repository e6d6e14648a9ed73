"""Curves over the steps of a run, with the last value of each in the border: readable when the curve is not."""

from collections.abc import Sequence

from rich.text import Text
from textual.widget import Widget

from nlu_rl.tui.format import short
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.raster import LEGEND, Bounds, Curve, bounds_of, log_scaled, raster

_AXIS = 7


class LineChart(Widget, can_focus=True):
    """Give it curves with `show`; it repaints only when they have changed."""

    DEFAULT_CSS = """
    LineChart { border: round $border; border-title-color: $primary; border-subtitle-color: $foreground; }
    LineChart:focus { border: round $primary; }
    """

    def __init__(self, title: str, *, empty: str = "nothing yet", id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = title
        self.empty = empty
        self.curves: list[Curve] = []
        self.log_scale = False

    def show(self, curves: Sequence[Curve], *, log_scale: bool = False) -> None:
        """Show these curves; the later ones lie on top."""
        drawn = [curve for curve in curves if curve.points]
        if drawn == self.curves and log_scale == self.log_scale:
            return
        self.curves, self.log_scale = drawn, log_scale
        self._write_legend()
        self.refresh()

    def on_resize(self) -> None:
        self._write_legend()

    def _write_legend(self) -> None:
        """Name every curve with its last value, in fewer letters where there is less room."""
        named = [curve for curve in self.curves if curve.name]
        room = self.size.width - 6
        for cells, gap in ((99, "  "), (99, " "), (6, " "), (3, " ")):
            legend = gap.join(_legend(curve, cells) for curve in named)
            if len(legend) <= room:
                break
        if self.border_subtitle != legend:
            self.border_subtitle = legend

    def say_when_empty(self, why: str) -> None:
        if why != self.empty:
            self.empty = why
            self.refresh()

    def render(self) -> Text:
        width, height = self.content_size.width - _AXIS, self.content_size.height - 1
        curves = [log_scaled(curve) for curve in self.curves] if self.log_scale else self.curves
        bounds = bounds_of(curves)
        if bounds is None or width < 4 or height < 2:
            return Text(self.empty if not self.curves else "", style(self.app, "dim"))
        plain = getattr(self.app, "ascii", False)
        rows = raster(curves, width, height, bounds, plain=plain)
        text = Text(no_wrap=True)
        styles = [style(self.app, curve.role) for curve in curves]
        dim = style(self.app, "dim")
        for number, row in enumerate(rows):
            text.append(self._tick(bounds, number, height) + ("|" if plain else "│"), dim)
            start = 0
            for column in range(1, width + 1):  # cells of one colour in a row are one span
                if column == width or row[column][1] != row[start][1]:
                    owner = row[start][1]
                    run = "".join(mark for mark, _ in row[start:column])
                    text.append(run, None if owner is None else styles[owner])
                    start = column
            text.append("\n")
        first, last = f"{bounds.first:.0f}", f"{bounds.last:.0f}"
        line = ("-" if plain else "─") * max(0, width - len(first) - len(last) - 5)
        text.append(" " * (_AXIS - 1) + ("+" if plain else "└") + f"step {first}{line}{last}", dim)
        return text

    def _tick(self, bounds: Bounds, row: int, height: int) -> str:
        """Return the value at a row's middle; every third row, and the last, has one."""
        if row % 3 and row != height - 1:
            return " " * (_AXIS - 1)
        value = bounds.high - (bounds.high - bounds.low) * row / max(1, height - 1)
        return f"{short(10**value if self.log_scale else value):>{_AXIS - 1}}"[: _AXIS - 1]


def _legend(curve: Curve, cells: int) -> str:
    return f"{LEGEND[curve.stroke]} {curve.name[:cells]} {short(curve.points[-1][1])}"
