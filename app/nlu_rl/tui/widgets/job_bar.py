"""One line that follows a job of the run protocol to its end: what it does, how far it is, how long it will take."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from rich.text import Text
from textual.widgets import Static

from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.status import Status, read_status
from nlu_rl.tui.format import clock, meter, size
from nlu_rl.tui.theme import STATES, style

if TYPE_CHECKING:
    from textual.app import App

    from nlu_rl.tui.screens.base import BaseScreen

POLL_SECONDS = 0.5
BAR_CELLS = 20
_BYTES = ("fetching", "downloading")


class JobBar(Static):
    """`follow` a job; `ended` is called once, with its last status, unless the screen is gone."""

    DEFAULT_CSS = "JobBar { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.run: RunDirectory | None = None
        self._ended: Callable[[Status], None] = lambda _: None
        self._phase: tuple[str, float, int] = ("", 0.0, 0)

    def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self._look)

    def follow(self, run: RunDirectory, ended: Callable[[Status], None]) -> None:
        """Show this job from now on."""
        self.run, self._ended, self._phase = run, ended, ("", 0.0, 0)
        self._look()

    def drop(self) -> None:
        """Show nothing any more."""
        self.run = None
        self.update("")

    def _look(self) -> None:
        run = self.run
        if run is None or not self.is_attached:
            return
        screen = cast("BaseScreen", self.screen)
        screen.in_background(lambda: (run, read_status(run)), self._show, group=f"job-{self.id}")

    def _show(self, found: tuple[RunDirectory, Status]) -> None:
        run, status = found
        if run is not self.run:
            return
        if status.live:
            self.update(job_text(self.app, status, self._seconds_left(status), cells=BAR_CELLS))
        else:
            self.run = None
            self.update("")
            self._ended(status)

    def _seconds_left(self, status: Status) -> float | None:
        """Return the time to the end of the phase, at the pace since it was first seen."""
        if status.phase is None or status.progress is None or not status.progress[1]:
            return None
        done, total = status.progress[0], status.progress[1]
        phase, since, first = self._phase
        if phase != status.phase or done < first:
            self._phase = (status.phase, time.monotonic(), done)
            return None
        spent = time.monotonic() - since
        return (total - done) * spent / (done - first) if done > first and spent > 1 else None


def job_text(app: "App[Any]", status: Status, seconds_left: float | None = None, *, cells: int = BAR_CELLS) -> Text:
    """Return the state of a live job, its phase, and a bar where its end is known."""
    glyph, word, role = STATES[status.state]
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{glyph} ", style(app, role))
    text.append(status.phase or {"load": "loading", "wait": "starting"}.get(word, status.state), style(app, role))
    done, total = status.progress or (0, None)
    if status.progress is None and status.total:
        done, total = status.step, status.total
    if total:
        text.append(f" {meter(done / total, cells)}", style(app, "good"))
        text.append(f" {done / total:.0%}")
        in_bytes = (status.phase or "").startswith(_BYTES)
        text.append(f"  {size(done)} of {size(total)}" if in_bytes else f"  {done:,}/{total:,}", style(app, "dim"))
    elif done:
        text.append(f" {size(done) if (status.phase or '').startswith(_BYTES) else f'{done:,}'}", style(app, "dim"))
    if seconds_left is not None:
        text.append(f"  {clock(seconds_left)} left", style(app, "dim"))
    return text
