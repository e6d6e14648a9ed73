"""Colours by meaning, from Okabe and Ito's palette, which colour-blind people can tell apart.

A theme of ours names six colours for curves; in Textual's own themes, among them those of the terminal (`ansi-dark`,
`ansi-light`), curves take the theme's. Colour never speaks alone: a glyph (▲ ◆ ▼), a sign or a stroke says the same.
"""

from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text
from textual.color import Color, ColorParseError
from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

SKY, ORANGE, VERMILLION, GREEN, PINK, YELLOW = "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#F0E442"


def _series(*colours: str) -> dict[str, str]:
    return {f"series-{number}": colour for number, colour in enumerate(colours)}


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
    variables={
        "footer-key-foreground": SKY,
        "border": "#3A4653",
        "border-blurred": "#2B343E",
        **_series(SKY, ORANGE, GREEN, PINK, YELLOW, VERMILLION),
    },
)
BLUE, BROWN, RED, MOSS, PLUM, SLATE = "#005A96", "#A65B00", "#8F1010", "#00703C", "#8F3D6F", "#4B5560"
"""The same hues, dark enough for a light background."""
LIGHT = Theme(
    name="nlu-rl-light",
    primary=BLUE,
    secondary=MOSS,
    accent=BROWN,
    success=BLUE,
    warning=BROWN,
    error=RED,
    foreground="#1B2127",
    background="#FFFFFF",
    surface="#F4F6F8",
    panel="#E4E9EE",
    dark=False,
    variables={
        "footer-key-foreground": BLUE,
        "border": "#9AA7B4",
        "border-blurred": "#C4CDD6",
        **_series(BLUE, BROWN, MOSS, PLUM, SLATE, RED),
    },
)
THEMES = (THEME, LIGHT)
_VARIABLES = {"good": "success", "warn": "warning", "bad": "error", "title": "primary", "second": "accent"}
CURVE_COLOURS = 6
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
    "damaged": ("✖", "bad", "bad"),
}
"""Glyph, word and role of each state."""


def style(app: "App[Any]", role: str) -> Style:
    """Return the style of a role: good, warn, bad, title, second, dim, plain, bold, or series-0, series-1, ..."""
    if role in ("dim", "bold", "plain"):
        return Style(dim=role == "dim", bold=role == "bold")
    variables = app.theme_variables
    name = _VARIABLES.get(role)
    if name is None:
        number = int(role.removeprefix("series-"))
        own = f"series-{number % CURVE_COLOURS}"
        name = own if own in variables else _SERIES[number % len(_SERIES)]
    try:
        return Style(color=Color.parse(variables[name]).rich_color)
    except (KeyError, ColorParseError):
        return Style()


def same_text(one: Text, other: Text) -> bool:
    """Return whether two texts look the same; rich's own comparison leaves out the style of the whole text."""
    return one == other and one.style == other.style
