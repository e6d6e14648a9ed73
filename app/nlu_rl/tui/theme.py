"""Colours by meaning, from Okabe and Ito's palette, which colour-blind people can tell apart.

Colour never speaks alone: a glyph (▲ ◆ ▼), a sign or a stroke says the same.
"""

from typing import TYPE_CHECKING, Any

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

SKY, ORANGE, VERMILLION, GREEN, PINK, YELLOW = "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#F0E442"

THEME = Theme(
    name="nlu-rl",
    primary=SKY,
    secondary=GREEN,
    accent=ORANGE,
    success=SKY,
    warning=ORANGE,
    error=VERMILLION,
    foreground="#E4E6E8",
    background="#0F1317",
    surface="#151A20",
    panel="#1D242C",
    dark=True,
    variables={"footer-key-foreground": SKY, "border": "#3A4653", "border-blurred": "#2B343E"},
)
_VARIABLES = {"good": "success", "warn": "warning", "bad": "error", "title": "primary", "second": "accent"}
_SERIES = ("primary", "warning", "secondary", "error", "accent")

STATES = {
    "queued": ("○", "wait", "dim"),
    "loading": ("◌", "load", "title"),
    "baseline": ("●", "base", "title"),
    "training": ("●", "run", "good"),
    "paused": ("‖", "hold", "warn"),
    "saving": ("●", "save", "good"),
    "evaluating": ("●", "eval", "good"),
    "done": ("✔", "done", "plain"),
    "failed": ("✖", "fail", "bad"),
    "stopped": ("■", "stop", "dim"),
    "lost": ("?", "lost", "warn"),
}
"""Glyph, word and role of each state."""


def style(app: "App[Any]", role: str) -> Style:
    """Return the style of a role: good, warn, bad, title, second, dim, plain, bold, or series-0, series-1, ..."""
    if role in ("dim", "bold", "plain"):
        return Style(dim=role == "dim", bold=role == "bold")
    name = _VARIABLES.get(role) or _SERIES[int(role.removeprefix("series-")) % len(_SERIES)]
    try:
        return Style(color=Color.parse(app.theme_variables[name]).rich_color)
    except (KeyError, ColorParseError):
        return Style()
