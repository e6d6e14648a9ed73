"""Evaluations on one axis, as rows of a table: who, which rows, how, the score and its 95 % interval."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tui.evaluation_text import interval_bar
from nlu_rl.tui.format import cut, score, shortened
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

    from nlu_rl.evaluation.listing import Measured

_STEP = 0.05
_NAME, _NAME_WIDE, _ROWS, _HOW, _LEAST_AXIS = 16, 28, 16, 14, 8
_WITH_ROWS, _WITH_HOW = 66, 100


def letter(number: int) -> str:
    return chr(ord("A") + number % 26)


def main_score(one: "Measured") -> tuple[float, float, float] | None:
    """Return the low end of the interval, the score and the high end; None until it is done."""
    name = one.result.get("metric")
    value = (one.result.get("scores") or {}).get(name)
    if not isinstance(value, int | float):
        return None
    low, high = (one.result.get("intervals") or {}).get(name) or (value, value)
    return float(low), float(value), float(high)


def axis_of(found: Sequence["Measured"]) -> tuple[float, float]:
    """Return the ends of the one axis: around all intervals, on multiples of 0.05."""
    values = [values for one in found if (values := main_score(one)) is not None]
    if not values:
        return 0.0, 1.0
    first = math.floor(min(low for low, _, _ in values) / _STEP) * _STEP
    last = math.ceil(max(high for _, _, high in values) / _STEP) * _STEP
    return round(first, 2), round(max(last, first + _STEP), 2)


def columns(found: Sequence["Measured"], width: int) -> list[tuple[str, int]]:
    """Return the titles and widths of the columns of a table of `width` cells; the last is the axis."""
    first, last = axis_of(found)
    fixed = [("", 3), ("evaluated", _NAME_WIDE if width >= _WITH_HOW else _NAME)]
    fixed += [("rows", _ROWS)] * (width >= _WITH_ROWS) + [("answers", _HOW)] * (width >= _WITH_HOW) + [("score", 5)]
    cells = max(_LEAST_AXIS, width - sum(size + 2 for _, size in fixed) - 3)
    ends = f"{first:.2f}", f"{last:.2f}"
    return [*fixed, (ends[0] + " " * max(1, cells - len(ends[0]) - len(ends[1])) + ends[1], cells)]


def rows_of(app: "App[Any]", found: Sequence["Measured"], reference: int | None, width: int) -> list[list[Text]]:
    """Return a row of cells for each evaluation; `reference` is the one that others are held against."""
    first, last = axis_of(found)
    *others, (_, cells) = columns(found, width)
    table = []
    names = [one.name for one in found]
    with_how = "answers" in dict(others)
    for number, one in enumerate(found):
        look, dim = style(app, f"series-{number}"), style(app, "dim")
        values = main_score(one)
        bar = interval_bar(*values, first, last, cells) if values else "under way"
        row = {
            "": Text(f"{letter(number)}{' ◆' if number == reference else ''}", look),
            "evaluated": Text(
                _named(one, others[1][1], how=not with_how and names.count(one.name) > 1), look, no_wrap=True
            ),
            "rows": Text(cut(rows_text(one), _ROWS), dim),
            "answers": Text(how_text(one), dim),
            "score": Text(score(values[1]) if values else "–", style(app, "bold")),
        }
        table.append([*(row[title] for title, _ in others), Text(bar, look if values else dim)])
    return table


def _named(one: "Measured", cells: int, *, how: bool) -> str:
    """Return who was evaluated; of several of one name also how they answered."""
    if not how:
        return cut(one.name, cells)
    told = how_text(one).replace("sample, ", "")
    return f"{shortened(one.name, max(1, cells - len(told) - 1))} {told}"


def rows_text(one: "Measured") -> str:
    """Return `sst2 872`, the task and its rows."""
    count = one.result.get("n") or one.arguments.get("examples") or ""
    task = str(one.arguments.get("task")).rpartition("/")[2].removesuffix(".yaml")
    return f"{task} {count}".strip()


def how_text(one: "Measured") -> str:
    """Return `greedy`, or `sample, seed 1`; before it `3-shot` where there were demonstrations."""
    shots = one.result.get("shots") or one.arguments.get("shots") or 0
    shown = f"{shots}-shot " if shots else ""
    if one.arguments.get("greedy"):
        return f"{shown}greedy"
    samples = one.arguments.get("samples") or 1
    return shown + (f"sample, seed {one.arguments.get('seed')}" if samples == 1 else f"{samples} samples")
