"""What can be asked of a run that is watched: pause, checkpoint, stop, resume; the footer shows what its state allows.

A key that is not shown is still a key: it says why nothing comes of it.
"""

from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui import operations
from nlu_rl.tui.screens.dialogs import stop_dialog
from nlu_rl.tui.screens.run_actions import RunActions
from nlu_rl.tui.snapshot import Snapshot

OF_LIVE = ("pause", "checkpoint", "stop")
OF_CHECKPOINT = ("export", "chat")
RESUMABLE = ("paused", "stopped", "failed", "lost")
OF_RUNS = ("pause", "checkpoint", "resume", "evaluate", *OF_CHECKPOINT, "zoom")
"""What an evaluation or an export, watched like a run, has not."""


class RunControls(RunActions):
    """A screen that follows one run; `snapshot` is its latest moment, none before it has been read."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self.snapshot: Snapshot | None = None

    def chosen_run(self) -> RunDirectory | None:
        return self.run

    @property
    def pointless(self) -> set[str]:
        return pointless(self.snapshot)

    def action_pause(self) -> None:
        self.notify(operations.pause_or_go_on(self.run), timeout=3)

    def action_checkpoint(self) -> None:
        if self.snapshot is None or not self.snapshot.status.live:
            self.notify("Nothing is running here.", timeout=3)
            return
        operations.ask(self.run, "checkpoint")
        paused = self.snapshot.status.state == "paused"
        self.notify(f"A checkpoint follows {'when the run goes on' if paused else 'after this step'}.", timeout=3)

    def action_stop(self) -> None:
        snapshot = self.snapshot
        if snapshot is None or not snapshot.status.live:
            self.notify("Nothing is running here.", timeout=3)
            return

        def answer(choice: str | None) -> None:
            if choice == "checkpoint":
                operations.ask(self.run, "stop")
                self.notify("Stopping with a checkpoint after this step.")
            elif choice == "now":
                self.in_background(lambda: operations.stop_now(self.run), self.notify, group="stop")

        self.app.push_screen(stop_dialog(self.run.name, snapshot.status.step, snapshot.checkpoint), answer)

    def action_resume(self) -> None:
        self.notify(operations.resume(self.run))


def pointless(snapshot: Snapshot | None) -> set[str]:
    """Return the actions of which nothing would come, by the state of the run."""
    if snapshot is None:
        return {*OF_LIVE, *OF_RUNS}
    status = snapshot.status
    idle = set() if status.live else set(OF_LIVE)
    if status.state == "paused":
        idle.add("pause")
    if status.state not in RESUMABLE:
        idle.add("resume")
    if snapshot.checkpoint is None:
        idle.update(OF_CHECKPOINT)
    if snapshot.kind == "encoder":
        idle.update(("resume", *OF_CHECKPOINT))
    elif snapshot.kind != "train":
        idle.update(OF_RUNS)
    return idle
