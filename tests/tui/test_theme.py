"""Colours that can be read and told apart, also by eyes that lack a cone; and never alone."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.color import Color, Lab, rgb_to_lab
from textual.theme import BUILTIN_THEMES

from nlu_rl.tui.theme import STATES, THEMES, style
from nlu_rl.tui.widgets.raster import LEGEND
from tui.conftest import Open, settled

pytestmark = pytest.mark.anyio
THEMES_BY_NAME = {theme.name: theme for theme in THEMES}

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
SIGHT = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> list[float]:
    parts = [part / 255 for part in Color.parse(colour).rgb]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """Return the contrast of WCAG 2, from 1 to 21."""
    low, high = sorted(
        sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear(c), strict=True)) for c in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, sight: str) -> Lab:
    mixed = [sum(w * part for w, part in zip(row, linear(colour), strict=True)) for row in SIGHT[sight]]
    bounded = [min(1.0, max(0.0, part)) for part in mixed]
    encoded = [12.92 * p if p <= 0.0031308 else 1.055 * p ** (1 / 2.4) - 0.055 for p in bounded]
    return rgb_to_lab(Color(*(round(255 * part) for part in encoded)))


def apart(one: Lab, other: Lab) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5


@pytest.mark.parametrize("name", THEMES_BY_NAME)
def test_what_is_written_in_colour_can_be_read(name: str) -> None:
    theme = THEMES_BY_NAME[name]
    for role in ("foreground", "primary", "secondary", "accent", "success", "warning", "error"):
        for ground in ("background", "surface"):
            ratio = contrast(str(getattr(theme, role)), str(getattr(theme, ground)))
            assert ratio >= 4.5, (role, ground, ratio)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES_BY_NAME)
def test_good_partial_and_bad_differ_for_every_eye(name: str, sight: str) -> None:
    theme = THEMES_BY_NAME[name]
    colours = {role: seen(str(getattr(theme, role)), sight) for role in ("success", "warning", "error")}
    for one, other in combinations(colours, 2):
        assert apart(colours[one], colours[other]) >= 12, (one, other)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES_BY_NAME)
def test_curves_of_one_stroke_differ_for_every_eye(name: str, sight: str) -> None:
    colours = [seen(THEMES_BY_NAME[name].variables[f"series-{number}"], sight) for number in range(6)]
    for one in range(3):  # the strokes come again after three
        assert apart(colours[one], colours[one + 3]) >= 12, one
    for one, other in combinations(range(3), 2):
        assert apart(colours[one], colours[other]) >= 12, (one, other)


def test_states_differ_without_colour() -> None:
    assert len({word for _, word, _ in STATES.values()}) == len(STATES)
    assert all(glyph for glyph, _, _ in STATES.values())
    assert len(set(LEGEND.values())) == len(LEGEND)


@pytest.mark.parametrize("name", [*THEMES_BY_NAME, "ansi-dark", "ansi-light", "textual-light", "gruvbox"])
async def test_every_theme_has_a_colour_for_every_role(open_app: Open, name: str) -> None:
    assert name in THEMES_BY_NAME or name in BUILTIN_THEMES
    async with open_app() as pilot:
        pilot.app.theme = name
        await pilot.pause()
        curves = [style(pilot.app, f"series-{number}").color for number in range(5)]
        assert None not in curves
        assert len(set(curves[:3])) == 3
        assert style(pilot.app, "good").color != style(pilot.app, "bad").color
        if name.startswith("ansi"):
            assert all(colour is not None and colour.number is not None and colour.number < 16 for colour in curves)


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light", "dracula", *THEMES_BY_NAME])
async def test_a_theme_is_the_same_from_the_start_and_changed_to(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def looks(app: App[Any]) -> tuple[object, ...]:
        screen = app.screen
        styles = {one.style for line in screen._compositor.render_strips() for one in line if one.style}
        colours = {(style.color, style.bgcolor) for style in styles}
        filters = [(type(one), getattr(one, "enabled", None)) for one in app._filters]
        return set(app.classes), filters, app.theme_variables, screen.styles.background, colours

    async with open_app() as pilot:
        pilot.app.theme = name
        pilot.app.screen.refresh_runs()  # as it does every second: what the rows are written in is the theme's too
        await settled(pilot)
        changed = looks(pilot.app)
    monkeypatch.setenv("NLU_RL_THEME", name)
    async with open_app() as pilot:
        assert looks(pilot.app) == changed
