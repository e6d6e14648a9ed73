"""Everything on the screen in ASCII, for terminals that show nothing else: each character by one that looks like it.

A filter over finished lines, so no widget has to know. Every character keeps its cells; one without a likeness is `?`.
"""

import os
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LIKE = {
    "*": "━●",  # a solid curve is drawn in stars
    "-": "─╌╍┄┅–—‐‑−╴╶╸╺",
    "|": "│┃╎╏┆┇║▏▎▍▌▐▕",
    "+": "╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝",
    "=": "═",
    "~": "≈…±",
    "#": "█▇▊▋▉■▣",
    " ": "⠀\u00a0",
    ":": "▒",
    "_": "▁▂␣",
    ".": "·▃•░",
    "o": "▄◉○◌◆◇◐",
    "O": "▅▆",
    "^": "▲△▴↑▔▀",
    "v": "▼▽▾↓✔✓",
    "x": "✖✗×",
    "<": "◂◀←⏎‹«",
    ">": "▸▶→›»⭘",
    '"': "“”",
    "'": "‘’",
    "!": "‖⚠",
    "0": "∅",
}
_TABLE = str.maketrans({mark: like for like, marks in _LIKE.items() for mark in marks})
BARS = "_.-=+*%#"
"""What the eight bars of a sparkline are where a line has nothing else."""
_BARS = str.maketrans("▁▂▃▄▅▆▇█", BARS)


def ascii_wanted(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether the locale, or `NLU_RL_ASCII` (1 or 0), says that the terminal shows ASCII only.

    Python itself sets LC_CTYPE to UTF-8 where LANG is C, so LC_CTYPE says nothing there.
    """
    environment = os.environ if environment is None else environment
    if (said := environment.get("NLU_RL_ASCII", "")) in ("0", "1"):
        return said == "1"
    language = environment.get("LANG", "")
    if not environment.get("LC_ALL") and language in ("C", "POSIX"):
        return True
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or language
    return bool(locale) and "utf" not in locale.lower()


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """Return the text in as many cells of ASCII."""
    if text.isascii():
        return text
    if set(text) <= set("▁▂▃▄▅▆▇█ "):
        return text.translate(_BARS) if set(text) - set("█ ") else text.translate(_TABLE)
    return "".join(mark if mark.isascii() else "?" * get_character_cell_size(mark) for mark in text.translate(_TABLE))


class AsciiFilter(LineFilter):
    """Replaces what is no ASCII in every segment."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
