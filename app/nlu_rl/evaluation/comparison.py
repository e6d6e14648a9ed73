"""Two evaluations of the same rows held against each other, for the command line and the interface alike (light)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl.errors import DataError
from nlu_rl.evaluation.changes import Change, by_label, changed_rows
from nlu_rl.evaluation.journal import read_lines
from nlu_rl.evaluation.paired import compare_paired
from nlu_rl.evaluation.resampling import Rows
from nlu_rl.evaluation.rows import load_rows
from nlu_rl.tasks.contract import Task

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A finished evaluation: what it is called, what it was asked, and its result."""

    name: str
    arguments: Values
    result: Values


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second against the first."""

    result: dict[str, Any]
    """What `nlu-rl compare --json` prints."""
    fixed: list[Change]
    broken: list[Change]


def compare_evaluations(task: Task, a: Asked, b: Asked, seed: int, metric: str | None = None) -> Comparison:
    """Compare by a paired test, by a metric (default: the task's main one).

    Raises:
        DataError: they are not of the same rows, or the rows have changed since.
        RunError: predictions cannot be read.
    """
    (rows_a, wrote_a), (rows_b, wrote_b) = (_scored_rows(task, each) for each in (a, b))
    rows = rows_a, rows_b
    if [example.id for example, _ in rows[0]] != [example.id for example, _ in rows[1]]:
        raise DataError(f"{a.name} and {b.name} were not evaluated on the same rows.", "Evaluate both alike.")
    paired = compare_paired(task, rows[0], rows[1], seed, metric)
    wrote = list(zip(wrote_a, wrote_b, strict=True))
    fixed, broken = changed_rows(task, rows[0], rows[1], wrote)  # type: ignore[arg-type]
    result = {
        "a": a.name,
        "b": b.name,
        "task": task.name,
        "metric": paired.metric,
        "score_a": paired.score_a,
        "score_b": paired.score_b,
        "difference": paired.difference,
        "interval": list(paired.interval),
        "p": paired.p,
        "test": paired.test,
        "fixed": paired.fixed,
        "broken": paired.broken,
        "n": paired.n,
        "real": paired.real,
        "predictions": [each.result["predictions"] for each in (a, b)],
        "labels": by_label(task, rows[0], rows[1]),  # type: ignore[arg-type]
        "fixed_rows": [row.id for row in fixed],
        "broken_rows": [row.id for row in broken],
    }
    return Comparison(result, fixed, broken)


def _scored_rows(task: Task, asked: Asked) -> tuple[Rows, list[str]]:
    """Return the kept predictions of an evaluation, judged again, and as they were; of several samples the first."""
    completions: dict[int, str] = {}
    for line in read_lines(Path(asked.result["predictions"])):
        completions.setdefault(line["index"], line["completion"])
    rows = load_rows(task, asked.arguments)
    if any(number not in completions for number, _ in rows):
        raise DataError(f"The rows of {task.name} are others than {asked.name} was evaluated on.", "Evaluate it again.")
    texts = [completions[number] for number, _ in rows]
    return [(example, task.score(example, text)) for (_, example), text in zip(rows, texts, strict=True)], texts


def comparison_sentence(result: Values, a: str = "A", b: str = "B") -> str:
    """Return what the paired test says, in words, the two being called `a` and `b`."""
    low, high = result["interval"]
    figures = (
        f"difference {result['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}, p = {p_text(result['p'])} "
        f"({result['test']}, {result['n']} rows: {result['fixed']} fixed, {result['broken']} broken)"
    )
    if not result["real"]:
        return f"No real difference can be told between {a} and {b} on these rows: {figures}."
    better = "better" if result["difference"] > 0 else "worse"
    return f"The difference is real: {b} is {better} than {a}; {figures}."


def p_text(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"
