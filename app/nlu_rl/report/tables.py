"""Tables as data, and as Markdown and CSV. Cells are texts."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.report.records import Record
from nlu_rl.report.seeds import Spread

DASH = "-"
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_BOUNDS = re.compile(f"{_NUMBER} to {_NUMBER}")
_PARTS = ("", "deviation", "low", "high")
"""What a column is split into: the value itself, which keeps the column's name, and what belongs to it."""
_WITH_DEVIATION = re.compile(f"{_NUMBER} ± {_NUMBER}")
_WITH_BOUNDS = re.compile(rf"{_NUMBER} \[{_NUMBER}, {_NUMBER}\]")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title and, below it, a note."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def markdown(table: Table) -> str:
    """Return the table as GitHub writes tables."""
    lines = [f"## {table.title}", "", _line(table.columns), _line(["---"] * len(table.columns))]
    lines += [_line(row) for row in table.rows]
    return "\n".join(lines + (["", table.note] if table.note else [])) + "\n"


def csv_text(table: Table) -> str:
    """Return the table for programs: bounds and deviations in columns of their own, and nothing where there is none."""
    columns = [_spread_out(name, [row[place] for row in table.rows]) for place, name in enumerate(table.columns)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for spread in columns for name in spread])
    writer.writerows(zip(*(cells for spread in columns for cells in spread.values()), strict=True))
    return text.getvalue()


def _spread_out(name: str, cells: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns that a column of the text makes, by name."""
    there = [cell for cell in cells if cell != DASH]
    ranges = bool(there) and all(map(_BOUNDS.fullmatch, there))
    parts = [_parts(cell, ranges=ranges) for cell in cells]
    names = [part for part in _PARTS if any(part in found for found in parts)] or [""]
    return {f"{name} {part}".strip(): [found.get(part, "") for found in parts] for part in names}


def _parts(cell: str, *, ranges: bool) -> dict[str, str]:
    """Return the numbers of a cell by what they are; with `ranges`, a cell is a range or nothing."""
    if ranges:
        match = _BOUNDS.fullmatch(cell)
        return dict(zip(("low", "high"), match.groups() if match else ("", ""), strict=True))
    if match := _WITH_DEVIATION.fullmatch(cell):
        return dict(zip(("", "deviation"), match.groups(), strict=True))
    if match := _WITH_BOUNDS.fullmatch(cell):
        return dict(zip(("", "low", "high"), match.groups(), strict=True))
    return {"": "" if cell == DASH else cell}


def evaluations_table(records: Sequence[Record]) -> Table:
    """Return every evaluation with its interval, n, seed, parse rates, speed and the balance of its answers."""
    columns = ("evaluation", "method", "model", "task", "metric", "score", "95 % interval", "n", "seed")
    more = ("parse rate, strict", "lenient", "s a row", "answers given (labelled so)")
    rows = tuple((*_score_cells(record), *_answer_cells(record.result)) for record in records)
    note = (
        "The interval is a bootstrap over the rows, of a perplexity over the windows of the text. An unparsed answer "
        "counts as wrong; loading is not in s a row."
    )
    return Table("Evaluations", (*columns, *more), rows, note)


def spreads_table(spreads: Sequence[Spread]) -> Table:
    """Return mean and spread over seeds."""
    rows = tuple(
        (
            spread.method,
            spread.model,
            spread.task,
            spread.metric,
            f"{spread.mean:.3f}",
            f"{spread.deviation:.3f}",
            f"{spread.low:.3f} to {spread.high:.3f}",
            ", ".join(map(str, spread.seeds)),
            str(spread.n),
        )
        for spread in spreads
    )
    columns = ("method", "model", "task", "metric", "mean", "deviation", "range", "seeds", "n")
    return Table("Over seeds", columns, rows, "Sample standard deviation over the seeds.")


def number(value: Any, digits: int = 3) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def interval(bounds: Sequence[float] | None) -> str:
    return DASH if not bounds else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _score_cells(record: Record) -> list[str]:
    result = record.result
    return [
        record.name,
        record.method,
        record.model,
        record.rows,
        record.measure,
        number(result["scores"].get(record.metric)),
        interval(result["intervals"].get(record.metric)),
        str(result["n"]),
        str(record.seed),
    ]


def _answer_cells(result: dict[str, Any]) -> list[str]:
    seconds = result.get("seconds_per_row")
    return [
        number(result.get("parse_rate")),
        number(result.get("parse_rate_lenient")),
        DASH if seconds is None else f"{seconds:.3g}",
        balance(result) or DASH,
    ]


def balance(result: dict[str, Any]) -> str:
    """Return how often each answer was given, and in brackets how many are labelled so; nothing for texts."""
    counts = result.get("balance") or {}
    given, right = counts.get("given") or {}, counts.get("right") or {}
    if len(right) < 2:
        return ""
    shown = [f"{label} {count} ({right[label]})" for label, count in given.items() if label in right]
    unread = sum(count for label, count in given.items() if label not in right)
    return ", ".join(shown + ([f"unparsed {unread}"] if unread else []))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
