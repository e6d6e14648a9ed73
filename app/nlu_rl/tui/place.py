"""Where a browser's tab is, kept in the file `NLU_RL_PLACE` names, so that a reload comes back there.

On a terminal there is no such file and nothing is kept.
"""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl.errors import NluRlError

if TYPE_CHECKING:
    from textual.screen import Screen

WIZARD = "wizard"
OF_RUNS = ("chat", "evaluate", "export")
"""What stands before the folder of a run, for its screens but the monitor."""


def remember(place: str) -> None:
    """Keep a place: empty for the runs, `wizard` and its step, or the folder of a run after its screen (`OF_RUNS`)."""
    if file := os.environ.get("NLU_RL_PLACE"):
        with contextlib.suppress(OSError):
            Path(file).write_text(place, encoding="utf-8")


def remembered_screen() -> "Screen[Any] | None":
    """Return the screen to come back to; None for the runs, also when the place is no more."""
    try:
        place = Path(os.environ["NLU_RL_PLACE"]).read_text(encoding="utf-8")
    except (KeyError, OSError, ValueError):
        return None
    first, _, rest = place.partition(" ")
    if first == WIZARD:
        from nlu_rl.tui.screens.wizard import STEPS, WizardScreen

        return WizardScreen(int(rest) if rest in map(str, range(1, len(STEPS) + 1)) else 1)
    kind, folder = (first, rest) if first in OF_RUNS else ("", place)
    return _of_run(kind, folder) if folder else None


def _of_run(kind: str, folder: str) -> "Screen[Any] | None":
    from nlu_rl.runs.layout import open_run
    from nlu_rl.tui.screens.chat import ChatScreen
    from nlu_rl.tui.screens.evaluate import EvaluateScreen
    from nlu_rl.tui.screens.export import ExportScreen
    from nlu_rl.tui.screens.monitor import MonitorScreen

    screens = {"": MonitorScreen, "chat": ChatScreen, "evaluate": EvaluateScreen, "export": ExportScreen}
    try:
        return screens[kind](open_run(folder))
    except NluRlError:
        return None
