"""What the four steps of the wizard share: the draft they change, which only the screen holds."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual.containers import Vertical

from nlu_rl.tui.draft import Draft

if TYPE_CHECKING:
    from nlu_rl.tui.screens.wizard import WizardScreen


class WizardStep(Vertical):
    """One page. `enter` is called when it is shown, `problem` before it is left."""

    DEFAULT_CSS = """
    WizardStep { height: 1fr; }
    WizardStep * { border-subtitle-color: $text-muted; }
    WizardStep DataTable { background: transparent; scrollbar-size-vertical: 1; }
    """

    @property
    def wizard(self) -> "WizardScreen":
        return cast("WizardScreen", self.screen)

    @property
    def draft(self) -> Draft:
        return self.wizard.draft

    def enter(self) -> None:
        """Show the draft as it now is, and take the focus."""

    def problem(self) -> str:
        """Return why one cannot go on; empty when one can."""
        return ""

    def when_ready(self, do: Callable[[], None]) -> None:
        """Do something as soon as it is known whether there is a problem."""
        do()

    def later(self, work: Callable[[], Any], show: Callable[[Any], None], group: str) -> None:
        """Do work in a thread and show its result here."""
        self.wizard.in_background(work, show, group=group)
