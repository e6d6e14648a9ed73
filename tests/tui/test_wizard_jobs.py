"""What the wizard does besides starting a run: own rows, a dry run, drafts and texts that are kept, a saved recipe."""

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from nlu_rl.recipe import load_recipe
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.tui import jobs, operations
from nlu_rl.tui.draft import first_draft
from nlu_rl.tui.screens.import_rows import ImportDialog
from nlu_rl.tui.screens.run_starter import STARTING
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.screens.yaml_editor import wrong_line
from tui.conftest import Open, screen_text, settled, until
from tui.recorded import record
from tui.test_wizard import ready, step

__all__ = ["ready"]
pytestmark = pytest.mark.anyio


def write_table(path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["body", "topic"])
        rows.writerows([f"the text {n} is about {n} things", "sport" if n % 2 else "trade"] for n in range(40))


async def test_own_rows_become_a_task(open_app: Open, ready: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "rows.csv")
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "i")
        dialog = pilot.app.screen
        assert isinstance(dialog, ImportDialog)
        dialog.query_one("#path").value = str(tmp_path / "no.csv")
        assert "✖" in await step(pilot, "enter")
        dialog.query_one("#path").value = str(tmp_path / "rows.csv")
        shown = await step(pilot, "enter")
        assert "label topic" in shown
        assert not (tmp_path / "rows.yaml").exists()
        await step(pilot, "enter")
        assert (tmp_path / "rows.yaml").exists()
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        assert screen.draft.recipe.tasks == [str(tmp_path / "rows.yaml")]
        shown = await step(pilot, "enter")
        assert all(name in shown for name in ("sst2-ppo", "sst2-sft", "sst2-grpo"))
        assert "demo" not in shown
        await step(pilot, "down")
        assert screen.draft.path.stem == "sst2-sft"
        assert screen.draft.recipe.tasks == [str(tmp_path / "rows.yaml")]
        await step(pilot, "u", "u")  # what is left to undo is not the task
        assert screen.draft.recipe.tasks == [str(tmp_path / "rows.yaml")]


@pytest.mark.parametrize("rest", ["", "another,trade\n"])  # the second is one answer, which makes no task
async def test_a_table_whose_rows_cannot_be_read_says_which_line(
    open_app: Open, ready: Path, tmp_path: Path, rest: str
) -> None:
    (tmp_path / "rows.csv").write_text(f'body,topic\n"it never closes,sport\n{rest}')
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "i")
        pilot.app.screen.query_one("#path").value = str(tmp_path / "rows.csv")
        shown = " ".join((await step(pilot, "enter")).replace("│", " ").split())
        assert "line 2: a quotation mark opens on line 2" in shown
        assert "has no rows" not in shown


async def type_into(pilot: Pilot[Any], knob: int, *texts: str) -> Input:
    """Have one text after the other in a field of the recipe."""
    field: Input = pilot.app.screen.query_one(f"#knob-{knob}", Input)
    field.focus()
    for text in texts:
        field.value = text
        await settled(pilot)
    return field


async def test_a_draft_that_is_left_comes_back_and_can_be_dropped(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n")
        pilot.app.screen.draft = pilot.app.screen.draft.changed("train.max_steps=9")
        await step(pilot, "escape", "l")
        await step(pilot, "n")
        assert pilot.app.screen.draft.recipe.train.max_steps == 9
        await step(pilot, "ctrl+r")
        assert pilot.app.screen.draft == first_draft()
        assert not list(ready.rglob(".draft-*.json"))


async def test_a_draft_outlives_the_process_at_every_moment(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "3")
        await type_into(pilot, 2, "7")
        changed = pilot.app.screen.draft
        assert changed != first_draft()
        recipe = json.loads((ready / "runs" / ".draft-1.json").read_text())["recipe"]
        assert changed.edited(recipe) == changed, "while the wizard is open"


async def test_two_interfaces_have_a_draft_each(open_app: Open, ready: Path) -> None:
    async with open_app() as one, open_app() as two:
        await step(one, "n")
        one.app.screen.draft = first = first_draft().changed("seed=7")
        await step(two, "n")
        assert two.app.screen.draft == first_draft()
        two.app.screen.draft = second = first_draft().changed("seed=8")
        assert one.app.screen.draft == first
        await step(one, "escape", "l")
        await step(one, "n")
        assert one.app.screen.draft == first
        await step(two, "escape", "l")
        await step(two, "n")
        assert two.app.screen.draft == second


async def test_what_is_refused_in_a_field_outlives_the_process_and_the_way_back(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "3")
        await type_into(pilot, 1, "4", "4x")
        assert "✖" in screen_text(pilot)
        await step(pilot, "escape", "escape")
        await step(pilot, "3")
        assert pilot.app.screen.query_one("#knob-1", Input).value == "4x", "going back loses nothing"
    async with open_app() as pilot:  # the first was killed
        await step(pilot, "n")
        shown = await step(pilot, "4")
        assert "[3 Recipe]" in shown, "it is still refused"
        assert pilot.app.screen.query_one("#knob-1", Input).value == "4x"
        assert "✖" in shown
        await step(pilot, "escape", "u")
        assert pilot.app.screen.query_one("#knob-1", Input).value == "4"
        assert "[4 Review]" in await step(pilot, "4")


async def test_a_text_that_is_being_written_is_never_lost(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter", "enter", "a")
        assert "x: [" in await step(pilot, *"x: [")
    async with open_app() as pilot:  # the first was killed
        shown = await step(pilot, "n", "enter", "enter", "a")
        assert "as you were writing it" in shown
        assert pilot.app.screen.query_one(TextArea).text.startswith("x: [")
        assert "Leave the text?" in await step(pilot, "escape")
        await step(pilot, "escape")
        assert pilot.app.screen.query_one(TextArea).text.startswith("x: [")
        await step(pilot, "escape", "d")
        assert isinstance(pilot.app.screen, WizardScreen)
        await step(pilot, "a")
        assert "x: [" not in pilot.app.screen.query_one(TextArea).text
        await step(pilot, "escape")
        assert isinstance(pilot.app.screen, WizardScreen), "nothing was changed, so nothing is asked"


async def test_a_text_that_is_being_written_keeps_its_place_when_the_terminal_changes(
    open_app: Open, ready: Path
) -> None:
    async with open_app((80, 24)) as pilot:
        await step(pilot, "n", "3")
        await step(pilot, "a")
        area = pilot.app.screen.query_one(TextArea)
        area.move_cursor((area.document.line_count - 1, 0))
        await settled(pilot)
        await pilot.resize_terminal(100, 20)
        await settled(pilot)
        top = area.scroll_offset.y
        assert top <= area.cursor_location[0] < top + area.size.height


async def test_the_cursor_of_the_runs_is_on_one_that_was_started(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ready, "first-run")
    record(ready, "second-run")
    go_on = threading.Event()

    def start(path: Path, recipe: object) -> RunDirectory:
        assert go_on.wait(60)
        return record(ready, "started-run")

    monkeypatch.setattr(operations, "start", start)
    async with open_app() as pilot:
        await step(pilot, "down")
        await step(pilot, "n", "4")
        await until(pilot, "[4 Review]")
        pilot.app.screen._start()
        await pilot.press("escape")
        told = [notice.message for notice in pilot.app._notifications]
        assert told == [STARTING, "The run is being started."]
        assert "[4 Review]" in screen_text(pilot)
        go_on.set()
        await until(pilot, "started-run")
        assert not pilot.app._notifications
        await step(pilot, "escape")
        await until(pilot, "second-run")
        assert pilot.app.screen.current.name == "started-run"


async def test_a_run_to_start_from_is_there(open_app: Open, ready: Path) -> None:
    record(ready, "first-run")
    async with open_app() as pilot:
        await step(pilot, "n", "3")
        field = await type_into(pilot, 10, "first-rum")
        assert pilot.app.screen.draft.recipe.start_from is None
        assert "first-run" in str(pilot.app.screen.query_one("#note-10").content), "did you mean"
        await type_into(pilot, 1, "7x", "7")
        assert pilot.app.screen.draft.recipe.train.max_steps == 7
        assert pilot.app.screen.draft.recipe.start_from is None
        assert "✖" in str(pilot.app.screen.query_one("#note-10").content)
        field.value = "first-run"
        await settled(pilot)
        assert pilot.app.screen.draft.recipe.start_from == "first-run"


async def test_a_recipe_is_saved_and_run_by_its_name(open_app: Open, ready: Path, tmp_path: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n")
        pilot.app.screen.draft = pilot.app.screen.draft.changed("seed=7")
        await step(pilot, "ctrl+s")
        pilot.app.screen.query_one("Input").value = str(tmp_path / "mine")
        await step(pilot, "enter")
        assert load_recipe(tmp_path / "mine.yaml").seed == 7
        assert pilot.app.screen.draft.command == f"nlu-rl run {tmp_path / 'mine.yaml'}"


async def test_a_dry_run_measures_and_leaves_nothing(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(path: Path, recipe: object) -> RunDirectory:
        job = record(ready, "trial", steps=3, total=3)
        place = jobs.jobs_dir() / "trial"
        place.parent.mkdir(parents=True, exist_ok=True)
        job.path.rename(place)
        return RunDirectory(place)

    monkeypatch.setattr(jobs, "start_trial", start)
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "enter")
        await step(pilot, "enter")
        await until(pilot, "longest prompt looked at")
        await step(pilot, "d")
        shown = await until(pilot, "It runs here")
        assert "measured just now" in shown
        assert list_runs(jobs.jobs_dir()) == []
        assert list_runs() == []


def test_the_line_that_is_wrong_is_found() -> None:
    text = "seed: 1\ntrain:\n  max_steps: x\nevaluate:\n  every: 3\n"
    assert wrong_line(text, "recipe: train.max_steps: Input should be a valid integer") == 3
    assert wrong_line(text, "not valid YAML, line 2") == 2
    assert wrong_line(text, "something else") is None
