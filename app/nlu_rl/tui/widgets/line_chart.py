"""Curves over the steps of a run, with the last value of each in the border: readable when the curve is not.

Where the border has no room for all their names, they stand in lines of their own below the curves.

A cursor, moved by keys or by the pointer, puts the values at its place there instead.
"""

from collections.abc import Sequence

from rich.text import Text
from textual.events import MouseMove
from textual.widget import Widget

from nlu_rl.tui.format import short
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.raster import LEGEND, Bounds, Curve, bounds_of, drawable, log_scaled, raster

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
        self.unit = "step"
        self.cursor: int | None = None
        """The cell of the cursor, from the left of the plot."""
        self._legend: list[list[tuple[str, str]]] = []
        """Lines of names, each with its role, where the border has no room for them."""

    def show(self, curves: Sequence[Curve], *, log_scale: bool = False, unit: str = "step") -> None:
        """Show these curves, whose places are in `unit`; the later ones lie on top."""
        drawn = [curve for curve in map(drawable, curves) if curve.points]
        if drawn == self.curves and (log_scale, unit) == (self.log_scale, self.unit):
            return
        self.curves, self.log_scale, self.unit = drawn, log_scale, unit
        self._write_legend()
        self.refresh()

    def move_cursor(self, by: int) -> None:
        """Move the cursor by so many cells; it begins at the right, and beyond an end it goes away."""
        width = self._plot_width()
        self._place_cursor(
            (width if self.cursor is None and by < 0 else -1 if self.cursor is None else self.cursor) + by
        )

    def on_mouse_move(self, event: MouseMove) -> None:
        self._place_cursor(event.get_content_offset_capture(self).x - _AXIS)

    def on_leave(self) -> None:
        self._place_cursor(-1)

    def _place_cursor(self, cell: int) -> None:
        cursor = cell if 0 <= cell < self._plot_width() and self.curves else None
        if cursor != self.cursor:
            self.cursor = cursor
            self._write_legend()
            self.refresh()

    def _plot_width(self) -> int:
        return self.content_size.width - _AXIS

    def _place(self) -> float | None:
        """Return the step, or the time, under the cursor."""
        bounds = bounds_of(self.curves)
        if self.cursor is None or bounds is None:
            return None
        return bounds.first + (bounds.last - bounds.first) * self.cursor / max(1, self._plot_width() - 1)

    def on_resize(self) -> None:
        self.cursor = None
        self._write_legend()
        self.refresh()  # what was painted before has the names of the other size

    def _write_legend(self) -> None:
        """Name every curve with its last value, or that at the cursor: in the border, or in lines below the curves.

        Names are shortened where these would take more than half of the chart, or the cursor's place needs the room.
        """
        place = self._place()
        at = [] if place is None else [(f"at {self._written(place)}:", "dim")]
        shown = [curve for curve in self.curves if curve.name]
        room, most_lines = self.size.width - 6, self.content_size.height // 2
        outside = len("  ".join(_legend(curve, 99, None) for curve in shown)) > room
        self._legend = []
        for cells, gap in ((99, "  "), (99, " "), (12, " "), (6, " "), (3, " ")):
            parts = [*at, *((_legend(curve, cells, place), curve.role) for curve in shown)]
            legend = gap.join(text for text, _ in parts)
            lines = _lines(parts, self.content_size.width)
            if outside and len(lines) <= most_lines:
                self._legend, legend = lines, ""
            if len(legend) <= room:
                break
        if self.border_subtitle != legend:
            self.border_subtitle = legend

    def say_when_empty(self, why: str) -> None:
        if why != self.empty:
            self.empty = why
            self.refresh()

    def render(self) -> Text:
        width, height = self._plot_width(), self.content_size.height - 1 - len(self._legend)
        curves = [log_scaled(curve) for curve in self.curves] if self.log_scale else self.curves
        bounds = bounds_of(curves)
        if bounds is None or width < 4 or height < 2:
            hidden = "" if bounds else "no value above 0: a logarithmic scale shows none"
            return Text(hidden if self.curves else self.empty, style(self.app, "dim"))
        plain = getattr(self.app, "ascii", False)
        rows = raster(curves, width, height, bounds, plain=plain)
        if self.cursor is not None:
            for row in rows:
                if row[self.cursor][1] is None:
                    row[self.cursor] = ("|" if plain else "┊", None)
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
        first, last = self._written(bounds.first), self._written(bounds.last).removeprefix("step ")
        line = ("-" if plain else "─") * max(0, width - len(first) - len(last))
        scale = "log" if self.log_scale else ""
        text.append(f"{scale:>{_AXIS - 1}}" + ("+" if plain else "└") + f"{first}{line}{last}", dim)
        for parts in self._legend:
            text.append("\n")
            for name, role in parts:
                text.append(f"{name}  ", style(self.app, role))
        return text

    def _written(self, place: float) -> str:
        """Return a step or a time with its unit."""
        return f"step {place:.0f}" if self.unit == "step" else f"{place:.1f} {self.unit}"

    def _tick(self, bounds: Bounds, row: int, height: int) -> str:
        """Return the value at a row's middle; every third row, and the last, has one."""
        if row % 3 and row != height - 1:
            return " " * (_AXIS - 1)
        value = bounds.high - (bounds.high - bounds.low) * row / max(1, height - 1)
        return f"{short(10**value if self.log_scale else value):>{_AXIS - 1}}"[: _AXIS - 1]


def _lines(parts: Sequence[tuple[str, str]], width: int) -> list[list[tuple[str, str]]]:
    """Return the parts in lines of at most so many cells, two of them between any two."""
    lines: list[list[tuple[str, str]]] = []
    left = 0
    for part in parts:
        if not lines or len(part[0]) > left:
            lines.append([])
            left = width
        lines[-1].append(part)
        left -= len(part[0]) + 2
    return lines


def _legend(curve: Curve, cells: int, place: float | None) -> str:
    value = curve.points[-1][1]
    if place is not None:
        value = min(curve.points, key=lambda point: abs(point[0] - place))[1]
    mark = "" if curve.mark == curve.name else curve.mark
    gap = "" if mark and cells < len(curve.name) else " "
    return f"{LEGEND[curve.stroke]}{mark}{gap}{curve.name[:cells]} {short(value)}"
