"""What every screen shares: keys from the table, errors as dialogs, polling in a thread, leaving with a question."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.text import Text
from textual.binding import ActiveBinding
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from nlu_rl.tui.keys import keys_of
from nlu_rl.tui.screens.outliving import Outliving
from nlu_rl.tui.theme import same_text

if TYPE_CHECKING:
    from nlu_rl.tui.app import NluApp

T = TypeVar("T")


def _shape(text: str) -> str:
    """Return what two texts have in common that fill the same lines: all but their digits."""
    return re.sub(r"\d", "0", text)


class BaseScreen(Outliving, Screen[None]):
    """A screen whose keys are `keys.KEYS[KEYS_NAME]`. Set `BINDINGS = bindings(KEYS_NAME)` beside it."""

    KEYS_NAME: ClassVar[str]
    app: "NluApp"

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys in the order of the table, where Textual would have those of the focused widget first.

        Those of which nothing would come are not in the footer.
        """
        order = {f"{self.KEYS_NAME}.{key.name}": place for place, key in enumerate(keys_of(self.KEYS_NAME))}
        found = super().active_bindings
        kept = {key.name for key in keys_of(self.KEYS_NAME) if key.changes} if self.app.read_only else set()
        idle = {f"{self.KEYS_NAME}.{name}" for name in self.pointless | kept}
        shown = {
            key: active._replace(binding=replace(active.binding, show=False)) if active.binding.id in idle else active
            for key, active in found.items()
        }
        return dict(sorted(shown.items(), key=lambda item: order.get(item[1].binding.id or "", -1)))

    @property
    def pointless(self) -> set[str]:
        """The names of the keys of which nothing would come now; call `refresh_bindings` when they change."""
        return set()

    def on_compose(self) -> None:
        """Be laid out for the terminal from the first frame on: Textual tells a screen its size only after that.

        Done before there are children, which would all be styled twice.
        """
        app = self.app
        for points, cells in (
            (app.HORIZONTAL_BREAKPOINTS, app.size.width),
            (app.VERTICAL_BREAKPOINTS, app.size.height),
        ):
            self.add_class(*[name for least, name in points or () if least <= cells][-1:])

    def _compositor_refresh(self) -> None:
        """Paint what has changed. Below a dialog Textual would from then on paint everything at every turn."""
        super()._compositor_refresh()
        if self is not self.app.screen:
            self._repaint_required = False

    @property
    def is_seen(self) -> bool:
        """Whether it is on top, or only dialogs lie over it. Textual's `is_current` counts whatever lies one below."""
        stack = self.app.screen_stack
        return self in stack and all(isinstance(over, ModalScreen) for over in stack[stack.index(self) + 1 :])

    def write(self, selector: str, text: Text) -> bool:
        """Change the text of a Static if it differs; return whether it did.

        A change is a new layout of the whole screen where the text says how large the Static is and has another shape.
        """
        widget = self.query_one(selector, Static)
        if isinstance(widget.content, Text) and same_text(widget.content, text):
            return False
        widget.update(text, layout=widget.styles.auto_dimensions and _shape(str(widget.content)) != _shape(text.plain))
        return True

    def in_background(self, work: Callable[[], T], show: Callable[[T], None], *, group: str) -> None:
        """Do `work` in a thread and `show` its result here, unless the screen is gone; its errors become dialogs.

        While work of the same group is going on, nothing happens.
        """
        if any(worker.group == group and not worker.is_finished for worker in self.workers):
            return

        def hand_over(result: T) -> None:
            if self.is_attached:
                show(result)

        def job() -> None:
            result = work()
            if self.app.is_running and self.is_attached:
                self.app.call_from_thread(hand_over, result)

        self.run_worker(job, thread=True, group=group, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.app.show_error(event.worker.error)

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_cursor(self, by: int) -> None:
        """Move the cursor of the chart that has the focus."""
        from nlu_rl.tui.widgets.line_chart import LineChart

        if isinstance(self.focused, LineChart):
            self.focused.move_cursor(by)

    def action_help(self) -> None:
        from nlu_rl.tui.screens.dialogs import HelpDialog

        self.app.push_screen(HelpDialog(self.app.keys_of(self.KEYS_NAME)))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_leave(self) -> None:
        """Quit; ask first while a run is live, since closing the screen does not end it, if it may be stopped here."""
        from nlu_rl.runs.layout import list_runs
        from nlu_rl.runs.status import read_status
        from nlu_rl.tui.screens.dialogs import leave_dialog

        live = [] if self.app.read_only else [run for run in list_runs() if read_status(run).live]
        if not live:
            self.app.exit()
            return

        def answer(choice: str | None) -> None:
            from nlu_rl.runs import control

            if choice == "stop":
                for run in live:
                    control.request(run, "stop")
            if choice in ("stop", "detach"):
                self.app.exit()

        self.app.push_screen(leave_dialog([run.name for run in live]), answer)


def entitle(box: Widget, *, title: str | None = None, subtitle: str | None = None) -> None:
    """Change what stands in the border where it differs: every change is painted."""
    if title is not None and str(box.border_title or "") != title:
        box.border_title = title
    if subtitle is not None and str(box.border_subtitle or "") != subtitle:
        box.border_subtitle = subtitle
