"""One sample in full: prompt, completion, what was read out of it, and each part of its reward."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nlu_rl.tui.keys import bindings
from nlu_rl.tui.sample_text import Sample, detail_text
from nlu_rl.tui.screens.outliving import Outliving
from nlu_rl.tui.widgets.key_footer import KeyFooter


class SampleDialog(Outliving, ModalScreen[None]):
    """Opens at `place` of `samples`; the arrows turn the pages."""

    BINDINGS = bindings("sample", common=False)
    CSS = """
    SampleDialog > VerticalScroll {
        width: 90%; max-width: 110; height: auto; max-height: 85%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    """

    def __init__(self, samples: Sequence[Sample], place: int) -> None:
        super().__init__()
        self._samples, self._place = samples, place

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="sample")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        box = self.query_one(VerticalScroll)
        box.border_title = f"Sample {self._place + 1}/{len(self._samples)}"
        box.border_subtitle = "◂ ▸ turn   y copy   esc close"
        self.query_one("#sample", Static).update(detail_text(self.app, self._samples[self._place], self._samples))

    def action_turn(self, by: int) -> None:
        self._place = (self._place + by) % len(self._samples)
        self._show()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(str(self._samples[self._place].get("completion", "")))
        self.notify("Copied.", timeout=2)

    def action_back(self) -> None:
        self.dismiss()
