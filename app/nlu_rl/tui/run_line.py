"""A run as one line of the list, and as the few lines of its preview."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.runs.curve import means
from nlu_rl.runs.overview import Overview
from nlu_rl.runs.watch import metric
from nlu_rl.tui.format import age, clock, progress, score, short, shortened, spark
from nlu_rl.tui.theme import STATES, style

if TYPE_CHECKING:
    from textual.app import App

NOTHING = """

   There is no run yet.
"""
EMPTY = f"""{NOTHING}
   n   New run: choose a model, a task and a recipe
   D   Demo: train a small model on this machine, in minutes
   ?   Help
"""
CURVE_CELLS = 8
STEP_CELLS = 9
COLUMNS: tuple[tuple[str, int | None], ...] = (
    ("", 1),
    ("state", 6),
    ("run", None),
    ("task", 14),
    ("step", STEP_CELLS),
    ("best", 5),
    ("curve", CURVE_CELLS),
    ("age", 4),
)
"""Titles and cells; the name of the run has what is left."""
NAME, _TASK = 2, 3
_NARROW, _TASK_CELLS_SPARED = 110, 6  # the name of the run needs the room more than its task
SORTS: tuple[tuple[str, Callable[[Overview], Any] | None], ...] = (
    ("age", None),
    ("name", lambda overview: overview.name),
    ("score", lambda overview: -(overview.best if overview.best is not None else -9e9)),
    ("state", lambda overview: (not overview.status.live, list(STATES).index(overview.state))),
)


def widths(screen_cells: int) -> list[int]:
    """Return the cells of every column on a screen of so many."""
    found = [cells or 0 for _, cells in COLUMNS]
    found[_TASK] -= _TASK_CELLS_SPARED if screen_cells < _NARROW else 0
    found[NAME] = max(12, screen_cells - sum(found) - 2 * len(COLUMNS) - 4)
    return found


def row_of(app: "App[Any]", overview: Overview, name_cells: int, *, marked: bool, now: float) -> tuple[Text, ...]:
    """Return the cells of a run: mark, state, name in so many cells, task, step, best score, curve, age."""
    status = overview.status
    step = progress(status.step, status.total, STEP_CELLS) if status.total else "–"
    curve = Text(spark(means(overview.curve, CURVE_CELLS)) if overview.curve else "")
    curve.stylize(style(app, "good" if overview.curve_name == "reward" else "dim"))
    return (
        Text("*" if marked else " ", style(app, "warn")),
        state_text(app, overview.state),
        Text(shortened(overview.name, name_cells), no_wrap=True),
        Text("+".join(overview.tasks), overflow="ellipsis", no_wrap=True),
        Text(step, justify="right"),
        Text(score(overview.best), justify="right"),
        curve,
        Text(age(now - overview.created), style(app, "dim"), justify="right"),
    )


def state_text(app: "App[Any]", state: str) -> Text:
    """Return a state as glyph and word."""
    glyph, word, role = STATES[state]
    return Text(f"{glyph} {word}", style(app, role))


def preview_text(app: "App[Any]", overview: Overview, now: float) -> Text:
    """Return what is worth knowing of a run before it is opened, in three or four lines."""
    recipe, status = overview.recipe, overview.status
    text = Text(no_wrap=True, overflow="ellipsis")
    if overview.damage:
        text.append(f"✖ {overview.damage}\n", style(app, "bad"))
        text.append("d moves the folder to the trash, from where u brings it back.\n", style(app, "dim"))
        return text
    if recipe:
        quantize = recipe.get("quantize", "none")
        rank = (recipe.get("lora") or {}).get("rank")
        model = Path(str(recipe.get("model"))).name + ("" if quantize == "none" else f" {quantize}")
        text.append(f"{model} + LoRA r{rank} · {overview.method.upper()} · {'+'.join(overview.tasks)}")
        text.append(f" · seed {recipe.get('seed')}\n")
    else:
        text.append(f"{overview.kind} · {'+'.join(overview.tasks)}\n")
    text.append(_scores_line(overview) + "\n")
    text.append(_latest_line(overview) + "\n", style(app, "dim"))
    if status.error is not None:
        text.append(f"✖ {status.error.message} {status.error.fix}", style(app, "bad"))
    elif overview.warnings:
        text.append(f"▲ {overview.warnings[-1]}", style(app, "warn"))
    elif status.live and status.phase and status.progress:
        done, total = status.progress
        text.append(f"{status.phase} {done}{f'/{total}' if total else ''}", style(app, "title"))
    return text


def _scores_line(overview: Overview) -> str:
    parts = []
    if overview.baseline is not None:
        parts.append(f"before {score(overview.baseline)}")
    if overview.scores:
        change = overview.scores[-1][1] - (overview.baseline or overview.scores[-1][1])
        parts.append(f"now {score(overview.scores[-1][1])}" + (" ▲" if change > 0 else " ▼" if change < 0 else ""))
    if overview.best is not None:
        at = "" if overview.best_step is None else f" at step {overview.best_step}"
        parts.append(f"{'best ' if at else ''}{score(overview.best)}{at}")
    left = "" if overview.eta_seconds is None else f"   ETA {clock(overview.eta_seconds)}"
    return ("score " + " → ".join(parts) if parts else "no score yet") + left


def _latest_line(overview: Overview) -> str:
    names = ("reward", "accuracy", "loss", "kl", "entropy", "parse_rate", "step_seconds")
    shown = [
        f"{name.removesuffix('_seconds').replace('_', ' ')} {short(value)}{' s' if name.endswith('seconds') else ''}"
        for name in names
        if (value := metric(overview.latest, name)) is not None
    ]
    return "   ".join(shown)


def filter_words(overview: Overview) -> str:
    """Return what the filter looks into, in small letters."""
    parts = [overview.name, overview.state, overview.method, *overview.tasks, str(overview.recipe.get("model"))]
    return " ".join(parts).lower()
