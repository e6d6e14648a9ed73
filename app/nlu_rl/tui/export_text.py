"""An export's checks as its progress: what is done, what goes on, what is to come; then the figures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.export.check_text import CHECKING, CHECKS, GGUF, MERGING, figures
from nlu_rl.tui.format import meter, size
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

    from nlu_rl.runs.status import Status

LOADING, WRITING = (
    "The base model's files are here",
    "The card is written, and the folder put in its place",
)
_DONE, _NOW, _TO_COME, _WRONG = ("✔", "good"), ("●", "title"), ("○", "dim"), ("✖", "bad")


def checks_text(app: "App[Any]", status: "Status | None", result: Mapping[str, Any], *, gguf: bool) -> Text:
    """Return the checks of an export: before it (no status), while it runs, after it."""
    text = Text()
    if result:
        for line in figures(result):
            text.append("✔ ", style(app, "good")).append(f"{line[0].upper()}{line[1:]}\n")
        text.append(f"  {size(result.get('bytes') or 0)} in {result['path']}", style(app, "dim"))
        return text
    names = [LOADING, "Adapter and base are merged", *CHECKS, *(["The GGUF file is written"] if gguf else []), WRITING]
    at = place_of(status, gguf=gguf) if status is not None else 0
    failed = status is not None and status.error is not None
    for number, name in enumerate(names):
        mark = _TO_COME if status is None or number > at else _DONE if number < at else _WRONG if failed else _NOW
        text.append(f"{mark[0]} ", style(app, mark[1]))
        text.append(name, style(app, "plain" if number <= at and status is not None else "dim"))
        done, total = (status.progress if status is not None else None) or (0, None)
        if number == at == 0 and total and not failed:
            text.append(f" {meter(done / total, 12)} {done / total:.0%}", style(app, "good"))
        text.append("\n")
    if status is not None and status.error is not None:
        text.append(f"\n{status.error.message}\n{status.error.fix}", style(app, "bad"))
    return text


def place_of(status: "Status", *, gguf: bool) -> int:
    """Return the number of the line an export is at."""
    done = (status.progress or (0, None))[0]
    if status.phase == MERGING:
        return 1
    if status.phase == CHECKING:
        return 2 + min(done, len(CHECKS) - 1)
    if status.phase == GGUF:
        return 2 + len(CHECKS)
    return 2 + len(CHECKS) + gguf if status.state == "done" else 0
