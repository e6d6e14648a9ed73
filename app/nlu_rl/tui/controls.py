"""What commands a terminal never reaches it, wherever a text on the screen comes from.

A filter over finished lines: what it takes out has no width, so no widget has to know.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from nlu_rl.control_characters import CONTROLS


class WithoutControls(LineFilter):
    """Takes control characters out of every segment."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(CONTROLS.search(segment.text) for segment in segments):
            return segments
        return [Segment(CONTROLS.sub("", text), style, control) for text, style, control in segments]
