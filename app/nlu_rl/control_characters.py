"""Texts of a user's rows, of a model and of other programs may hold what commands a terminal: it is not to see that."""

import re

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that turn the direction of writing; none has a width of its own."""
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Whole commands: colours, moves and erasures (CSI), titles and the clipboard (OSC)."""


def without_controls(text: str) -> str:
    """Return what is left to read; a carriage return, with which programs write a line anew, becomes a new line."""
    return CONTROLS.sub("", _SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))
