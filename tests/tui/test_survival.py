"""What goes wrong around the interface is told in it, and it goes on: dead workers, full disks, clocks that are set."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widget import Widget

from nlu_rl.errors import RunError
from nlu_rl.runs import control, files, health
from nlu_rl.runs.layout import open_run
from nlu_rl.tui.drawing import NOTE
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.home import HomeScreen
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.widgets.hardware_panel import HardwarePanel
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.sample_table import SampleTable
from tui.conftest import Open, screen_text, settled
from tui.recorded import DEAD_PID

pytestmark = pytest.mark.anyio


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def change_status(name: str, **values: Any) -> None:
    path = open_run(name).status_path
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


async def again(pilot: Any) -> str:
    pilot.app.screen.refresh_run()
    await settled(pilot)
    return screen_text(pilot)


async def test_a_worker_that_dies_while_it_is_watched(open_app: Open, runs: Path) -> None:
    async with open_app(run="live-run") as pilot:
        assert "● TRAINING" in screen_text(pilot)
        change_status("live-run", pid=DEAD_PID, heartbeat=time.time() - 20)
        shown = await again(pilot)
        assert "? LOST" in shown
        assert "resume live-run" in " ".join(shown.split())


async def test_a_draft_on_a_full_disk_is_a_message(open_app: Open, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_app() as pilot:
        await pilot.press("n")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        monkeypatch.setattr(files.os, "replace", full)
        screen.draft = screen.draft.changed("seed=99")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert "No space left on the disk to keep the draft." in screen_text(pilot)
        await pilot.press("escape")
        screen.draft = screen.draft.changed("seed=100")
        await settled(pilot)
        assert pilot.app.screen is screen, "it is told once"
        assert screen.draft.recipe.seed == 100
        await pilot.press("escape")
        await pilot.press("l")
        await settled(pilot)
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_a_request_on_a_full_disk_is_a_message(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(run="live-run") as pilot:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "touch", full)
            await pilot.press("k")
            await settled(pilot)
        assert "No space left on the disk" in screen_text(pilot)
        await pilot.press("escape", "k")
        assert isinstance(pilot.app.screen, MonitorScreen)
        assert control.pending(open_run("live-run")) == {"checkpoint"}


@pytest.mark.parametrize("ahead", [86_400.0, -86_400.0])
async def test_a_clock_that_is_set_raises_no_alarm(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    change_status("live-run", heartbeat=time.time())
    async with open_app((80, 24), run="live-run") as pilot:
        change_status("live-run", heartbeat=time.time() + 1)
        await again(pilot)
        monkeypatch.setattr(health, "LATE_SECONDS", 60.0)
        now: Callable[[], float] = time.time
        monkeypatch.setattr(time, "time", lambda: now() + ahead)
        shown = await again(pilot)
        assert "● TRAINING" in shown
        assert "No sign of life" not in shown
        await pilot.press("escape")
        await settled(pilot)
        assert "● run" in screen_text(pilot)


async def test_a_run_of_the_future_and_one_whose_clock_was_set_back(open_app: Open, runs: Path) -> None:
    later = time.time() + 86_400
    os.utime(open_run("done-run").job_path, (later, later))
    path = open_run("done-run").events_path
    events = [json.loads(text) for text in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**event, "t": later - 60 * n}) + "\n" for n, event in enumerate(events)))
    async with open_app((120, 36)) as pilot:
        line = next(text for text in screen_text(pilot).splitlines() if " done-run " in text and "40/40" in text)
        assert line.split()[-2] == "0s"
        await pilot.press("home", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MonitorScreen)
        await pilot.press("w")
        await settled(pilot)
        assert "0.0 s" in screen_text(pilot)
        assert "-0.0 s" not in screen_text(pilot)


async def test_an_error_in_a_library_that_draws_is_a_dialog(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlu_rl.tui.widgets import line_chart

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("from a library")

    async with open_app(run="live-run", strict=False) as pilot:
        monkeypatch.setattr(line_chart, "raster", broken)
        pilot.app.screen.query_one("#panel-1").refresh()
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert "RuntimeError: from a library" in screen_text(pilot)
        monkeypatch.undo()


@pytest.mark.parametrize("kind", [LineChart, SampleTable, HardwarePanel])
async def test_what_cannot_be_drawn_leaves_the_rest_and_the_keys(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Widget]
) -> None:
    def render(self: Widget, *_: int) -> None:  # by their names the frames of drawing are known
        raise RuntimeError("from a library")

    def render_line(self: Widget, y: int) -> None:
        raise RuntimeError("from a library")

    async with open_app(run="live-run", strict=False) as pilot:
        with monkeypatch.context() as patch:
            broken = render_line if kind is SampleTable else render
            patch.setattr(kind, broken.__name__, broken)
            for widget in pilot.app.screen.query(kind):
                widget.styles.height = "auto" if kind is HardwarePanel else widget.styles.height  # drawn to be measured
                widget.refresh(layout=True)
            await settled(pilot)
            assert isinstance(pilot.app.screen, ProblemDialog)
        assert "RuntimeError: from a library" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MonitorScreen)
        assert NOTE in screen_text(pilot)
        await pilot.press("escape", "slash", *"done")
        await settled(pilot)
        assert "done-run" in screen_text(pilot)
        assert "lost-run" not in screen_text(pilot)


@pytest.mark.parametrize("keys", [(), ("enter",), ("e",), ("space", "space", "c"), ("n",)])
async def test_what_fails_in_a_thread_is_told_once(open_app: Open, runs: Path, keys: tuple[str, ...]) -> None:
    async with open_app() as pilot:
        pilot.app.screen.query_one("#runs").move_cursor(row=pilot.app.screen.shown_names.index("done-run") - 1)
        await settled(pilot)
        if "c" not in keys:
            await pilot.press("down")
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

        def fail() -> None:
            raise RunError("It went wrong.", "Do it again.")

        screens = len(pilot.app.screen_stack)
        pilot.app.screen.in_background(fail, lambda _: None, group="job")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert len(pilot.app.screen_stack) == screens + 1
