"""Curves as characters, four by two dots a cell (braille), or one mark a cell where there is no Unicode. Pure.

Curves differ by stroke as well as by colour: solid, dashed, or dots alone. Where two share a cell the later one colours
it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from nlu_rl.runs.curve import Point, extremes

Stroke = Literal["solid", "dashed", "dots"]
Cell = tuple[str, int | None]
"""(character, number of the curve that colours it)."""
LEGEND = {"solid": "━", "dashed": "╍", "dots": "·"}
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_ASCII = {"solid": "*", "dashed": "-", "dots": "."}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart; `role` names its colour."""

    name: str
    points: Sequence[Point]
    role: str
    stroke: Stroke = "solid"
    mark: str = ""
    """A character at its end, where strokes alone do not tell curves apart."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What part of the plane a chart shows."""

    first: float
    last: float
    low: float
    high: float


def drawable(curve: Curve) -> Curve:
    """Return the curve without the points that are no finite numbers, which another program may have written."""
    points = [(step, value) for step, value in curve.points if math.isfinite(value)]
    return curve if len(points) == len(curve.points) else replace(curve, points=points)


def bounds_of(curves: Sequence[Curve]) -> Bounds | None:
    """Return the smallest bounds around all points, never empty in height; None when there is no point."""
    steps = [step for curve in curves for step, _ in curve.points]
    values = [value for curve in curves for _, value in curve.points]
    if not values:
        return None
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        size = abs(high)
        if size < 1e-9:
            low, high = 0.0, 1.0  # nothing but zeros lies at the bottom
        elif size >= 1e-3:
            low, high = low - 0.05 * size, high + 0.05 * size
        else:
            low, high = min(0.0, 2 * high), max(0.0, 2 * high)
    return Bounds(min(steps), max(steps), low, high)


def log_scaled(curve: Curve) -> Curve:
    """Return the curve with logarithms (base 10) for values; those that have none are left out."""
    points = [(step, math.log10(value)) for step, value in curve.points if value > 0]
    return replace(curve, points=points)


def raster(
    curves: Sequence[Curve], width: int, height: int, bounds: Bounds, *, plain: bool = False
) -> list[list[Cell]]:
    """Return `height` rows of `width` cells. `plain`: ASCII instead of braille."""
    bits = [[0] * width for _ in range(height)]
    owners: list[list[int | None]] = [[None] * width for _ in range(height)]
    for number, curve in enumerate(curves):
        for x, y in _pixels(curve, 2 * width, 4 * height, bounds):
            bits[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            owners[y // 4][x // 2] = number
    rows: list[list[Cell]] = []
    for row, row_owners in zip(bits, owners, strict=True):
        cells: list[Cell] = []
        for mask, owner in zip(row, row_owners, strict=True):
            mark = _ASCII[curves[owner].stroke] if plain and owner is not None else chr(0x2800 + mask)
            cells.append((mark if owner is not None else " ", owner))
        rows.append(cells)
    _write_marks(rows, curves, bounds)
    return rows


def _write_marks(rows: list[list[Cell]], curves: Sequence[Curve], bounds: Bounds) -> None:
    """Write the mark of each curve into its last cell that has none of another curve's."""
    written: set[tuple[int, int]] = set()
    for number, curve in enumerate(curves):
        if not curve.mark:
            continue
        pixels = list(_pixels(curve, 2 * len(rows[0]), 4 * len(rows), bounds))
        cells = ((y // 4, x // 2) for x, y in reversed(pixels))
        place = next((cell for cell in cells if cell not in written), None)
        if place is not None:
            written.add(place)
            rows[place[0]][place[1]] = (curve.mark, number)


def _pixels(curve: Curve, width: int, height: int, bounds: Bounds) -> Iterator[tuple[int, int]]:
    """Yield the dots of a curve, from the top left."""
    span = (bounds.last - bounds.first) or 1.0
    rise = bounds.high - bounds.low
    placed = [
        (round((step - bounds.first) / span * (width - 1)), round((bounds.high - value) / rise * (height - 1)))
        for step, value in extremes(curve.points, width)
    ]
    if curve.stroke == "dots" or len(placed) == 1:
        yield from placed
        return
    for (x0, y0), (x1, y1) in pairwise(placed):
        count = max(abs(x1 - x0), abs(y1 - y0), 1)
        for n in range(count + 1):
            x, y = x0 + round((x1 - x0) * n / count), y0 + round((y1 - y0) * n / count)
            if curve.stroke == "solid" or x % 8 < 4:
                yield x, y
