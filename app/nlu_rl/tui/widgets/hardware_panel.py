"""What the machine is doing, as bars; how busy it has been lately, as a line of small bars."""

from collections import deque

from rich.text import Text
from textual.widgets import Static

from nlu_rl.tui.format import BARS, filled, meter
from nlu_rl.tui.hardware import Usage
from nlu_rl.tui.theme import style

KEPT_MOMENTS = 60
FULL_SHARE = 0.95
_NAME, _VALUE = 5, 13


class HardwarePanel(Static, can_focus=True):
    """Give it moments with `show`. The most telling lines come first, since a low panel cuts the last."""

    DEFAULT_CSS = """
    HardwarePanel { border: round $border; border-title-color: $primary; }
    HardwarePanel:focus { border: round $primary; }
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = title
        self.usage: Usage | None = None
        self._busy: dict[str, deque[float]] = {}

    def show(self, now: Usage) -> None:
        """Show a moment, and keep how busy it was."""
        self.usage = now
        for name, busy in [("CPU", now.busy), *((f"GPU{n}", card.busy) for n, card in enumerate(now.cards))]:
            self._busy.setdefault(name, deque(maxlen=KEPT_MOMENTS)).append(busy)
        self.update(self._text(now))

    def on_resize(self) -> None:
        if self.usage is not None:
            self.update(self._text(self.usage))

    def _text(self, now: Usage) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for number, card in enumerate(now.cards):
            self._lately(text, f"GPU{number}", f"{card.busy:.0%} {card.celsius:.0f}°C")
            self._filled(text, "VRAM", card.used_bytes, card.total_bytes)
        self._lately(text, "CPU", f"{now.busy:.0%}")
        self._filled(text, "RAM", now.used_bytes, now.total_bytes)
        free = f"{now.free_disk_bytes / 1e9:.0f} GB free"
        self._filled(text, "disk", now.disk_bytes - now.free_disk_bytes, now.disk_bytes, free)
        text.rstrip()
        return text

    @property
    def _bar_cells(self) -> int:
        return max(4, self.content_size.width - _NAME - _VALUE)

    def _lately(self, text: Text, name: str, value: str) -> None:
        """Add a line whose bar is the last moments, the latest to the right."""
        moments = list(self._busy[name])[-self._bar_cells :]
        bars = "".join(BARS[round(min(1.0, busy) * (len(BARS) - 1))] for busy in moments)
        self._line(text, name, bars, value, "good")

    def _filled(self, text: Text, name: str, used: float, total: float, value: str = "") -> None:
        """Add a line whose bar is what is used; `value` is by default that in GB."""
        share = used / total if total else 0.0
        value = value or filled(used, total)
        self._line(text, name, meter(share, self._bar_cells), value, "bad" if share > FULL_SHARE else "good")

    def _line(self, text: Text, name: str, bar: str, value: str, role: str) -> None:
        text.append(f"{name:<{_NAME}}", style(self.app, "dim"))
        text.append(f"{bar:<{self._bar_cells}}", style(self.app, role))
        text.append(f"{value:>{_VALUE}}\n")
