"""What can be done with a trained run wherever it is chosen: measure it, export it. Both are jobs, watched alike."""

from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui import operations
from nlu_rl.tui.screens.base import BaseScreen
from nlu_rl.tui.screens.dialogs import ChoiceDialog, Option


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
        from nlu_rl.errors import RunError
        from nlu_rl.evaluation.request import require_trained
        from nlu_rl.runs.jobs import read_job
        from nlu_rl.runs.layout import adapter_checkpoint
        from nlu_rl.tui.screens.chat import ChatScreen

        run = self.chosen_run()
        if run is not None:
            require_trained(run)
            if read_job(run).kind == "encoder":
                raise RunError(f"{run.name} is an encoder, which does not talk.", "Evaluate it instead (e).")
            adapter_checkpoint(run)
            self.app.push_screen(ChatScreen(run))

    def action_evaluate(self) -> None:
        run = self.chosen_run()
        if run is None:
            return
        options = [
            Option("e", "sampled", "One sample a row at temperature 1, as in the paper"),
            Option("g", "greedy", "The most likely answer of each row"),
        ]

        def answer(choice: str | None) -> None:
            if choice:
                self.notify("Reading the rows…", timeout=3)
                greedy = choice == "greedy"
                self.in_background(lambda: operations.evaluate(run, greedy=greedy), self.open_run, group="job")

        text = "On its task's evaluation rows. A finished evaluation is shown again, an interrupted one goes on."
        self.app.push_screen(ChoiceDialog(f"Evaluate {run.name}?", text, options), answer)

    def action_export(self) -> None:
        run = self.chosen_run()
        if run is None:
            return

        def answer(choice: str | None) -> None:
            if choice:
                self.in_background(lambda: operations.export(run), self.open_run, group="job")

        text = "The adapter of its best checkpoint is merged into its base, and proven equal to what was trained."
        options = [Option("x", "export", f"Export to exports/{run.path.name}")]
        self.app.push_screen(ChoiceDialog(f"Export {run.name}?", text, options), answer)
