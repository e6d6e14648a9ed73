"""Whole screens of recorded runs, as characters, at a fixed time: `make golden` writes them anew, for review."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import write_rows
from nlu_rl.tui.hardware import Usage
from nlu_rl.tui.screens import home as home_screen
from nlu_rl.tui.screens import monitor as monitor_screen
from tui.conftest import Open, screen_text, settled
from tui.recorded import record_evaluation
from tui.recordings import NAMES, NOW, put, put_all

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parent / "golden"
GIB = 2**30
SIZES = [(80, 24), (120, 36)]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose path is always as long, since messages with it are folded."""
    with tempfile.TemporaryDirectory(prefix="nlu-rl-", dir="/tmp") as folder:
        monkeypatch.setenv("NLU_RL_HOME", folder)
        yield Path(folder)


@pytest.fixture
def still(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home at a fixed time, on a machine whose hardware does the same always."""
    now = Usage(
        busy=0.31, used_bytes=9.8 * GIB, total_bytes=32 * GIB, free_disk_bytes=212e9, disk_bytes=500e9, cards=()
    )
    monkeypatch.setattr(home_screen, "usage", lambda: now)
    monkeypatch.setattr(monitor_screen, "usage", lambda: now)
    monkeypatch.setattr(monitor_screen, "HARDWARE_SECONDS", 1e6)  # how busy it was is looked at once
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setenv("NLU_RL_ASCII", "0")
    return home


def compare(pilot: Any, name: str) -> None:
    """Hold the screen against the golden one, or write it."""
    width, height = pilot.app.size
    path = GOLDEN / f"{name}-{width}x{height}.txt"
    shown = screen_text(pilot).replace(str(os.environ["NLU_RL_HOME"]), "~") + "\n"
    if os.environ.get("NLU_RL_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else "(there is none yet)"
    assert shown == expected, f"{path} differs; look at both, and write it with 'make golden' if the new one is right"


@pytest.mark.parametrize("size", [*SIZES, (200, 55)])
async def test_the_runs(open_app: Open, still: Path, size: tuple[int, int]) -> None:
    put_all(still)
    async with open_app(size) as pilot:
        await pilot.press("down", "down")
        await settled(pilot)
        compare(pilot, "home")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
async def test_the_monitor_of(open_app: Open, still: Path, name: str, size: tuple[int, int]) -> None:
    put(still, name)
    async with open_app(size, run=name) as pilot:
        await settled(pilot)
        compare(pilot, f"monitor-{name}")


async def test_the_monitor_where_there_is_room(open_app: Open, still: Path) -> None:
    put(still, "grpo_done")
    async with open_app((200, 55), run="grpo_done") as pilot:
        await settled(pilot)
        compare(pilot, "monitor-grpo_done")


async def test_ascii(open_app: Open, still: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLU_RL_ASCII", "1")
    put_all(still)
    async with open_app((80, 24)) as pilot:
        compare(pilot, "home-ascii")
    async with open_app((120, 36), run="grpo_done") as pilot:
        compare(pilot, "monitor-ascii")


async def test_without_colour_the_screen_says_the_same(
    open_app: Open, still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(still)
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app((120, 36)) as pilot:
        await pilot.press("down", "down")
        await settled(pilot)
        compare(pilot, "home")
        strips = pilot.app.screen._compositor.render_strips()
        styles = {segment.style for strip in strips for segment in strip if segment.style}
        assert all(one.color is None or one.color.is_default for one in styles)
        assert all(one.bgcolor is None or one.bgcolor.is_default for one in styles)
        reversed_lines = [strip for strip in strips if any(one.style and one.style.reverse for one in strip)]
        (cursor,) = ["".join(segment.text for segment in strip) for strip in reversed_lines]
        assert "ppo_failed_oom" in cursor  # what only its background told of is reversed


@pytest.mark.parametrize("size", SIZES)
async def test_a_sample_and_the_keys(open_app: Open, still: Path, size: tuple[int, int]) -> None:
    put(still, "grpo_done")
    async with open_app(size, run="grpo_done") as pilot:
        await pilot.press("question_mark")
        await settled(pilot)
        compare(pilot, "monitor-help")
        await pilot.press("escape", "7")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        compare(pilot, "sample")


async def test_runs_side_by_side(open_app: Open, still: Path) -> None:
    put(still, "grpo_done")
    put(still, "ppo_failed_oom")
    async with open_app((120, 36)) as pilot:
        await pilot.press("space", "space", "c")
        await settled(pilot)
        compare(pilot, "compare")


@pytest.mark.parametrize("size", SIZES)
async def test_evaluations_and_an_export(
    open_app: Open, still: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    write_rows("sst2")
    run = put(still, "grpo_done")
    record_evaluation(None, "--++?-+-")
    record_evaluation(run, "-+-+-++-")
    async with open_app(size, run="grpo_done") as pilot:
        await pilot.press("e")
        await settled(pilot)
        compare(pilot, "evaluate")
        await pilot.press("n")
        await settled(pilot)
        compare(pilot, "evaluate-form")
        await pilot.press("escape", "x")
        await settled(pilot)
        compare(pilot, "export")
