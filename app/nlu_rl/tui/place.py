"""Where a browser's tab is, kept in the file `NLU_RL_PLACE` names, so that a reload comes back there.

On a terminal there is no such file and nothing is kept.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl.errors import NluRlError

if TYPE_CHECKING:
    from textual.screen import Screen

WIZARD = "wizard"
OF_RUNS = ("chat", "evaluate", "export")
"""What stands before the folder of a run, for its screens but the monitor."""
MARKED, COMPARED = "home", "compare"


def remember(place: str) -> None:
    """Keep a place.

    Its first line is `home` and the run under the cursor, `compare`, `wizard` and its step, or the folder of a run
    after its screen (`OF_RUNS`). Lines after it are the marked runs, the compared ones, or as JSON what was typed to
    ask a run.
    """
    if file := os.environ.get("NLU_RL_PLACE"):
        with contextlib.suppress(OSError):
            Path(file).write_text(place, encoding="utf-8")


def remembered_screen() -> "Screen[Any] | None":
    """Return the screen to come back to; None for the runs, also when the place is no more."""
    place, *more = _kept() or [MARKED]
    if place == COMPARED:
        return _of_compared(more)
    first, _, rest = place.partition(" ")
    if first == WIZARD:
        from nlu_rl.tui.screens.wizard import STEPS, WizardScreen

        return WizardScreen(int(rest) if rest in map(str, range(1, len(STEPS) + 1)) else 1)
    if first == MARKED:
        return None
    kind, folder = (first, rest) if first in OF_RUNS else ("", place)
    return _of_run(kind, folder, more) if folder else None


def remembered_runs() -> tuple[set[str], str]:
    """Return the names of the runs that were marked, and of the one under the cursor or on the screen."""
    place, *names = _kept() or [MARKED]
    first, _, rest = place.partition(" ")
    marked = {Path(name).name for name in names} if first in (MARKED, COMPARED) else set()
    return marked, Path(rest or place).name


def _kept() -> list[str]:
    try:
        return Path(os.environ["NLU_RL_PLACE"]).read_text(encoding="utf-8").splitlines()
    except (KeyError, OSError, ValueError):
        return []


def _of_compared(folders: list[str]) -> "Screen[Any] | None":
    from nlu_rl.runs.layout import open_run
    from nlu_rl.tui.screens.compare import CompareScreen

    runs = []
    for folder in folders:
        with contextlib.suppress(NluRlError):  # it is no more
            runs.append(open_run(folder))
    return CompareScreen(runs) if len(runs) > 1 else None


def _of_run(kind: str, folder: str, more: list[str]) -> "Screen[Any] | None":
    from nlu_rl.runs.layout import open_run
    from nlu_rl.tui.screens.chat import ChatScreen
    from nlu_rl.tui.screens.evaluate import EvaluateScreen
    from nlu_rl.tui.screens.export import ExportScreen
    from nlu_rl.tui.screens.monitor import MonitorScreen

    screens = {"": MonitorScreen, "evaluate": EvaluateScreen, "export": ExportScreen}
    try:
        run = open_run(folder)
        return ChatScreen(run, _typed_in(more)) if kind == "chat" else screens[kind](run)
    except NluRlError:
        return None


def _typed_in(lines: list[str]) -> dict[str, str]:
    """Return what was typed, by field; nothing where it cannot be read."""
    try:
        typed = json.loads("\n".join(lines))
    except ValueError:
        return {}
    return {str(name): str(text) for name, text in typed.items()} if isinstance(typed, dict) else {}
