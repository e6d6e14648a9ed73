"""Starting a run, which may have to wait for its data: it is said for as long as it takes."""

from collections.abc import Callable

from textual.worker import Worker

from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui.screens.base import BaseScreen

STARTING = "Starting; missing data is fetched first…"
_GROUP = "start"


class RunStarter(BaseScreen):
    """A screen that starts runs, one at a time."""

    starting = False

    def start_run(self, start: Callable[[], RunDirectory], started: Callable[[RunDirectory], None]) -> None:
        """Make and launch a run by `start`, in a thread, and hand it to `started`."""

        def done(run: RunDirectory) -> None:
            self._end_start()
            started(run)

        if not self.starting:
            self.starting = True
            self.notify(STARTING, timeout=3600)
            self.in_background(start, done, group=_GROUP)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == _GROUP and event.worker.is_finished and self.starting:  # it failed
            self._end_start()

    def _end_start(self) -> None:
        self.starting = False
        self.app.clear_notifications()
