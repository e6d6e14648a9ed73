"""The runs' screen: what it shows, and every key of it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run, list_runs, open_run
from nlu_rl.runs.status import Status, write_status
from nlu_rl.tui.keys import KEYS
from nlu_rl.tui.screens.compare import CompareScreen
from nlu_rl.tui.screens.dialogs import HelpDialog, ProblemDialog, TypedDialog
from nlu_rl.tui.screens.home import HomeScreen
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.widgets.enter_table import OpenTable
from nlu_rl.tui.widgets.filter_bar import FilterBar
from tui.conftest import Open, screen_text, settled
from tui.recorded import line, record, step_line

pytestmark = pytest.mark.anyio


def names(home: Any) -> list[str]:
    assert isinstance(home, HomeScreen)
    return home.shown_names


async def test_an_empty_home_says_what_to_press(open_app: Open) -> None:
    async with open_app((80, 24)) as pilot:
        shown = screen_text(pilot)
        for words in ("There is no run yet", "n   New run", "D   Demo"):
            assert words in shown


async def test_the_demo_is_asked_for(open_app: Open) -> None:
    async with open_app((80, 24)) as pilot:
        await pilot.press("D")
        assert "enter Start it" in screen_text(pilot)
        assert "esc   Cancel" in screen_text(pilot)


async def test_keys_reach_an_empty_home_after_a_dialog(open_app: Open) -> None:
    async with open_app() as pilot:
        await pilot.press("question_mark", "escape", "question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 55)])
async def test_every_run_is_shown_with_its_state_in_words(open_app: Open, runs: Path, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        shown = screen_text(pilot)
        for words in ("✔ done", "● run", "? lost", "✖ fail", "40/40", ".900", "1 running", "▁"):
            assert words in shown
        assert "? Help" in shown.splitlines()[-1]


async def test_the_preview_explains_a_failure(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        assert names(pilot.app.screen)[0] == "failed-run"
        assert "There was not enough memory. Use less." in screen_text(pilot)


async def test_filter_sort_and_mark(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("slash", *"lost", "enter")
        assert names(pilot.app.screen) == ["lost-run"]
        await pilot.press("escape")
        assert len(names(pilot.app.screen)) == 4
        bar = pilot.app.screen.query_one(FilterBar)
        for leave in ("enter", "tab"):  # left empty, it goes away
            await pilot.press("slash")
            assert bar.is_open
            await pilot.press(leave)
            await settled(pilot)
            assert not bar.is_open
        await pilot.press("o")
        assert names(pilot.app.screen) == ["done-run", "failed-run", "live-run", "lost-run"]
        await pilot.press("space")
        assert "* " in screen_text(pilot)


async def test_more_runs_than_fit_are_not_scrolled_sideways(open_app: Open, home: Path) -> None:
    for number in range(20):
        record(home, f"run-{number}", steps=1)
    async with open_app((80, 24)) as pilot:
        table = pilot.app.screen.query_one(OpenTable)
        assert table.show_vertical_scrollbar
        assert not table.show_horizontal_scrollbar


async def test_home_and_end_go_to_the_first_and_the_last_run(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        table = pilot.app.screen.query_one(OpenTable)
        await pilot.press("end")
        assert table.cursor_row == 3
        await pilot.press("home")
        assert table.cursor_row == 0


async def test_enter_opens_the_monitor_and_escape_comes_back(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MonitorScreen)
        assert pilot.app.screen.run.name == "lost-run"
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_a_mark_counts_whether_the_filter_shows_its_run_or_not(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("o", "space", "space", "slash", *"done-run", "enter", "c")
        await settled(pilot)
        assert isinstance(pilot.app.screen, CompareScreen)
        assert {run.name for run in pilot.app.screen.runs} == {"failed-run", "live-run"}


async def test_deleting_wants_the_name_typed_and_can_be_undone(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("d")
        assert isinstance(pilot.app.screen, TypedDialog)
        await pilot.press(*"wrong", "enter")
        assert "'wrong' does not match: type failed-run" in screen_text(pilot)
        await pilot.press("x")
        assert "does not match" not in screen_text(pilot)
        await pilot.press("escape")
        assert len(list_runs()) == 4
        await pilot.press("d", *"failed-run", "enter")
        await settled(pilot)
        assert names(pilot.app.screen) == ["lost-run", "live-run", "done-run"]
        await pilot.press("u")
        await settled(pilot)
        assert "failed-run" in names(pilot.app.screen)


async def test_a_finished_evaluation_shows_its_score(open_app: Open, runs: Path) -> None:
    made = create_run(runs / "runs", "eval-base", Job("evaluate", {"task": "sst2"}), exact=True)
    made.result_path.write_text(json.dumps({"metric": "accuracy", "scores": {"accuracy": 0.75}}))
    write_status(made, Status(kind="evaluate", state="done", heartbeat=time.time(), started=time.time()))
    async with open_app() as pilot:
        shown = next(line for line in screen_text(pilot).splitlines() if "eval-base" in line)
        assert ".750" in shown


async def test_a_live_run_is_not_deleted(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("down", "down", "d")
        await settled(pilot)
        assert isinstance(pilot.app.screen, HomeScreen)
        told = [notice.message for notice in pilot.app._notifications]
        assert told == ["live-run stays here: live-run is at work. Stop it first."]


async def test_help_names_every_key(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)
        shown = screen_text(pilot)
        for key in KEYS["home"]:
            assert key.about in shown


async def test_the_palette_offers_the_keys(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        offered = {command.help for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {key.about for key in KEYS["home"]} <= offered
        titles = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert len(titles) == len(set(titles))


async def test_quitting_asks_while_a_run_is_live(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("q")
        assert "Detach: close this screen, training goes on" in screen_text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("q", "d")
        await pilot.pause()
        assert not pilot.app.is_running


async def test_ctrl_q_asks_too_and_only_once(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        await pilot.press("ctrl+q")
        assert "Detach: close this screen, training goes on" in screen_text(pilot)
        await pilot.press("ctrl+q", "escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("ctrl+q", "d")
        await pilot.pause()
        assert not pilot.app.is_running


async def test_a_resize_keeps_everything_on_the_screen(open_app: Open, runs: Path) -> None:
    async with open_app((200, 55)) as pilot:
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        for widget in pilot.app.screen.focus_chain:
            assert pilot.app.screen.region.contains_region(widget.region)
        assert all(len(line) <= 80 for line in screen_text(pilot).splitlines())


async def test_damaged_runs_are_listed_with_what_is_wrong(open_app: Open, runs: Path) -> None:
    folder = runs / "runs"
    (folder / "done-run" / "status.json").write_text('{"state": "done", "step": "many"}')
    (folder / "failed-run" / "recipe.yaml").write_text("tasks: 5")
    (folder / "lost-run" / "job.json").write_text("{")
    (folder / "stranger").mkdir()
    (folder / ".hidden").mkdir()
    (folder / "a-file").touch()
    async with open_app() as pilot:
        pilot.app.screen.refresh_runs()  # the first frame takes a run's recipe from its job.json
        await settled(pilot)
        assert names(pilot.app.screen) == ["lost-run", "failed-run", "live-run", "done-run", "stranger"]
        shown = screen_text(pilot)
        assert shown.count("✖ bad") == 3
        assert "? lost  done-run" in shown
        assert "its job.json is damaged" in shown
        await pilot.press("down")
        assert "Its recipe.yaml is missing or damaged" in screen_text(pilot)
        await pilot.press("down", "down")
        assert "The status of the run is missing or damaged" in screen_text(pilot)
        await pilot.press("down", "enter")
        assert isinstance(pilot.app.screen, ProblemDialog)
        await pilot.press("escape", "d", *"stranger", "enter")
        await settled(pilot)
        assert "stranger" not in names(pilot.app.screen)
        await pilot.press("u")
        await settled(pilot)
        assert "stranger" in names(pilot.app.screen)
        assert list((folder / "stranger").iterdir()) == []


async def test_an_unexpected_error_is_a_dialog_and_the_screen_lives_on(
    open_app: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(HomeScreen, "action_sort", broken)
    async with open_app(strict=False) as pilot:
        await pilot.press("o")
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert "ZeroDivisionError: oh" in screen_text(pilot)
        assert list((runs / "logs").glob("nlu-rl-error-*"))
        await pilot.press("escape", "slash", *"done")
        await settled(pilot)
        assert names(pilot.app.screen) == ["done-run"]


async def test_marked_runs_are_compared(open_app: Open, runs: Path) -> None:
    async with open_app((120, 36)) as pilot:
        await pilot.press("c")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("space", "space", "c")
        await settled(pilot)
        shown = screen_text(pilot)
        for words in ("A failed-run", "B lost-run", "score", "best score", "e evaluates A, B on the same rows"):
            assert words in shown
        await pilot.press("m", "S", "L", "d")
        await settled(pilot)
        shown = screen_text(pilot)
        assert "reward   m: next metric" in shown
        assert "has no curve" not in shown
        assert "smollm2-135m" in shown  # a setting that does not differ
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_a_run_without_a_curve_says_why(open_app: Open, runs: Path) -> None:
    supervised = record(runs, "sft-run", method="sft", steps=2)
    supervised.events_path.write_text(line(type="step", step=1, metrics={"loss": 0.5, "step_seconds": 1.0}))
    empty = record(runs, "young-run", "training", steps=0)
    chosen = [open_run("done-run"), supervised, empty]
    async with open_app((120, 36)) as pilot:
        await pilot.app.push_screen(CompareScreen(chosen))
        await settled(pilot)
        shown = screen_text(pilot)
        assert "B has no curve: no validation yet   C has no curve: no step yet" in shown
        await pilot.press("m")
        await settled(pilot)
        assert "B has no curve: supervised training has none" in screen_text(pilot)


async def test_runs_without_a_score_are_compared_by_what_they_have(open_app: Open, runs: Path) -> None:
    for name in ("failed-run", "lost-run"):
        path = runs / "runs" / name / "events.jsonl"
        path.write_text(step_line(1, 3, kl=0.5).replace("reward", "prize").replace('"accuracy"', '"luck"'))
    async with open_app((120, 36)) as pilot:
        await pilot.press("space", "space", "c", "d")
        await settled(pilot)
        shown = screen_text(pilot)
        assert "loss   m: next metric" in shown
        assert "━ A 1.000" in shown
        assert "sst2" in shown
        assert "A has no curve: no step yet" not in shown
        assert "[" not in shown  # a list is not shown as the program writes it
        await pilot.press("m", "m", "m", "m")
        await settled(pilot)
        assert "loss   m: next metric" in screen_text(pilot)
