"""What rests: the pointer on a run, and what is painted while nothing changes."""

import time
from pathlib import Path

import pytest

from nlu_rl.tui.screens import monitor
from nlu_rl.tui.widgets.enter_table import OpenTable
from tui.conftest import Open, settled

pytestmark = pytest.mark.anyio


async def test_the_pointer_on_a_run_is_told_when_it_was_made(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.hover("#runs", offset=(20, 2))
        created = pilot.app.screen._shown[1].created
        told = time.strftime("created %Y-%m-%d %H:%M:%S", time.localtime(created))
        assert pilot.app.screen.query_one(OpenTable).tooltip == told


async def test_a_dialog_over_a_screen_that_is_still_paints_nothing(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "HARDWARE_SECONDS", 1e6)  # what it tells changes
    async with open_app(run="done-run") as pilot:
        await pilot.press("question_mark")
        await settled(pilot)
        pilot.app.screen_stack[-2].query_one("#head").refresh()  # something below changes once
        await settled(pilot)
        painted = []
        monkeypatch.setattr(pilot.app, "_display", lambda *_: painted.append(1))
        await pilot.pause(2.5)
        assert not painted
