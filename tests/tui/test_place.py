"""A tab that is loaded again comes back to where it was: the screen, its step, the marks, and what was typed."""

import re
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from cli.conftest import write_rows
from nlu_rl.evaluation import chat_protocol
from nlu_rl.tui import operations
from nlu_rl.tui.screens.chat import ChatScreen
from nlu_rl.tui.screens.compare import CompareScreen
from nlu_rl.tui.screens.evaluate import EvaluateScreen
from nlu_rl.tui.screens.export import ExportScreen
from nlu_rl.tui.screens.home import HomeScreen
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.widgets import task_step
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def place(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a tab, in a home with rows, where nothing is ever launched or rendered."""
    write_rows("sst2")
    write_rows("movie-snippets")
    monkeypatch.setattr(task_step, "rendered_prompts", lambda model, chats: [{"text": "x", "tokens": 9}] * len(chats))
    for module in (operations, chat_protocol):
        monkeypatch.setattr(module, "launch", lambda run: 0)
    monkeypatch.setenv("NLU_RL_PLACE", str(home / "place"))
    return home / "place"


def head(pilot: Any) -> str:
    """Return the first lines but for ages."""
    return re.sub(r"\d", "", "\n".join(screen_text(pilot).splitlines()[2:5]))


async def press(pilot: Any, *keys: str) -> Any:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)
    return pilot.app.screen


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ((), HomeScreen),
        (("enter",), MonitorScreen),
        (("e",), EvaluateScreen),
        (("x",), ExportScreen),
        (("t",), ChatScreen),
        (("n",), WizardScreen),
        (("space", "space", "c"), CompareScreen),
        (("enter", "escape"), HomeScreen),
        (("n", "escape"), HomeScreen),
    ],
)
async def test_the_screen(open_app: Open, runs: Path, keys: tuple[str, ...], kind: type) -> None:
    async with open_app() as pilot:
        assert type(await press(pilot, *keys)) is kind
        before = head(pilot)
    async with open_app() as pilot:
        assert type(pilot.app.screen) is kind
        assert head(pilot) == before
        while len(pilot.app.screen_stack) > 1:
            await press(pilot, "escape")
        assert isinstance(pilot.app.screen, HomeScreen)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
async def test_the_step_of_the_wizard(open_app: Open, runs: Path, place: Path, step: int) -> None:
    async with open_app() as pilot:
        await press(pilot, "n", *["enter"] * (step - 1))
        assert f"[{step} " in screen_text(pilot)
        written = place.read_text()
    async with open_app() as pilot:
        assert f"[{step} " in screen_text(pilot)
        assert place.read_text() == written
        await press(pilot, *["escape"] * (step - 1))
        assert "[1 Model]" in screen_text(pilot)


async def test_marks_and_what_is_compared(open_app: Open, runs: Path) -> None:
    async with open_app() as pilot:
        home = await press(pilot, "down", "space", "space")
        marked, at = set(home._marked), home.current.name
        assert len(marked) == 2
    async with open_app() as pilot:
        assert (pilot.app.screen._marked, pilot.app.screen.current.name) == (marked, at)
        await press(pilot, "c")
    async with open_app() as pilot:
        assert {run.name for run in pilot.app.screen.runs} == marked
        assert (await press(pilot, "escape"))._marked == marked


@pytest.mark.parametrize("key", ["enter", "x", "t"])
async def test_the_run_that_was_looked_at(open_app: Open, runs: Path, key: str) -> None:
    async with open_app() as pilot:
        name = (await press(pilot, "down", "down", "down")).current.name
        await press(pilot, key)
    async with open_app() as pilot:
        assert (await press(pilot, "escape")).current.name == name


async def test_what_was_typed_to_ask_a_run(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await press(pilot, "t", *"a fine", "tab", "p")
    async with open_app() as pilot:
        assert [field.value for field in pilot.app.screen.query(Input)] == ["a fine", "p"]


@pytest.mark.parametrize(
    "text", ["wizard 9", "wizard x", "chat /gone\n{}", "compare\n/gone\n/gone", "/gone", "\x00", ""]
)
async def test_a_place_that_is_none(open_app: Open, runs: Path, place: Path, text: str) -> None:
    place.write_text(text)
    async with open_app() as pilot:
        expected = WizardScreen if text.startswith("wizard") else HomeScreen
        assert isinstance(pilot.app.screen, expected)


async def test_what_was_typed_may_be_damaged(open_app: Open, runs: Path, place: Path) -> None:
    place.write_text(f"chat {runs / 'runs' / 'done-run'}\n[5")
    async with open_app() as pilot:
        assert isinstance(pilot.app.screen, ChatScreen)
        assert [field.value for field in pilot.app.screen.query(Input)] == ["", ""]
