"""The monitor of live, finished, lost and broken runs, at every size."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.runs import control
from nlu_rl.runs.events import EventReader
from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.resume import requeue
from nlu_rl.runs.status import read_status, write_status
from nlu_rl.tui.hardware import Card, Usage
from nlu_rl.tui.screens import monitor
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.monitor import PANELS, MonitorScreen
from nlu_rl.tui.widgets.hardware_panel import HardwarePanel
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.sample_table import SampleTable
from tui.conftest import Open, screen_text, settled
from tui.recorded import line, record, step_line

pytestmark = pytest.mark.anyio


async def again(pilot: Any) -> str:
    """Have the run read once more and return the screen."""
    pilot.app.screen.refresh_run()
    await settled(pilot)
    return screen_text(pilot)


@pytest.mark.parametrize("size", [(120, 36), (200, 55)])
async def test_a_large_terminal_shows_every_panel(open_app: Open, runs: Path, size: tuple[int, int]) -> None:
    async with open_app(size, run="done-run") as pilot:
        shown = screen_text(pilot)
        for number, title in enumerate(PANELS, start=1):
            assert f"{number} {title.replace('HW', 'Hardware')}" in shown
        for words in ("✔ DONE done-run", "step 40/40", "100%", "best .900@40", "▲+1.00", "▼-1.00", "INFO line 299"):
            assert words in shown
        assert "━ smoothed" in shown


async def test_a_small_terminal_shows_one_panel_at_a_time(open_app: Open, runs: Path) -> None:
    async with open_app((80, 24), run="done-run") as pilot:
        assert "[1 Reward]" in screen_text(pilot)
        assert "step 40/40" in screen_text(pilot).splitlines()[0]
        await pilot.press("right_square_bracket")
        await settled(pilot)
        assert "[2 Score]" in screen_text(pilot)
        await pilot.press("7")
        await settled(pilot)
        assert "a charming" in screen_text(pilot)
        await pilot.press("8")
        await settled(pilot)
        assert "disk" in screen_text(pilot)
        await pilot.press("9")
        await settled(pilot)
        assert "INFO line 299" in screen_text(pilot)
        assert "[9 Log]" in screen_text(pilot)
        assert screen_text(pilot).splitlines()[-1].endswith("? Help")


async def test_zoom_and_resize(open_app: Open, runs: Path) -> None:
    async with open_app((120, 36), run="done-run") as pilot:
        await pilot.press("3", "m")
        await settled(pilot)
        assert "1 Reward ─" not in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "1 Reward ─" in screen_text(pilot)
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert "[3 KL]" in screen_text(pilot)
        await pilot.resize_terminal(200, 55)
        await settled(pilot)
        assert "1 Reward ─" in screen_text(pilot)


async def test_pause_resume_and_checkpoint_are_asked_of_the_worker(open_app: Open, runs: Path) -> None:
    run = open_run("live-run")
    async with open_app(run="live-run") as pilot:
        await pilot.press("space", "k")
        assert control.pending(run) == {"pause", "checkpoint"}
        await pilot.press("space")
        assert control.pending(run) == {"checkpoint"}, "a pause that has not come is taken back"


async def test_stopping_asks_how(open_app: Open, runs: Path) -> None:
    run = open_run("live-run")
    async with open_app(run="live-run") as pilot:
        await pilot.press("s")
        assert "Stop live-run at step 12?" in screen_text(pilot)
        assert "resume from checkpoint 12" in screen_text(pilot)
        await pilot.press("escape")
        assert control.pending(run) == set()
        await pilot.press("s", "c")
        assert control.pending(run) == {"stop"}


async def test_a_finished_run_takes_no_requests(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        for key in ("space", "k", "s"):
            await pilot.press(key)
            await pilot.pause()
            assert [notice.message for notice in pilot.app._notifications] == ["Nothing is running here."]
            pilot.app.clear_notifications()
        assert control.pending(open_run("done-run")) == set()
        await pilot.press("r")
        await pilot.pause()
        assert "nothing to resume" in screen_text(pilot)


async def test_new_steps_and_samples_appear(open_app: Open, runs: Path) -> None:
    run = open_run("live-run")
    async with open_app(run="live-run") as pilot:
        before = pilot.app.screen.snapshot.series["reward"]
        with run.events_path.open("a") as file:
            file.write(step_line(13, 40) + '{"half a li')
        await again(pilot)
        assert len(pilot.app.screen.snapshot.series["reward"]) == len(before) + 1


async def test_a_lost_run_says_what_to_do(open_app: Open, runs: Path) -> None:
    async with open_app(run="lost-run") as pilot:
        shown = screen_text(pilot)
        assert "? LOST" in shown
        assert "The worker ended without a word" in shown
        assert "nlu-rl resume lost-run" in " ".join(shown.split())


async def test_a_run_that_cannot_be_read_is_told_once_and_left(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        (runs / "runs" / "lost-run" / "job.json").write_text("{")
        unreadable = MonitorScreen(RunDirectory(runs / "runs" / "lost-run"))
        pilot.app.push_screen(unreadable)
        await settled(pilot)
        unreadable.refresh_run()
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.screen.run.name == "done-run"


async def test_a_removed_folder_is_survived(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        shutil.rmtree(runs / "runs" / "done-run")
        assert "no longer there" in await again(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "lost-run" in screen_text(pilot)


async def test_a_number_that_is_not_finite_raises_the_banner(open_app: Open, runs: Path) -> None:
    run = open_run("live-run")
    async with open_app(run="live-run") as pilot:
        with run.events_path.open("a") as file:
            file.write(line(type="warning", message="Not a finite number at step 12: loss.", step=12))
        shown = await again(pilot)
        assert "Not a finite number at step 12: loss." in shown
        assert "lower train.learning_rate" in shown


async def test_of_100_000_events_few_are_parsed(open_app: Open, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opening a long run costs is what it parses; how long that takes depends on the machine."""
    run = record(home, "long-run", "training", steps=0)
    line = step_line(50_000, 100_000)
    run.events_path.write_text("".join(line.replace("50000", str(step)) for step in range(1, 100_001)))
    parsed: list[bytes] = []
    parse = EventReader._parse
    monkeypatch.setattr(EventReader, "_parse", lambda reader, line: parsed.append(line) or parse(reader, line))
    async with open_app(run="long-run") as pilot:
        assert len(parsed) < 4000
        await again(pilot)
        assert len(parsed) < 4000  # nothing is read twice
        series = pilot.app.screen.snapshot.series["reward"]
        assert series[-1][0] == 100_000
        assert series[0][0] < 1000
        assert len(series) <= 4200


async def test_an_evaluation_shows_its_log_and_result(open_app: Open, home: Path) -> None:
    run = record(home, "eval-1", steps=0)
    run.job_path.write_text(json.dumps({"v": 1, "program": "nlu-rl", "kind": "evaluate", "arguments": {}}))
    run.result_path.write_text(json.dumps({"task": "sst2", "split": "test", "scores": {"accuracy": 0.75}, "n": 4}))
    async with open_app((80, 24), run="eval-1") as pilot:
        shown = screen_text(pilot)
        assert "sst2 · test split · n 4" in shown
        assert "accuracy        .750" in shown
        assert "INFO line 299" in shown
    assert read_status(run).state == "done"


async def test_the_hardware_is_shown_with_cards_where_there_are(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(busy=0.87, used_bytes=15.2 * 2**30, total_bytes=24 * 2**30, celsius=61)
    now = Usage(0.31, 9.8 * 2**30, 32 * 2**30, free_disk_bytes=212e9, disk_bytes=500e9, cards=(card,))
    monkeypatch.setattr(monitor, "usage", lambda: now)
    async with open_app((120, 40), run="live-run") as pilot:
        shown = screen_text(pilot)
        for words in ("GPU0", "87% 61°C", "VRAM", "16.3/26 GB", "CPU", "31%", "10.5/34 GB", "212 GB free"):
            assert words in shown
        panel = pilot.app.screen.query_one(HardwarePanel)
        panel.show(now)
        await pilot.pause()
        assert "▇▇" in screen_text(pilot)  # how busy it was, twice


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [
        ("live-run", ("Pause", "Checkpoint", "Stop…"), ("Resume",)),
        ("paused-run", ("Resume", "Checkpoint", "Stop…"), ("Pause",)),
        ("done-run", ("Eval", "Export", "Try"), ("Pause", "Checkpoint", "Stop…", "Resume")),
        ("lost-run", ("Resume", "Eval"), ("Pause", "Checkpoint", "Stop…")),
        ("young-run", ("Resume", "Eval"), ("Export", "Try", "Stop…")),
        ("eval-run", ("Stop…", "Runs"), ("Pause", "Checkpoint", "Export", "Eval", "Resume", "Zoom")),
    ],
)
async def test_the_footer_has_what_the_state_allows(
    open_app: Open, runs: Path, name: str, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    record(runs, "paused-run", "paused", steps=4)
    record(runs, "young-run", "stopped", steps=0)
    job = record(runs, "eval-run", "evaluating", steps=0)
    job.job_path.write_text(json.dumps({"v": 1, "program": "nlu-rl", "kind": "evaluate", "arguments": {}}))
    async with open_app((80, 24), run=name) as pilot:
        footer = screen_text(pilot).splitlines()[-1]
        assert all(word in footer for word in shown)
        assert not any(word in footer for word in hidden)


async def test_the_footer_follows_the_run(open_app: Open, runs: Path) -> None:
    run = open_run("live-run")
    async with open_app((80, 24), run="live-run") as pilot:
        write_status(run, replace(read_status(run), state="stopped"))
        await again(pilot)
        assert "Resume" in screen_text(pilot).splitlines()[-1]


async def test_the_log_keeps_to_its_end_and_to_its_words(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "REDRAW_SECONDS", 0.0)
    run = open_run("live-run")
    async with open_app((120, 40), run="live-run") as pilot:
        with run.log_path.open("a") as file:
            file.write("2026-11-24 13:23:01,973 WARNING nlu_rl.models.lora: a word of warning\n")
            file.write("2026-11-24 13:23:02,000 INFO nlu_rl.models.lora: LoRA on 210 modules\n")
        shown = await again(pilot)
        assert "13:23:01 WARNING a word of warning" in shown
        assert "13:23:02 LoRA on 210 modules" in shown


async def test_a_warning_of_python_is_one_line(open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "REDRAW_SECONDS", 0.0)
    run = open_run("live-run")
    async with open_app((120, 60), run="live-run") as pilot:
        with run.log_path.open("a") as file:
            for number in range(2):
                file.write(f"/a/long/path/to/torch/optim.py:{80 + number}: UserWarning: call step first\n")
                file.write("  warnings.warn(\n")
            file.write("b.py:1: FutureWarning: it says\nin two lines\n  warnings.warn(message)\n")
            file.write("c.py:1: FutureWarning: soon\n  deprecated(old)\n  an indented line of a library\n")
        await pilot.press("9", "m")
        shown = await again(pilot)
        assert "UserWarning: call step first  (optim.py:81)" in shown
        assert "warnings.warn(" not in shown
        assert "deprecated(old)" not in shown
        assert "/a/long" not in shown
        assert "  an indented line of a library" in shown


async def test_a_run_that_is_being_resumed_shows_nothing_of_what_it_will_do_again(open_app: Open, runs: Path) -> None:
    run = open_run("lost-run")
    async with open_app(run="lost-run") as pilot:
        chart = pilot.app.screen.query_one("#panel-1", LineChart)
        assert chart.curves
        assert pilot.app.screen.query_one(SampleTable).samples
        shutil.rmtree(run.checkpoints_dir)  # it was killed before there was one
        assert requeue(run) == 0
        pilot.app.screen.refresh_run()
        await settled(pilot)
        assert not chart.curves
        assert not pilot.app.screen.query_one(SampleTable).samples
