"""What can be done with a trained run wherever it is chosen: measure it, export it, ask it."""

from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui import operations
from nlu_rl.tui.screens.base import BaseScreen


class RunActions(BaseScreen):
    """A screen on which a run is chosen."""

    def chosen_run(self) -> RunDirectory | None:
        raise NotImplementedError

    def open_run(self, run: RunDirectory) -> None:
        """Watch a run, or a job of one."""
        from nlu_rl.tui.screens.monitor import MonitorScreen

        self.app.push_screen(MonitorScreen(run))

    def action_chat(self) -> None:
        """Talk to the run, once it has a checkpoint."""
        from nlu_rl.runs.checkpoints import adapter_checkpoint
        from nlu_rl.tui.screens.chat import ChatScreen

        run = self.chosen_run()
        if run is not None:
            operations.require_adapter(run)
            adapter_checkpoint(run)
            self.app.push_screen(ChatScreen(run))

    def action_evaluate(self) -> None:
        """Open the evaluations of the run."""
        from nlu_rl.evaluation.request import require_trained
        from nlu_rl.tui.screens.evaluate import EvaluateScreen

        run = self.chosen_run()
        if run is not None:
            require_trained(run)
            self.app.push_screen(EvaluateScreen(run))

    def action_export(self) -> None:
        """Open the export of the run."""
        from nlu_rl.tui.screens.export import ExportScreen

        run = self.chosen_run()
        if run is not None:
            operations.require_adapter(run)
            self.app.push_screen(ExportScreen(run))
