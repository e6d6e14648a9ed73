"""Which rows a second model answers rightly that a first did not, and the other way round; in all and by label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.evaluation.resampling import Rows
from nlu_rl.tasks.base import DatasetTask


@dataclass(frozen=True, slots=True)
class Change:
    """A row on which the two differ in being right."""

    id: str
    gold: str
    a: str | None
    """What the first answered; None when nothing could be read."""
    b: str | None
    text: str
    """The row's own part of the prompt."""
    wrote: tuple[str, str] = ("", "")
    """The completions of both."""


def changed_rows(
    task: DatasetTask, a: Rows, b: Rows, wrote: Sequence[tuple[str, str]] | None = None
) -> tuple[list[Change], list[Change]]:
    """Return the rows fixed (the first wrong, the second right) and the rows broken; `wrote`: their completions."""
    fixed: list[Change] = []
    broken: list[Change] = []
    for number, ((example, one), (_, other)) in enumerate(zip(a, b, strict=True)):
        if one.correct != other.correct:
            answers = one.extracted.value, other.extracted.value
            texts = task.query_text(example), wrote[number] if wrote else ("", "")
            row = Change(example.id, str(example.gold), *answers, *texts)
            (fixed if other.correct else broken).append(row)
    return fixed, broken


def by_label(task: DatasetTask, a: Rows, b: Rows) -> list[dict[str, Any]]:
    """Return, for each label (numbers: interval), its rows and how many each model answers rightly."""
    table = {
        label: {"label": label, "n": 0, "right_a": 0, "right_b": 0, "fixed": 0, "broken": 0}
        for label in task.schema.label_bins()
    }
    for (example, one), (_, other) in zip(a, b, strict=True):
        entry: dict[str, Any] = table[task.schema.label_bin(str(example.gold))]
        entry["n"] += 1
        entry["right_a"] += one.correct
        entry["right_b"] += other.correct
        entry["fixed"] += other.correct and not one.correct
        entry["broken"] += one.correct and not other.correct
    return [entry for entry in table.values() if entry["n"]]


def changes_text(changes: Sequence[Change], limit: int) -> list[str]:
    """Return a few changes as lines for people."""
    return [
        f"  {row.id}: right {row.gold!r}, A {row.a!r}, B {row.b!r}: {' '.join(row.text.split())[:160]}"
        for row in changes[:limit]
    ]
