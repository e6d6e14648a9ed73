"""Two ways to show a run on standard error: a live display on a terminal, plain lines anywhere else."""

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from nlu_rl.cli.format import amount, duration, number
from nlu_rl.control_characters import without_controls
from nlu_rl.runs.watch import Watch, metric

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

SHOWN_STEPS = 8
PLAIN_SECONDS = 10.0
COLUMNS = (
    ("reward", "reward", 3),
    ("loss", "loss", 3),
    ("accuracy", "accuracy", 3),
    ("parse", "parse_rate", 3),
    ("KL", "kl", 4),
    ("entropy", "entropy", 3),
    ("value loss", "value_loss", 3),
    ("s/step", "step_seconds", 1),
    ("generate", "generate_seconds", 1),
    ("score", "score_seconds", 1),
    ("update", "update_seconds", 1),
)
NARROW = {"accuracy": "acc.", "value loss": "value\nloss", "generate": "gen."}
"""Titles by which all columns fit into 80 characters."""


class View(Protocol):
    """A display of one watch, entered while it is followed."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def update(self, events: Sequence[dict[str, Any]]) -> None: ...
    def note(self, text: str) -> None: ...


class PlainView:
    """Lines for logs and pipes: states, validations, warnings, and a step every few seconds."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._state = ""
        self._step_shown = -PLAIN_SECONDS
        self._phase_shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        # The reader of our lines may be gone; the run is not to end for it.
        with contextlib.suppress(OSError):
            print(without_controls(text), file=sys.stderr, flush=True)

    def update(self, events: Sequence[dict[str, Any]]) -> None:
        status = self._watch.status
        for event in events:
            if (line := self._line(event)) is not None:
                self.note(line)
        if status.state != self._state:
            self._state = status.state
            self.note(f"{self._watch.run.name}: {status.state}")
        now = time.monotonic()
        if status.progress and status.phase and now - self._phase_shown >= PLAIN_SECONDS:
            self._phase_shown = now
            self.note(f"{status.phase}: {amount(status.phase, *status.progress)}")

    def _line(self, event: dict[str, Any]) -> str | None:
        kind = event.get("type")
        if kind == "step":
            now = time.monotonic()
            last = event.get("step") == self._watch.status.total
            if now - self._step_shown < PLAIN_SECONDS and not last:
                return None
            self._step_shown = now
            return self._step_line(event)
        if kind == "validation":
            return _validation_text(event)
        if kind == "warning":
            return f"warning: {event.get('message')}"
        if kind == "checkpoint":
            return f"checkpoint at step {event.get('step')}"
        return None

    def _step_line(self, event: dict[str, Any]) -> str:
        total = self._watch.status.total
        shown = [
            f"{title} {number(value, digits)}"
            for title, name, digits in COLUMNS
            if (value := metric(event, name)) is not None
        ]
        left = self._watch.eta_seconds()
        tail = f", {duration(left)} left" if left else ""
        return f"step {event['step']}{f'/{total}' if total else ''}: {', '.join(shown)}{tail}"


class RichView:
    """The live display of a terminal."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._notes: list[str] = []
        self._header = header_text(watch)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        from nlu_rl.cli.console import stderr

        self._live = Live(self._render(), console=stderr(), refresh_per_second=8, transient=False)
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._render())
            with contextlib.suppress(OSError):  # the terminal is gone
                self._live.__exit__(None, None, None)

    def note(self, text: str) -> None:
        self._notes.append(text)
        self.update(())

    def update(self, events: Sequence[dict[str, Any]]) -> None:
        if self._live is not None:
            self._live.update(self._render())

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        watch = self._watch
        parts: list[RenderableType] = [Text(self._header, style="bold"), _bar(watch)]
        if watch.steps:
            parts.append(_table(watch))
        for task, event in watch.baselines.items():
            if watch.validated[task] is not event:
                parts.append(Text(f"before training, on {task}: {scores_text(event)}"))
        for event in watch.validated.values():
            parts.append(Text(_validation_text(event), style="green"))
        parts.extend(Text(f"warning: {text}", style="yellow") for text in watch.warnings)
        parts.extend(Text(text, style="bold yellow") for text in self._notes)
        return Group(*parts)


def header_text(watch: Watch) -> str:
    """Return run, model, tasks and method on one line."""
    from nlu_rl.runs.jobs import read_job

    name = watch.run.name
    try:
        import yaml

        recipe = yaml.safe_load(watch.run.recipe_path.read_text(encoding="utf-8"))
        return f"{name}  {recipe['model']}  {'+'.join(recipe['tasks'])}  {recipe['method']}"
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        arguments = read_job(watch.run).arguments
        about = [str(arguments[key]) for key in ("model", "run", "task", "split") if arguments.get(key)]
        return "  ".join([name, *about])


def _validation_text(event: dict[str, Any]) -> str:
    return f"validation on {event.get('task')} at step {event.get('step')}: {scores_text(event)}"


def scores_text(event: dict[str, Any]) -> str:
    """Return a validation's scores, parse rates and number of rows."""
    scores = event.get("scores")
    shown = [f"{name} {number(value)}" for name, value in scores.items()] if isinstance(scores, dict) else []
    if event.get("parse_rate") is not None:
        shown.append(f"parse rate {number(event['parse_rate'])}")
    if event.get("parse_rate_lenient") not in (None, event.get("parse_rate")):
        shown.append(f"lenient {number(event['parse_rate_lenient'])}")
    if event.get("n") is not None:
        shown.append(f"n {event['n']}")
    return ", ".join(shown)


def _bar(watch: Watch) -> "RenderableType":
    """Return the phase's progress if it has one, and the steps'."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    status = watch.status
    grid = Table.grid(padding=(0, 2))
    if status.total:
        left = watch.eta_seconds()
        about = f"step {status.step}/{status.total}"
        grid.add_row(
            status.state,
            ProgressBar(total=status.total, completed=status.step, width=40),
            about,
            f"{duration(left)} left" if left and status.live else "",
        )
    elif not status.phase:
        grid.add_row(status.state, "", "", "")
    if status.phase and status.progress:
        done, total = status.progress
        bar = ProgressBar(total=total, completed=done, width=40, pulse=total is None)
        grid.add_row(status.phase, bar, amount(status.phase, done, total), "")
    return grid


def _table(watch: Watch) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    steps = list(watch.steps)[-SHOWN_STEPS:]
    columns = [column for column in COLUMNS if any(metric(event, column[1]) is not None for event in steps)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0)
    table.add_column("step", justify="right")
    for title, _, _ in columns:
        table.add_column(NARROW.get(title, title), justify="right", no_wrap=True)
    for event in steps:
        cells = [_cell(metric(event, name), digits) for _, name, digits in columns]
        table.add_row(str(event["step"]), *cells)
    return table


def _cell(value: float | None, digits: int) -> str:
    """Return a metric in at most six characters where it can, so that all columns fit into 80."""
    if value is None:
        return "-"
    return f"{value:.{max(0, digits - 1) if abs(value) >= 10 else digits}f}"
