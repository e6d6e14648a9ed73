"""Whoever only looks on sees everything and starts, changes and removes nothing."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nlu_rl.runs import control
from nlu_rl.runs.layout import list_runs, open_run
from nlu_rl.tui import READ_ONLY, keys
from nlu_rl.tui.screens.home import HomeScreen
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def looking_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")


def told(pilot: Pilot[Any]) -> list[str]:
    return [notice.message for notice in pilot.app._notifications]


def files(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("screen", "opens"), [("home", ""), ("monitor", "enter"), ("evaluate", "e"), ("export", "x")])
async def test_no_key_changes_anything(open_app: Open, runs: Path, screen: str, opens: str) -> None:
    async with open_app() as pilot:
        if opens:
            while pilot.app.screen.current.name != "done-run":
                await pilot.press("down")
            await pilot.press(opens)
            await settled(pilot)
        assert screen == pilot.app.screen.KEYS_NAME
        before, shown = files(runs), pilot.app.screen
        for key in keys.keys_of(screen):
            if key.changes:
                await pilot.press(key.key)
                await settled(pilot)
                assert pilot.app.screen is shown, key
                assert "only looks on" in told(pilot)[-1]
        assert files(runs) == before


async def test_a_live_run_is_asked_for_nothing_and_leaving_offers_nothing(open_app: Open, runs: Path) -> None:
    async with open_app(run="live-run") as pilot:
        await pilot.press("space", "k", "s", "r")
        await settled(pilot)
        assert control.pending(open_run("live-run")) == set()
        await pilot.press("escape", "ctrl+q")
        await settled(pilot)
        assert not pilot.app.is_running or isinstance(pilot.app.screen, HomeScreen)
        assert len(list_runs()) == 4


async def test_help_footer_and_palette_have_no_such_key(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        assert "read-only" in screen_text(pilot)
        assert " n New" not in screen_text(pilot)
        offered = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert "Compare" in offered
        assert not offered & {"New", "Delete", "Resume", "Demo", "Undelete", "Chat"}
        await pilot.press("question_mark")
        await settled(pilot)
        assert "Lay the curves" in screen_text(pilot)
        assert "New run:" not in screen_text(pilot)


async def test_an_empty_home_asks_for_nothing(open_app: Open, home: Path) -> None:
    async with open_app() as pilot:
        assert "There is no run yet" in screen_text(pilot)
        assert "New run" not in screen_text(pilot)
